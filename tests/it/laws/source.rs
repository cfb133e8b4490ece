//! The library's source as the laws read it: without comments, texts and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of `src/`.
#[derive(Debug)]
pub(crate) struct File {
    /// Below `src/`, with forward slashes.
    pub(crate) path: String,
    /// The code: comments, the insides of literals, and items for tests only are blanked, lines are kept.
    pub(crate) code: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), code: without_tests(&without_texts(text)) }
    }

    /// The folder directly below `src/`, if the file is in one.
    pub(crate) fn folder(&self) -> Option<&str> {
        self.path.split_once('/').map(|(folder, _)| folder)
    }

    /// The file's name without `.rs`.
    pub(crate) fn room(&self) -> &str {
        let name = self.path.rsplit_once('/').map_or(&*self.path, |(_, name)| name);
        name.trim_end_matches(".rs")
    }

    /// `path:line: text` for each line of code with one of `words` in it.
    pub(crate) fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for (number, line) in self.code.lines().enumerate() {
            if words.iter().any(|word| contains(line, word)) {
                found.push(self.at(number, line));
            }
        }
        found
    }

    pub(crate) fn at(&self, number: usize, line: &str) -> String {
        format!("src/{}:{}: {}", self.path, number + 1, line.trim())
    }
}

/// All of `src/`.
pub(crate) fn library() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("models.rs") {
                // Tests: built for the models only.
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let below = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                files.push(File::new(&below, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 20, "the source was not found");
    files
}

/// Whether `line` has `word` in it, not as a part of a longer word.
fn contains(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let starts = !word.starts_with(part) || !before.is_some_and(part);
        let ends = !word.ends_with(part) || !after.is_some_and(part);
        starts && ends
    })
}

/// Blanks comments and the insides of string and character literals.
fn without_texts(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut code = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match (at(i), at(i + 1)) {
            ('/', '/') => (i..chars.len()).find(|&j| chars[j] == '\n').unwrap_or(chars.len()),
            ('/', '*') => end_of_block(&chars, i),
            ('"', _) => end_of_string(&chars, i),
            ('r', '"' | '#') if !before_is_word(&chars, i) => match end_of_raw(&chars, i) {
                Some(end) => end,
                None => i,
            },
            // A lifetime has no closing quote.
            ('\'', '\\') => (i + 3..chars.len()).find(|&j| chars[j] == '\'').map_or(chars.len(), |j| j + 1),
            ('\'', _) if at(i + 2) == '\'' => i + 3,
            _ => i,
        };
        if end == i {
            code.push(chars[i]);
            i += 1;
        } else {
            let quote = if chars[i] == '/' { ' ' } else { '"' };
            code.push(quote);
            code.extend(chars[i + 1..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            if quote == '"' {
                code.push('"');
            }
            i = end;
        }
    }
    code
}

fn before_is_word(chars: &[char], i: usize) -> bool {
    i > 0 && (chars[i - 1].is_alphanumeric() || chars[i - 1] == '_')
}

fn end_of_block(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// The end of `r"…"` or `r#"…"#`; `None` for a raw identifier.
fn end_of_raw(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return None;
    }
    let mut closing = vec!['"'];
    closing.resize(1 + hashes, '#');
    let inside = start + 2 + hashes;
    let found = chars[inside..].windows(closing.len()).position(|window| window == closing);
    Some(found.map_or(chars.len(), |position| inside + position + closing.len()))
}

/// Blanks each item under `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn without_tests(code: &str) -> String {
    let mut kept = code.to_owned();
    let mut from = 0;
    while let Some(start) = ["#[cfg(test)]", "#[cfg(all(test,"]
        .iter()
        .filter_map(|attribute| kept[from..].find(attribute))
        .min()
        .map(|found| from + found)
    {
        let end = end_of_item(&kept, start);
        let blank: String = kept[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        kept.replace_range(start..end, &blank);
        from = start + blank.len();
    }
    kept
}

/// Where the item ends that the attribute at `start` stands on: at its `;`, or with its block.
fn end_of_item(code: &str, start: usize) -> usize {
    let (mut braces, mut brackets) = (0, 0);
    for (offset, c) in code[start..].char_indices() {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets -= 1,
            '{' => braces += 1,
            '}' if braces == 1 => return start + offset + 1,
            '}' => braces -= 1,
            ';' if braces == 0 && brackets == 0 => return start + offset + 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn texts_comments_and_tests_are_not_code() {
    let file = File::new(
        "family/thing.rs",
        r###"
//! tokio
/* tokio /* tokio */ tokio */
const A: &str = "tokio \" tokio"; // tokio
const B: &str = r#"tokio " tokio"#;
fn lifetime<'a>(c: &'a char) -> bool { *c == '"' || *c == '\'' }
#[cfg(test)]
use tokio::time;
#[cfg(all(test, seawall_loom))]
mod models { fn f() { tokio(); { tokio() } } }
#[cfg(test)]
mod tests;
fn after() { real }
"###,
    );
    assert_eq!(file.lines_with(&["tokio"]), Vec::<String>::new());
    assert_eq!(file.lines_with(&["real"]), ["src/family/thing.rs:13: fn after() { real }"]);
    assert_eq!((file.folder(), file.room()), (Some("family"), "thing"));
}

#[test]
fn a_word_is_found_whole_only() {
    assert!(contains("use std::sync::Arc;", "Arc"));
    assert!(!contains("struct Archive;", "Arc"));
    assert!(contains("x: Arc<u8>", "Arc<"));
    assert!(!contains("x: MyArc<u8>", "Arc<"));
}
