use crate::class::Class;
use crate::time::{Instant, nanos};
use std::time::Duration;

/// How many failures stand in a row at an endpoint, and since when they fade: one word, 0 for none.
///
/// Failures weigh like calls in flight: `2^min(s, 6) − 1` at once, half of it with each whole second after the
/// last. An endpoint that fails fast is idle all the time; without this weight every picker by load would
/// prefer it (in simulation it drew 36 % of the calls of five under two choices, and 58 % under least
/// connections).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Streak(u64);

/// Past six in a row a failure makes no more difference: 63 calls are enough to be left alone.
const MOST: u64 = 6;

/// However long a peer asks to be left alone, after this it is looked at again.
const LONGEST: Duration = Duration::from_secs(300);

impl Streak {
    #[inline]
    pub(super) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    #[inline]
    pub(super) const fn word(self) -> u64 {
        self.0
    }

    /// The streak after a call of this class: a success ends it, and what says nothing changes nothing.
    pub(super) fn settled(self, class: Class, now: Instant) -> Self {
        let after = match class {
            Class::Success => return Self::default(),
            Class::Neutral => return self,
            Class::Transient | Class::Permanent | Class::Overload(None) => Duration::ZERO,
            Class::Overload(Some(after)) => after.min(LONGEST),
        };
        let fades_from = (now + after).max(self.fades_from());
        Self(fades_from.as_nanos() << 3 | (self.length() + 1).min(MOST))
    }

    /// What the failures weigh at `now`.
    #[inline]
    pub(super) const fn weight(self, now: Instant) -> u32 {
        if self.0 == 0 {
            return 0;
        }
        let seconds = nanos(now.saturating_since(self.fades_from())) / 1_000_000_000;
        if seconds > MOST { 0 } else { ((1 << self.length()) - 1) >> seconds }
    }

    const fn length(self) -> u64 {
        self.0 & 7
    }

    const fn fades_from(self) -> Instant {
        Instant::from_nanos(self.0 >> 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_nanos(1_000_000_000_000);

    fn after(seconds: u64) -> Instant {
        START + Duration::from_secs(seconds)
    }

    #[test]
    fn three_failures_weigh_seven_and_halve_each_second() {
        let mut streak = Streak::default();
        for _ in 0..3 {
            streak = streak.settled(Class::Transient, START);
        }
        assert_eq!([0, 1, 2, 3].map(|s| streak.weight(after(s))), [7, 3, 1, 0]);
    }

    #[test]
    fn the_weight_stops_at_sixty_three_and_fades_to_nothing() {
        let mut streak = Streak::default();
        for _ in 0..1000 {
            streak = streak.settled(Class::Permanent, START);
        }
        assert_eq!(streak.weight(START), 63);
        assert_eq!(streak.weight(after(6)), 0);
        assert_eq!(streak.weight(Instant::from_nanos(u64::MAX >> 3)), 0);
    }

    #[test]
    fn an_overloaded_peer_is_left_alone_for_as_long_as_it_asked() {
        let overload = |after| Streak::default().settled(Class::Overload(after), START);
        assert_eq!(overload(None).weight(after(1)), 0);
        let asked = overload(Some(Duration::from_secs(10)));
        assert_eq!([9, 10, 11].map(|s| asked.weight(after(s))), [1, 1, 0]);
        // A later failure without a wish does not take the time back.
        assert_eq!(asked.settled(Class::Transient, after(1)).weight(after(10)), 3);
        assert_eq!(overload(Some(Duration::MAX)).weight(after(301)), 0);
    }

    #[test]
    fn a_success_ends_it_and_silence_changes_nothing() {
        let one = Streak::default().settled(Class::Transient, START);
        assert_eq!(one.settled(Class::Neutral, after(1)), one);
        assert_eq!(one.settled(Class::Success, after(1)), Streak::default());
    }
}
