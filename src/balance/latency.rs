use crate::time::{Instant, nanos};
use std::time::Duration;

/// How long calls have taken lately, at their peaks, and when that was last written: one word, 0 for unknown.
///
/// The cost stands as a single-precision number of nanoseconds, which is exact to seven digits; the time in steps
/// of 65.5 µs, which wrap around every 78 hours. Both are far finer than what a choice between two can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Latency(u64);

const STEP_BITS: u32 = 16;

/// What one call says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// It took so long.
    Took(Duration),
    /// It took, or would have taken, at least so long: this can only raise the cost, and says nothing where
    /// nothing is known, or an endpoint that fails at once would be the fastest of all.
    AtLeast(Duration),
}

impl Latency {
    #[inline]
    pub(super) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    #[inline]
    pub(super) const fn word(self) -> u64 {
        self.0
    }

    /// The cost at `now`, in nanoseconds: what was written, faded by the time since. Reading changes nothing. It
    /// is at least 1 if anything is known.
    #[inline]
    pub(super) fn cost(self, now: Instant, decay: Duration) -> u64 {
        if self.0 == 0 { 0 } else { (self.written() * faded(self.age(now), decay)).max(1.0) as u64 }
    }

    /// The cost after this sample: a higher one replaces it, a lower one draws it down as far as time has passed.
    #[inline]
    #[expect(
        clippy::suboptimal_flops,
        reason = "where the instruction is missing, mul_add calls the C library"
    )]
    pub(super) fn sampled(self, sample: Sample, now: Instant, decay: Duration) -> Self {
        let kept = if self.0 == 0 { 0.0 } else { faded(self.age(now), decay) };
        let cost = self.written() * kept;
        let nanos = |duration| nanos(duration) as f32;
        match sample {
            // Towards the sample by as much as time has passed.
            Sample::Took(took) if nanos(took) < cost => Self::write(cost + nanos(took) * (1.0 - kept), now),
            Sample::Took(took) => Self::write(nanos(took), now),
            Sample::AtLeast(age) if self.0 != 0 && nanos(age) > cost => Self::write(nanos(age), now),
            Sample::AtLeast(_) => self,
        }
    }

    #[inline]
    fn write(cost: f32, now: Instant) -> Self {
        Self(u64::from(cost.max(1.0).to_bits()) << 32 | u64::from(step(now)))
    }

    #[inline]
    const fn written(self) -> f32 {
        f32::from_bits((self.0 >> 32) as u32)
    }

    /// The time since it was written; none if that was later than `now`, as a racing call may have it.
    #[inline]
    fn age(self, now: Instant) -> Duration {
        match step(now).wrapping_sub(self.0 as u32) {
            steps if steps > u32::MAX / 2 => Duration::ZERO,
            steps => Duration::from_nanos(u64::from(steps) << STEP_BITS),
        }
    }
}

#[inline]
const fn step(now: Instant) -> u32 {
    (now.as_nanos() >> STEP_BITS) as u32
}

/// `e^(−age/decay)` within 0.03 %, in plain arithmetic: a power of two by its bits, and the rest of it by five
/// terms of its series.
#[inline]
#[expect(clippy::suboptimal_flops, reason = "where the instruction is missing, mul_add calls the C library")]
fn faded(age: Duration, decay: Duration) -> f32 {
    let x = nanos(age) as f32 / nanos(decay) as f32 * std::f32::consts::LOG2_E;
    // Also what is no number at all: nothing divided by nothing.
    if x.is_nan() || x >= 126.0 {
        return 0.0;
    }
    let whole = x as u32;
    let rest = x - whole as f32;
    let series = 1.0
        - rest
            * (std::f32::consts::LN_2
                - rest * (0.240_226_5 - rest * (0.055_504_1 - rest * (0.009_618_1 - rest * 0.001_333_4))));
    series * f32::from_bits((127 - whole) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECAY: Duration = Duration::from_secs(10);

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(3_600_000_000_000) + Duration::from_millis(millis)
    }

    fn took(seconds: f64) -> Sample {
        Sample::Took(Duration::from_secs_f64(seconds))
    }

    fn close(cost: u64, seconds: f64) -> bool {
        (cost as f64 / 1e9 - seconds).abs() <= seconds * 1e-3
    }

    #[test]
    fn lower_samples_draw_the_cost_down_as_time_passes() {
        let high = Latency::default().sampled(took(10.0), at(1000), DECAY);
        let low = high.sampled(took(1.0), at(1100), DECAY);
        assert!(close(low.cost(at(1100), DECAY), 9.9104), "{}", low.cost(at(1100), DECAY));
        let one = Latency::default().sampled(took(1.0), at(0), DECAY);
        let none = one.sampled(took(0.0), at(10_000), DECAY);
        assert!(close(none.cost(at(10_000), DECAY), 0.3679));
    }

    #[test]
    fn a_higher_sample_replaces_the_cost_at_once() {
        let low = Latency::default().sampled(took(0.01), at(0), DECAY);
        assert!(close(low.sampled(took(2.0), at(1), DECAY).cost(at(1), DECAY), 2.0));
    }

    #[test]
    fn reading_changes_nothing_and_time_alone_fades() {
        let word = Latency::default().sampled(took(1.0), at(0), DECAY);
        for seconds in 0..60 {
            let cost = word.cost(at(seconds * 1000), DECAY);
            assert!(close(cost, (-(seconds as f64) / 10.0).exp()), "{seconds}: {cost}");
        }
        assert_eq!(word.cost(at(10_000_000), DECAY), 1);
        assert_eq!(Latency::default().cost(at(0), DECAY), 0);
    }

    #[test]
    fn a_lower_bound_raises_and_never_lowers() {
        let word = Latency::default().sampled(took(1.0), at(0), DECAY);
        assert_eq!(word.sampled(Sample::AtLeast(Duration::from_millis(500)), at(10), DECAY), word);
        let raised = word.sampled(Sample::AtLeast(Duration::from_secs(3)), at(10), DECAY);
        assert!(close(raised.cost(at(10), DECAY), 3.0));
        let first = Latency::default().sampled(Sample::AtLeast(Duration::from_millis(1)), at(0), DECAY);
        assert_eq!(first, Latency::default());
    }

    #[test]
    fn a_clock_read_before_the_last_write_fades_nothing() {
        let word = Latency::default().sampled(took(1.0), at(5000), DECAY);
        assert!(close(word.cost(at(4000), DECAY), 1.0));
    }

    #[test]
    fn fading_is_right_within_a_thousandth() {
        for millis in 0..60_000 {
            let exact = (-f64::from(millis) / 1e4).exp();
            let found = f64::from(faded(Duration::from_millis(millis as u64), DECAY));
            assert!((found - exact).abs() < exact * 1e-3, "{millis}");
        }
        assert_eq!(faded(Duration::MAX, DECAY), 0.0);
        assert_eq!(faded(Duration::ZERO, DECAY), 1.0);
        assert_eq!(faded(DECAY, Duration::ZERO), 0.0);
    }
}
