//! A feature changes no behaviour: it brings a module in, and that is all it can do.

use super::source::{File, library};

/// Lines that name a feature and stand neither on a module nor on a re-export.
fn offences(file: &File) -> Vec<String> {
    let lines: Vec<_> = file.code.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if line.contains("feature =") && !brings_a_module_in(&lines[number..]) {
            found.push(file.at(number, line));
        }
    }
    found
}

/// Whether the attribute that begins here stands on `mod` or `pub use`.
fn brings_a_module_in(lines: &[&str]) -> bool {
    let mut item = lines.iter().map(|line| line.trim());
    lines[0].trim().starts_with("#[cfg(")
        && item.find(|line| !line.is_empty() && !line.starts_with("#[")).is_some_and(|line| {
            ["mod ", "pub mod ", "pub(crate) mod ", "pub use "].iter().any(|kind| line.starts_with(kind))
        })
}

#[test]
fn a_feature_stands_only_on_modules_and_their_re_exports() {
    let found: Vec<_> = library().iter().flat_map(offences).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_feature_on_anything_else_is_found_out() {
    let bad = [
        "#[cfg(feature = \"http\")]\nfn f() {}",
        "fn f() { if cfg!(feature = \"http\") {} }",
        "#[cfg(all(unix, feature = \"http\"))]\nimpl A for B {}",
        "#[cfg_attr(feature = \"http\", derive(Debug))]\npub mod a;",
        "#[cfg(feature = \"http\")]\nuse a::b;",
    ];
    for text in bad {
        assert_eq!(offences(&File::new("a.rs", text)).len(), 1, "{text}");
    }
    let good = [
        "#[cfg(feature = \"http\")]\n#[doc(inline)]\npub mod http;",
        "#[cfg(feature = \"http\")]\npub use a::b;",
    ];
    for text in good {
        assert!(offences(&File::new("a.rs", text)).is_empty(), "{text}");
    }
}
