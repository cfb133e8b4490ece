//! What the script answered, as a decision.

use crate::rate_limit::{Decision, Verdict};
use redis::Value;
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
    /// `None` if it is not the script's: permits granted, its clock, and for each limit wait, permits left, time to full.
    pub(super) fn read(value: &Value, whose: impl Fn(usize, Decision) -> Decision) -> Option<Self> {
        let Value::BulkString(bytes) = value else { return None };
        let (numbers, []) = bytes.as_chunks::<8>() else { return None };
        let ([granted, clock], limits) = numbers.split_first_chunk()?;
        let (limits, []) = limits.as_chunks::<3>() else { return None };
        let decision = limits.iter().enumerate().map(|(index, &[wait, left, reset])| {
            let verdict = match micros(wait) {
                Duration::ZERO => Verdict::Admitted,
                retry_after => Verdict::Limited { retry_after },
            };
            whose(index, Decision::new(verdict, number(left) as u32, micros(reset)))
        });
        let decision = decision.reduce(Decision::and)?;
        Some(Self { granted: number(*granted) as u32, decision, clock: number(*clock) })
    }
}

/// Whole and not negative; beyond what is exact it is at most the greatest there is.
const fn number(bytes: [u8; 8]) -> u64 {
    f64::from_le_bytes(bytes) as u64
}

const fn micros(bytes: [u8; 8]) -> Duration {
    Duration::from_micros(number(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(numbers: &[f64]) -> Value {
        Value::BulkString(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }

    #[test]
    fn the_refusal_that_lasts_longest_is_told() {
        let reply =
            Reply::read(&value(&[0.0, 7.0, 0.0, 5.0, 9.0, 30.0, 1.0, 40.0]), |index, one| one.at(index))
                .unwrap();
        assert_eq!((reply.granted, reply.clock), (0, 7));
        assert_eq!(reply.decision.retry_after(), Some(Duration::from_micros(30)));
        assert_eq!(reply.decision.refusing().collect::<Vec<_>>(), [1]);
        assert_eq!(reply.decision.reset_after(), Duration::from_micros(40));
    }

    #[test]
    fn nothing_else_is_a_reply() {
        for numbers in [&[][..], &[1.0], &[1.0, 2.0], &[1.0, 2.0, 0.0, 1.0]] {
            assert_eq!(Reply::read(&value(numbers), |_, one| one), None, "{numbers:?}");
        }
        assert_eq!(Reply::read(&Value::Int(1), |_, one| one), None);
        assert_eq!(Reply::read(&Value::BulkString(b"no".to_vec()), |_, one| one), None);
    }
}
