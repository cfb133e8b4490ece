//! An algorithm and its state, driven by plain numbers.

use super::{Algorithm, Decision, Verdict};
use crate::time::Instant;
use std::fmt::Debug;
use std::time::Duration;

pub(super) const MS: u64 = 1_000_000;
pub(super) const S: u64 = 1000 * MS;

pub(super) struct Driven<A: Algorithm> {
    pub(super) algorithm: A,
    pub(super) state: A::State,
}

impl<A: Algorithm<State: Clone + Debug + PartialEq>> Driven<A> {
    pub(super) fn new(algorithm: A) -> Self {
        Self { algorithm, state: algorithm.fresh() }
    }

    /// Asks, and checks what holds for every algorithm.
    #[track_caller]
    pub(super) fn ask(&mut self, at: u64, cost: u32) -> Decision {
        let (now, before) = (Instant::from_nanos(at), self.state.clone());
        let asked = self.algorithm.peek(&self.state, cost, 0, now);
        let decision = self.algorithm.admit(&mut self.state, cost, now);
        assert_eq!(decision.verdict(), asked.verdict(), "a question is answered as the act is");
        if cost == 0 || !decision.is_admitted() {
            assert_eq!(self.state, before, "a refusal changes nothing, nor does a cost of nothing");
            assert_eq!(decision, asked);
        }
        // Near the end of what a word can tell, time stands still.
        if let Some(wait) = decision.retry_after()
            && u128::from(at) + wait.as_nanos() < 1 << 58
        {
            let then = |nanos: u64| Instant::from_nanos(at.saturating_add(nanos));
            let wait = wait.as_nanos() as u64;
            assert!(wait > 0, "a wait of nothing at {at} for {cost}");
            let late = self.algorithm.peek(&self.state, cost, 0, then(wait));
            assert!(late.is_admitted(), "refused after waiting {wait} from {at} for {cost}");
            let early = self.algorithm.peek(&self.state, cost, 0, then(wait - 1));
            assert!(!early.is_admitted(), "admitted a nanosecond early, {wait} from {at} for {cost}");
        }
        decision
    }

    #[track_caller]
    pub(super) fn admits(&mut self, at: u64, cost: u32) -> u32 {
        let decision = self.ask(at, cost);
        assert!(decision.is_admitted(), "at {at} for {cost}: {decision:?}");
        decision.remaining()
    }

    #[track_caller]
    pub(super) fn tells(&mut self, at: u64, cost: u32, remaining: u32, reset: u64) {
        assert_eq!(self.ask(at, cost), Decision::admitted(remaining, reset), "at {at} for {cost}");
    }

    #[track_caller]
    pub(super) fn limits(&mut self, at: u64, cost: u32, remaining: u32, retry: u64) {
        let decision = self.ask(at, cost);
        let told = (decision.remaining(), decision.retry_after());
        assert_eq!(told, (remaining, Some(Duration::from_nanos(retry))), "at {at} for {cost}");
    }

    #[track_caller]
    pub(super) fn never(&mut self, at: u64, cost: u32, capacity: u32) {
        assert_eq!(self.ask(at, cost).verdict(), Verdict::TooLarge { capacity }, "at {at} for {cost}");
    }

    pub(super) fn give_back(&mut self, cost: u32, taken: u64) {
        self.algorithm.give_back(&mut self.state, cost, Instant::from_nanos(taken));
    }

    pub(super) fn charge(&mut self, at: u64, cost: u32) -> u64 {
        self.algorithm.charge(&mut self.state, cost, Instant::from_nanos(at)).as_nanos() as u64
    }
}
