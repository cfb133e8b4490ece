//! What the script may be asked about one set of limits.

use super::reply::Reply;
use super::script::{Act, Scripts, is_unknown};
use super::store::{Store, Unavailable};
use super::terms::{Terms, doubles};
use crate::name::Name;
use crate::rate_limit::Decision;
use crate::rate_limit::remote::Rule;
use crate::time::{Instant, nanos};
use redis::Cmd;
use std::sync::Arc;

pub(super) struct Questions {
    pub(super) scripts: Arc<Scripts>,
    limits: Vec<Asked>,
    pub(super) capacity: u32,
}

/// A limit that may refuse.
struct Asked {
    // Its place among all.
    place: usize,
    // What its key ends with.
    end: String,
    by: Option<Name>,
    terms: [u8; 32],
}

/// So many permits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permits {
    pub(super) cost: u32,
    /// As many as are there, up to this.
    pub(super) most: u32,
    /// What was admitted without the store, and is paid first.
    pub(super) owed: u32,
    /// When those that come back were taken, in the server's microseconds; 0 for an operator's grant.
    pub(super) taken: u64,
}

impl Permits {
    pub(super) const fn of(cost: u32) -> Self {
        Self { cost, most: cost, owed: 0, taken: 0 }
    }
}

impl Questions {
    /// About these limits, each with its name and perhaps the name by which it refuses; so much of their bursts is held
    /// elsewhere.
    pub(super) fn new(
        store: &Store,
        limits: impl Iterator<Item = (String, Option<Name>, Rule)>,
        held: u32,
    ) -> Self {
        let (mut kinds, mut capacity, mut asked) = (Vec::new(), u32::MAX, Vec::new());
        for (place, (name, by, rule)) in limits.enumerate() {
            let Some(terms) = Terms::of(rule) else { continue };
            kinds.push(terms.kind);
            capacity = capacity.min(terms.capacity.saturating_sub(held));
            asked.push(Asked { place, end: format!("}}:{name}"), by, terms: terms.bytes(held) });
        }
        Self { scripts: store.scripts(&kinds), limits: asked, capacity }
    }

    /// Whether nothing is ever refused.
    pub(super) const fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// One trip; what failed may or may not have happened.
    pub(super) async fn ask(
        &self,
        store: &Store,
        act: Act,
        key: u128,
        permits: Permits,
        due: Instant,
    ) -> Result<Reply, Unavailable> {
        let text = self.scripts.of(act);
        let short = self.command("EVALSHA", &text.hash, &store.key(key), permits);
        let whole = |error: &redis::RedisError| {
            is_unknown(error).then(|| self.command("EVAL", &text.whole, &store.key(key), permits))
        };
        let value = store.ask(&short, whole, due).await?;
        let whose = |index: usize, decision: Decision| match self.limits.get(index) {
            Some(limit) => limit.by.map_or(decision, |name| decision.by(name)).at(limit.place),
            None => decision,
        };
        Reply::read(&value, whose).ok_or(Unavailable)
    }

    /// What a call of so many permits would be answered.
    pub(super) async fn peek(
        &self,
        store: &Store,
        key: u128,
        cost: u32,
        due: Instant,
    ) -> Result<Decision, Unavailable> {
        if self.is_empty() {
            return Ok(Decision::admitted(u32::MAX, 0));
        }
        let fits = cost <= self.capacity;
        let permits = Permits::of(if fits { cost } else { 0 });
        let decision = self.ask(store, Act::Peek, key, permits, due).await?.decision;
        if fits {
            return Ok(decision);
        }
        Ok(Decision::too_large(decision.remaining(), nanos(decision.reset_after()), self.capacity))
    }

    /// Forgets everything taken.
    pub(super) async fn reset(&self, store: &Store, key: u128, due: Instant) -> Result<(), Unavailable> {
        if self.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("DEL");
        command.arg(self.keys(&store.key(key)));
        store.ask(&command, |_| None, due).await.map(drop)
    }

    /// One key for each limit; the braces make a cluster keep them together.
    pub(super) fn keys(&self, key: &str) -> Vec<String> {
        self.limits.iter().map(|limit| format!("{key}{}", limit.end)).collect()
    }

    pub(super) fn command(&self, verb: &str, text: &str, key: &str, permits: Permits) -> Cmd {
        let Permits { cost, most, owed, taken } = permits;
        let mut command = redis::cmd(verb);
        command.arg(text).arg(self.limits.len());
        for limit in &self.limits {
            command.arg(format!("{key}{}", limit.end));
        }
        command.arg(doubles([cost.into(), most.into(), owed.into(), taken]).as_slice());
        for limit in &self.limits {
            command.arg(limit.terms.as_slice());
        }
        command
    }
}
