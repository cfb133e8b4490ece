//! What the script answered, as a decision.

use crate::rate_limit::{Decision, Verdict};
use redis::{FromRedisValue, Value};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// Permits that were taken: none, the cost, or with a lease more.
    pub(super) granted: u32,
    pub(super) decision: Decision,
    /// The server's time, in microseconds.
    pub(super) clock: u64,
}

impl Reply {
    /// `None` if it is not the script's.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let numbers = Vec::<u64>::from_redis_value_ref(value).ok()?;
        let [granted, fits, clock, limits @ ..] = &*numbers else { return None };
        let (limits, rest) = limits.as_chunks::<3>();
        if !rest.is_empty() || limits.is_empty() {
            return None;
        }
        let decision = limits
            .iter()
            .enumerate()
            .map(|(index, &[wait, left, reset])| {
                let verdict = match wait {
                    0 => Verdict::Admitted,
                    wait => Verdict::Limited { retry_after: Duration::from_micros(wait) },
                };
                let left = u32::try_from(left).unwrap_or(u32::MAX);
                Decision::new(verdict, left, Duration::from_micros(reset)).at(index)
            })
            .reduce(Decision::and)?;
        let granted = u32::try_from(*granted).ok()?;
        (decision.is_admitted() == (*fits == 1)).then_some(Self { granted, decision, clock: *clock })
    }
}
