//! The script that decides, put together from what is asked and from the rules of the limits that are asked.
//!
//! Each limit gets a straight run of its own, without a function and without a table: the server runs all of the text each
//! time, and that is what a check costs there.

use super::terms::Kind;
use redis::{ErrorKind, RedisError, Script, ServerErrorKind};

/// What is done with the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// All take, or none.
    Take,
    /// The same, after what was admitted without the store has been paid.
    Pay,
    /// Nothing is taken.
    Peek,
    /// Permits come back.
    Give,
    /// They are taken whether or not they are there.
    Charge,
}

/// A text that the server knows by its hash, or is given whole.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) whole: String,
    pub(super) hash: String,
}

impl Text {
    pub(super) fn new(whole: impl Into<String>) -> Self {
        let whole = whole.into();
        let hash = Script::new(&whole).get_hash().to_owned();
        Self { whole, hash }
    }
}

/// A text for each act over limits of the same kinds.
#[derive(Debug)]
pub(super) struct Scripts([Text; 5]);

impl Scripts {
    pub(super) fn new(kinds: &[Kind]) -> Self {
        let acts = [Act::Take, Act::Pay, Act::Peek, Act::Give, Act::Charge];
        Self(acts.map(|act| Text::new(text(act, kinds))))
    }

    pub(super) const fn of(&self, act: Act) -> &Text {
        &self.0[act as usize]
    }
}

fn text(act: Act, kinds: &[Kind]) -> String {
    let each = |name: &str| -> String {
        kinds.iter().enumerate().map(|(index, &kind)| of_limit(name, kind, index + 1, kinds.len())).collect()
    };
    let all_fit = joined(kinds, " and ", "L.wait == 0");
    let decision = match act {
        Act::Give => each("give"),
        // Then it is as if one asked for nothing more.
        Act::Charge => format!("granted = cost\n{}cost = 0\n{}", each("take"), each("wait")),
        Act::Take | Act::Pay | Act::Peek => {
            let pay = if act == Act::Pay { each("pay") } else { String::new() };
            let take = if act == Act::Peek { String::new() } else { each("least") + &each("take") };
            let wait = each("wait");
            format!(
                "{pay}if cost > 0 then\n{wait}end\nif cost > 0 and {all_fit} then\ngranted = most\n{take}end\n"
            )
        }
    };
    let save = if act == Act::Peek { String::new() } else { each("save") };
    let told = joined(kinds, ", ", "L.wait, LEFT, L.reset");
    let numbers = 2 + 3 * kinds.len();
    format!(
        "{}{}{}{decision}{}{save}return write('<{}', granted, clock, {told})\n",
        include_str!("script/head.lua"),
        each("fields"),
        each("open"),
        each("told"),
        "d".repeat(numbers),
    )
}

/// Lua has 200 local names; where there are more, a limit's fields are those of a table, which is slower.
const IN_LOCALS: usize = 12;

/// One part of the script, for the limit of this number among so many.
fn of_limit(name: &str, kind: Kind, number: usize, limits: usize) -> String {
    let in_locals = limits <= IN_LOCALS;
    let text = match name {
        "fields" if in_locals => {
            let fields = format!("{}, {}", section(LIMIT, "fields"), section(kind.text(), "fields"));
            format!("local L.{}\n", fields.replace(", ", ", L."))
        }
        "fields" => format!("local l{number} = {{}}\n"),
        "open" => format!("{}\n{}\n", section(LIMIT, name), section(kind.text(), name)),
        _ => format!("{}\n", section(LIMIT, name)),
    };
    filled(&text, kind, number, in_locals)
}

/// An expression over each of the limits.
fn joined(kinds: &[Kind], by: &str, expression: &str) -> String {
    let one = |(index, &kind): (usize, &Kind)| filled(expression, kind, index + 1, kinds.len() <= IN_LOCALS);
    kinds.iter().enumerate().map(one).collect::<Vec<_>>().join(by)
}

fn filled(text: &str, kind: Kind, number: usize, in_locals: bool) -> String {
    let rule = |name| section(kind.text(), name);
    let text = text.replace("WAIT", rule("wait")).replace("TAKE", rule("take")).replace("GIVE", rule("give"));
    let text =
        text.replace("LEFT", rule("left")).replace("RESET", rule("reset")).replace("STATE", rule("state"));
    text.replace("[I]", &format!("[{number}]"))
        .replace("[1 + I]", &format!("[{}]", number + 1))
        .replace("L.", &format!("l{number}{}", if in_locals { "_" } else { "." }))
}

const LIMIT: &str = include_str!("script/limit.lua");

impl Kind {
    const fn text(self) -> &'static str {
        match self {
            Self::Bucket => include_str!("script/bucket.lua"),
            Self::Fixed => include_str!("script/fixed.lua"),
            Self::Counter => include_str!("script/counter.lua"),
            Self::Log => include_str!("script/log.lua"),
        }
    }
}

/// What stands in `text` under `--: name`.
fn section<'a>(text: &'a str, name: &str) -> &'a str {
    let mut sections = text.split("--: ").filter_map(|section| section.split_once('\n'));
    sections.find(|(title, _)| *title == name).map_or("", |(_, body)| body.trim_end())
}

/// Whether the server does not know the script: nothing has run, so running it whole charges nobody twice.
pub(super) fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
