use crate::time::{Instant, nanos};
use std::time::Duration;

/// How long calls have taken lately, at their peaks, and when that was last written: one word, 0 for unknown.
///
/// The cost stands as a single-precision number of nanoseconds, which is exact to seven digits; the time in steps
/// of 65.5 µs, which wrap around every 78 hours. Both are far finer than what a choice between two can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Latency(u64);

const STEP_BITS: u32 = 16;

/// How fast a cost fades, made ready: the halvings in one step of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decay(f32);

impl Decay {
    /// To `1/e` in this time, which is at least a millisecond: nothing known would be kept from one call to the next.
    pub(super) fn over(time: Duration) -> Self {
        let time = time.max(Duration::from_millis(1));
        Self((1u64 << STEP_BITS) as f32 / nanos(time) as f32 * std::f32::consts::LOG2_E)
    }
}

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
    pub(super) fn cost(self, now: Instant, decay: Decay) -> u64 {
        if self.0 == 0 { 0 } else { (self.written() * faded(self.steps(now), decay)).max(1.0) as u64 }
    }

    /// The cost after this sample: a higher one replaces it, a lower one draws it down as far as time has passed.
    #[inline]
    #[expect(
        clippy::suboptimal_flops,
        reason = "where the instruction is missing, mul_add calls the C library"
    )]
    pub(super) fn sampled(self, sample: Sample, now: Instant, decay: Decay) -> Self {
        let kept = if self.0 == 0 { 0.0 } else { faded(self.steps(now), decay) };
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

    /// The steps since it was written; none if that was later than `now`, as a racing call may have it.
    #[inline]
    const fn steps(self, now: Instant) -> u32 {
        match step(now).wrapping_sub(self.0 as u32) {
            steps if steps > u32::MAX / 2 => 0,
            steps => steps,
        }
    }
}

#[inline]
const fn step(now: Instant) -> u32 {
    (now.as_nanos() >> STEP_BITS) as u32
}

/// `e^(−steps/decay)` within 0.03 %, in plain arithmetic: a power of two by its bits, and the rest of it by five
/// terms of its series.
#[inline]
#[expect(clippy::suboptimal_flops, reason = "where the instruction is missing, mul_add calls the C library")]
fn faded(steps: u32, decay: Decay) -> f32 {
    let x = steps as f32 * decay.0;
    if x >= 126.0 {
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

    const TEN: Duration = Duration::from_secs(10);

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
        let high = Latency::default().sampled(took(10.0), at(1000), Decay::over(TEN));
        let low = high.sampled(took(1.0), at(1100), Decay::over(TEN));
        assert!(
            close(low.cost(at(1100), Decay::over(TEN)), 9.9104),
            "{}",
            low.cost(at(1100), Decay::over(TEN))
        );
        let one = Latency::default().sampled(took(1.0), at(0), Decay::over(TEN));
        let none = one.sampled(took(0.0), at(10_000), Decay::over(TEN));
        assert!(close(none.cost(at(10_000), Decay::over(TEN)), 0.3679));
    }

    #[test]
    fn a_higher_sample_replaces_the_cost_at_once() {
        let low = Latency::default().sampled(took(0.01), at(0), Decay::over(TEN));
        assert!(close(low.sampled(took(2.0), at(1), Decay::over(TEN)).cost(at(1), Decay::over(TEN)), 2.0));
    }

    #[test]
    fn reading_changes_nothing_and_time_alone_fades() {
        let word = Latency::default().sampled(took(1.0), at(0), Decay::over(TEN));
        for seconds in 0..60 {
            let cost = word.cost(at(seconds * 1000), Decay::over(TEN));
            assert!(close(cost, (-(seconds as f64) / 10.0).exp()), "{seconds}: {cost}");
        }
        assert_eq!(word.cost(at(10_000_000), Decay::over(TEN)), 1);
        assert_eq!(Latency::default().cost(at(0), Decay::over(TEN)), 0);
    }

    #[test]
    fn a_lower_bound_raises_and_never_lowers() {
        let word = Latency::default().sampled(took(1.0), at(0), Decay::over(TEN));
        assert_eq!(word.sampled(Sample::AtLeast(Duration::from_millis(500)), at(10), Decay::over(TEN)), word);
        let raised = word.sampled(Sample::AtLeast(Duration::from_secs(3)), at(10), Decay::over(TEN));
        assert!(close(raised.cost(at(10), Decay::over(TEN)), 3.0));
        let first =
            Latency::default().sampled(Sample::AtLeast(Duration::from_millis(1)), at(0), Decay::over(TEN));
        assert_eq!(first, Latency::default());
    }

    #[test]
    fn a_clock_read_before_the_last_write_fades_nothing() {
        let word = Latency::default().sampled(took(1.0), at(5000), Decay::over(TEN));
        assert!(close(word.cost(at(4000), Decay::over(TEN)), 1.0));
    }

    #[test]
    fn fading_is_right_within_a_thousandth() {
        let decay = Decay::over(TEN);
        for steps in 0..1_000_000 {
            let exact = (-f64::from(steps) * 65_536.0 / 1e10).exp();
            let found = f64::from(faded(steps, decay));
            assert!((found - exact).abs() < exact * 1e-3, "{steps}");
        }
        assert_eq!((faded(u32::MAX / 2, decay), faded(0, decay)), (0.0, 1.0));
        assert_eq!(faded(16_000, Decay::over(Duration::ZERO)), 0.0);
        assert!(faded(u32::MAX / 2, Decay::over(Duration::MAX)) > 0.9999);
    }
}
