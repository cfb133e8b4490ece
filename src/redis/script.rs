//! The script that decides, put together from the rules that a set of limits uses.

use super::limit::{Limit, Rule};
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind};

impl Rule {
    const ALL: [Self; 4] = [Self::Bucket, Self::Fixed, Self::Counter, Self::Log];

    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::Bucket => "b",
            Self::Fixed => "f",
            Self::Counter => "c",
            Self::Log => "l",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Bucket => include_str!("script/bucket.lua"),
            Self::Fixed => include_str!("script/fixed.lua"),
            Self::Counter => include_str!("script/counter.lua"),
            Self::Log => include_str!("script/log.lua"),
        }
    }
}

/// The text for these limits: as little as they need, since the server runs all of it each time.
pub(super) fn text(limits: &[Limit]) -> String {
    if let [limit] = limits
        && limit.rule() == Rule::Bucket
    {
        return include_str!("script/alone.lua").to_owned();
    }
    let mut text = String::from(include_str!("script/head.lua"));
    for rule in Rule::ALL {
        if limits.iter().any(|limit| limit.rule() == rule) {
            text.push_str(rule.text());
        }
    }
    text.push_str(include_str!("script/tail.lua"));
    text
}

/// What the script is told, in its order.
pub(super) enum Argument {
    Word(&'static str),
    Number(u64),
}

/// `EVALSHA`, or `EVAL` with the whole text.
pub(super) fn command(whole: Option<&str>, hash: &str, keys: &[String], arguments: &[Argument]) -> Cmd {
    let mut command = redis::cmd(if whole.is_some() { "EVAL" } else { "EVALSHA" });
    command.arg(whole.unwrap_or(hash)).arg(keys.len()).arg(keys);
    for argument in arguments {
        match argument {
            Argument::Word(word) => command.arg(word),
            Argument::Number(number) => command.arg(number),
        };
    }
    command
}

/// Whether the server does not know the script: nothing has run, so running it whole charges nobody twice.
pub(super) fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
