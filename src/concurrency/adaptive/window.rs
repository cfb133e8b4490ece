use super::algorithm::Reading;
use crate::time::Instant;
use std::time::Duration;

/// Means, not single lucky calls, and ten updates a second at most.
pub(super) const LENGTH: Duration = Duration::from_millis(100);
pub(super) const OUTCOMES: u64 = 10;

/// What a window has seen so far, or the part of it that one stripe has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    samples: u64,
    nanos: u64,
    drops: u64,
    in_flight: u32,
}

impl Window {
    /// A success of a call that took so long and saw so many in flight when it was admitted.
    #[inline]
    pub(super) fn sample(&mut self, rtt: Duration, in_flight: u32) {
        self.samples += 1;
        self.nanos = self.nanos.saturating_add(crate::time::nanos(rtt));
        self.in_flight = self.in_flight.max(in_flight);
    }

    /// A call that met overload.
    pub(super) fn overload(&mut self, in_flight: u32) {
        self.drops += 1;
        self.in_flight = self.in_flight.max(in_flight);
    }

    pub(super) const fn outcomes(&self) -> u64 {
        self.samples + self.drops
    }

    /// Takes in another part of the same window.
    pub(super) fn merge(&mut self, part: Self) {
        self.samples += part.samples;
        self.nanos = self.nanos.saturating_add(part.nanos);
        self.drops += part.drops;
        self.in_flight = self.in_flight.max(part.in_flight);
    }

    /// What there is to be learnt from it.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            // No time at all is a clock that stands still, or was set back: no call is as fast as that.
            rtt: self.nanos.checked_div(self.samples).filter(|mean| *mean > 0).map(Duration::from_nanos),
            in_flight: self.in_flight,
            dropped: self.drops > 0,
        }
    }

    /// Whether a window that began at `began` may close at `now`, its outcomes aside.
    #[inline]
    pub(super) fn is_long_enough(began: Instant, now: Instant) -> bool {
        now - began >= LENGTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CC-20.
    #[test]
    fn the_mean_is_of_whole_nanoseconds() {
        let mut window = Window::default();
        for rtt in [5000, 500, 10] {
            window.sample(Duration::from_nanos(rtt), 1);
        }
        assert_eq!(window.reading().rtt, Some(Duration::from_nanos(1836)));
    }

    #[test]
    fn a_clock_that_stands_still_says_nothing() {
        let mut window = Window::default();
        (0..10).for_each(|_| window.sample(Duration::ZERO, 3));
        assert_eq!(window.reading(), Reading { rtt: None, in_flight: 3, dropped: false });
    }

    #[test]
    fn drops_alone_have_no_mean() {
        let mut window = Window::default();
        window.overload(7);
        assert_eq!(window.reading(), Reading { rtt: None, in_flight: 7, dropped: true });
    }

    #[test]
    fn parts_make_a_whole() {
        let (mut whole, mut a, mut b) = (Window::default(), Window::default(), Window::default());
        for (n, rtt) in [30, 10, 50, 20].into_iter().enumerate() {
            let part = if n % 2 == 0 { &mut a } else { &mut b };
            whole.sample(Duration::from_nanos(rtt), n as u32);
            part.sample(Duration::from_nanos(rtt), n as u32);
        }
        a.merge(b);
        assert_eq!(a, whole);
    }
}
