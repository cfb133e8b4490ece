use crate::chance::Chance;
use crate::ratio::Ratio;
use crate::time::nanos;
use std::fmt;
use std::time::Duration;

/// The waits between attempts: an endless iterator of [`Duration`]s in 32 bytes.
///
/// First a curve (constant, linear, exponential), in whole nanoseconds, saturating and capped at every step;
/// then [`Jitter`]; then the cap once more, so that no wait exceeds it. The curve is capped before the jitter
/// too, or a full jitter of a huge number would be the cap itself, for everybody.
///
/// Unless [seeded](Self::seeded), a backoff draws a stream of its own at its first jittered step, so the clones
/// of one configuration do not march in step.
///
/// # Examples
///
/// ```
/// use seawall::retry::{Backoff, Jitter};
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(Duration::from_millis(100))
///     .cap(Duration::from_secs(1))
///     .jitter(Jitter::none());
///
/// let waits: Vec<_> = backoff.take(5).map(|wait| wait.as_millis()).collect();
/// assert_eq!(waits, [100, 200, 400, 800, 1000]);
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | curve | exponential from 50 ms, × 2 | |
/// | cap | 10 s | it bounds a caller's patience |
/// | jitter | full | the least work and the least crowding in AWS's simulation (*Exponential backoff and jitter*) |
///
/// The constructors set neither cap nor patience: a curve made by hand is uncapped, with full jitter.
#[derive(Clone, PartialEq, Eq)]
#[doc(alias = "exponential")]
pub struct Backoff {
    base: u64,
    // `NEVER`: none.
    cap: u64,
    // What the curve gives next; with decorrelated jitter, the last wait.
    value: u64,
    // Where the stream of chance stands; 0: not drawn from yet.
    pub(super) stream: u32,
    // Of the next value over this one, in thousandths; `LINEAR`: not a factor but the base is added.
    factor: u16,
    jitter: Jitter,
}

const NEVER: u64 = u64::MAX;
const LINEAR: u16 = 0;
const SAME: u16 = 1000;

impl Backoff {
    /// Always `wait`.
    ///
    /// ```
    /// use seawall::retry::{Backoff, Jitter};
    /// use std::time::Duration;
    /// let mut waits = Backoff::constant(Duration::from_secs(1)).jitter(Jitter::none());
    /// assert_eq!(waits.nth(100), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub const fn constant(wait: Duration) -> Self {
        Self::curve(wait, SAME)
    }

    /// `step`, twice `step`, three times `step`, …
    ///
    /// ```
    /// use seawall::retry::{Backoff, Jitter};
    /// use std::time::Duration;
    /// let mut waits = Backoff::linear(Duration::from_secs(1)).jitter(Jitter::none());
    /// assert_eq!(waits.nth(2), Some(Duration::from_secs(3)));
    /// ```
    #[must_use]
    pub const fn linear(step: Duration) -> Self {
        Self::curve(step, LINEAR)
    }

    /// `base`, then each time twice the last; [`factor`](Self::factor) changes the two.
    ///
    /// ```
    /// use seawall::retry::{Backoff, Jitter};
    /// use std::time::Duration;
    /// let mut waits = Backoff::exponential(Duration::from_secs(1)).jitter(Jitter::none());
    /// assert_eq!(waits.nth(3), Some(Duration::from_secs(8)));
    /// ```
    #[must_use]
    pub const fn exponential(base: Duration) -> Self {
        Self::curve(base, 2 * SAME)
    }

    /// No wait at all.
    ///
    /// ```
    /// use seawall::retry::Backoff;
    /// assert!(Backoff::none().take(1000).all(|wait| wait.is_zero()));
    /// ```
    #[must_use]
    pub const fn none() -> Self {
        Self::constant(Duration::ZERO)
    }

    const fn curve(base: Duration, factor: u16) -> Self {
        let base = nanos(base);
        Self { base, cap: NEVER, value: base, stream: 0, factor, jitter: Jitter::full() }
    }

    /// How many times the last value the next one is. It is kept in thousandths, at least 1 and at most 65;
    /// a linear curve becomes exponential by it.
    ///
    /// ```
    /// use seawall::{Ratio, retry::{Backoff, Jitter}};
    /// use std::time::Duration;
    /// let backoff = Backoff::exponential(Duration::from_millis(500)).factor(Ratio::percent(150));
    /// assert_eq!(backoff.jitter(Jitter::none()).nth(2), Some(Duration::from_millis(1125)));
    /// ```
    #[must_use]
    pub const fn factor(mut self, factor: Ratio) -> Self {
        let thousandths = thousandths(factor);
        self.factor = if thousandths < SAME as u64 {
            SAME
        } else if thousandths > 65 * SAME as u64 {
            65 * SAME
        } else {
            thousandths as u16
        };
        self
    }

    /// No wait is longer than `cap`; `Duration::MAX` is no cap.
    ///
    /// ```
    /// use seawall::retry::Backoff;
    /// use std::time::Duration;
    /// let cap = Duration::from_secs(10);
    /// assert!(Backoff::exponential(Duration::from_millis(50)).cap(cap).take(1000).all(|wait| wait <= cap));
    /// ```
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = nanos(cap);
        self
    }

    /// How the waits of many callers are spread.
    ///
    /// ```
    /// use seawall::{Ratio, retry::{Backoff, Jitter}};
    /// use std::time::Duration;
    /// let waits = Backoff::constant(Duration::from_secs(1)).jitter(Jitter::spread(Ratio::percent(25)));
    /// assert!(waits.take(100).all(|wait| wait.as_millis() >= 750 && wait.as_millis() <= 1250));
    /// ```
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Draws the jitter from the stream that belongs to `seed`: the same waits each time, for tests and
    /// simulations. Clones of a seeded backoff wait alike.
    ///
    /// ```
    /// use seawall::retry::Backoff;
    /// let waits = Backoff::default().seeded(7);
    /// assert!(waits.clone().take(20).eq(waits.take(20)));
    /// ```
    #[must_use]
    pub const fn seeded(mut self, seed: u64) -> Self {
        self.stream = start(Chance::seeded(seed));
        self
    }

    /// Starts the curve over; the stream of chance goes on.
    ///
    /// ```
    /// use seawall::retry::{Backoff, Jitter};
    /// let mut backoff = Backoff::default().jitter(Jitter::none());
    /// let first = backoff.next();
    /// backoff.by_ref().nth(5);
    /// backoff.reset();
    /// assert_eq!(backoff.next(), first);
    /// ```
    pub const fn reset(&mut self) {
        self.value = self.base;
    }

    /// The next wait, with the chance passed in: `u` in `[0, 1)`.
    ///
    /// ```
    /// use seawall::retry::Backoff;
    /// use std::time::Duration;
    /// let mut backoff = Backoff::exponential(Duration::from_millis(100)); // full jitter
    /// assert_eq!([0.5, 0.5, 0.0].map(|u| backoff.step(u).as_millis()), [50, 100, 0]);
    /// ```
    #[inline]
    pub const fn step(&mut self, u: f64) -> Duration {
        let curve = self.advance();
        // The cast saturates, and takes what is not a number for zero.
        self.wait(curve, min((u * (1u64 << BITS) as f64) as u64, (1 << BITS) - 1))
    }

    /// Whether the next wait depends on chance.
    #[inline]
    pub(super) const fn is_jittered(&self) -> bool {
        !matches!(self.jitter.0, Kind::None)
    }

    /// The value of the curve, capped, and one step on; for decorrelated jitter, the bound of the draw.
    #[inline]
    pub(super) const fn advance(&mut self) -> u64 {
        let value = self.value;
        if let Kind::Decorrelated = self.jitter.0 {
            return min(value.saturating_mul(3), self.cap);
        }
        if value >= self.cap {
            return self.cap; // no curve falls
        }
        let next =
            if self.factor == LINEAR { value.saturating_add(self.base) } else { scaled(value, self.factor) };
        self.value = min(next, self.cap);
        value
    }

    #[inline]
    pub(super) const fn wait(&mut self, curve: u64, u: u64) -> Duration {
        let wait = match self.jitter.0 {
            Kind::None => curve,
            Kind::Full => part(curve, u),
            Kind::Equal => {
                let half = curve / 2;
                half.saturating_add(part(curve - half, u))
            }
            Kind::Spread(percent) => {
                // c·(100 − j) + c·2j·u, in percent; all of it fits 128 bits.
                let hundredths = ((100 - percent as u128) << BITS) + 2 * percent as u128 * u as u128;
                saturated((curve as u128 * hundredths + (50 << BITS)) / (100 << BITS))
            }
            Kind::Decorrelated => {
                let wait = self.base.saturating_add(part(curve.saturating_sub(self.base), u));
                self.value = min(wait, self.cap);
                wait
            }
        };
        match min(wait, self.cap) {
            NEVER => Duration::MAX,
            wait => Duration::from_nanos(wait),
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Backoff {
    pub(super) const DEFAULT: Self =
        Self::exponential(Duration::from_millis(50)).cap(Duration::from_secs(10)).jitter(Jitter::full());
}

impl fmt::Debug for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Backoff");
        shown.field("base", &Duration::from_nanos(self.base));
        match self.factor {
            LINEAR => shown.field("curve", &format_args!("linear")),
            SAME => shown.field("curve", &format_args!("constant")),
            factor => shown.field("factor", &(f64::from(factor) / f64::from(SAME))),
        };
        shown.field("cap", &(self.cap < NEVER).then(|| Duration::from_nanos(self.cap)));
        shown.field("jitter", &self.jitter.0).finish_non_exhaustive()
    }
}

/// How the waits of many callers are spread, so that they do not come back all at once.
///
/// With `u` drawn uniformly from `[0, 1)` and `c` the value of the curve:
///
/// | jitter | wait |
/// |---|---|
/// | [`none`](Self::none) | c |
/// | [`full`](Self::full) | u·c |
/// | [`equal`](Self::equal) | c/2 + u·c/2 |
/// | [`spread`](Self::spread) | c·(1 − j + 2·j·u) |
/// | [`decorrelated`](Self::decorrelated) | base + u·(min(cap, 3·last) − base) |
///
/// # Examples
///
/// ```
/// use seawall::retry::{Backoff, Jitter};
/// let backoff = Backoff::default().jitter(Jitter::decorrelated());
/// # let _ = backoff;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Jitter(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    None,
    Full,
    Equal,
    /// In percent, so that a backoff is 32 bytes.
    Spread(u8),
    Decorrelated,
}

impl Jitter {
    /// The curve as it is: for tests, and for a caller who is alone.
    ///
    /// ```
    /// assert_eq!(seawall::retry::Jitter::none(), seawall::retry::Jitter::none());
    /// ```
    #[must_use]
    pub const fn none() -> Self {
        Self(Kind::None)
    }

    /// Anything from nothing to the whole value: the default.
    ///
    /// ```
    /// assert_eq!(seawall::retry::Jitter::full(), seawall::retry::Jitter::default());
    /// ```
    #[must_use]
    pub const fn full() -> Self {
        Self(Kind::Full)
    }

    /// At least half the value: never back at once.
    ///
    /// ```
    /// use seawall::retry::{Backoff, Jitter};
    /// use std::time::Duration;
    /// let mut backoff = Backoff::constant(Duration::from_millis(100)).jitter(Jitter::equal());
    /// assert_eq!([0.0, 0.5].map(|u| backoff.step(u).as_millis()), [50, 75]);
    /// ```
    #[must_use]
    pub const fn equal() -> Self {
        Self(Kind::Equal)
    }

    /// So much more or less than the value, in whole percent, at most all of it. At the cap the upper half is
    /// cut off.
    ///
    /// ```
    /// use seawall::{Ratio, retry::{Backoff, Jitter}};
    /// use std::time::Duration;
    /// let spread = Jitter::spread(Ratio::percent(25));
    /// let mut backoff = Backoff::constant(Duration::from_secs(1)).jitter(spread);
    /// assert_eq!(backoff.step(0.0), Duration::from_millis(750));
    /// ```
    #[must_use]
    pub const fn spread(ratio: Ratio) -> Self {
        let percent = (thousandths(ratio) + 5) / 10;
        Self(Kind::Spread(if percent > 100 { 100 } else { percent as u8 }))
    }

    /// Grows from the last wait instead of from a count: the bound is capped, not the draw, so the spread
    /// survives at the cap. The factor of the curve plays no part.
    ///
    /// ```
    /// use seawall::retry::{Backoff, Jitter};
    /// use std::time::Duration;
    /// let mut backoff = Backoff::exponential(Duration::from_millis(100)).jitter(Jitter::decorrelated());
    /// assert_eq!([0.5, 0.5].map(|u| backoff.step(u).as_millis()), [200, 350]);
    /// ```
    #[must_use]
    pub const fn decorrelated() -> Self {
        Self(Kind::Decorrelated)
    }
}

impl Default for Jitter {
    fn default() -> Self {
        Self::full()
    }
}

#[inline]
const fn min(a: u64, b: u64) -> u64 {
    if a < b { a } else { b }
}

/// `value` times thousandths, rounded down; the division is split so that it needs no 128 bits.
#[inline]
const fn scaled(value: u64, thousandths: u16) -> u64 {
    let factor = thousandths as u64;
    (value / 1000).saturating_mul(factor).saturating_add(value % 1000 * factor / 1000)
}

/// Chance comes in so many bits: a sample of `[0, 1)` as a whole number, so that a step is a multiplication.
pub(super) const BITS: u32 = 53;

/// `u` times `whole`, to the nearest nanosecond.
#[inline]
const fn part(whole: u64, u: u64) -> u64 {
    ((whole as u128 * u as u128 + (1 << (BITS - 1))) >> BITS) as u64
}

const fn saturated(nanos: u128) -> u64 {
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}

const fn thousandths(ratio: Ratio) -> u64 {
    ratio.parts() as u64 * 1000 / ratio.whole().get() as u64
}

/// Where a stream starts: anywhere but at the number that means that it has not.
pub(super) const fn start(mut chance: Chance) -> u32 {
    (chance.draw() >> 32) as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    fn ms(backoff: Backoff, n: usize) -> Vec<f64> {
        backoff.take(n).map(|wait| wait.as_secs_f64() * 1e3).collect()
    }

    fn steps(mut backoff: Backoff, us: &[f64]) -> Vec<f64> {
        us.iter().map(|u| backoff.step(*u).as_secs_f64() * 1e3).collect()
    }

    #[test]
    fn a_backoff_is_32_bytes_even_when_there_may_be_none() {
        assert_eq!(size_of::<Option<Backoff>>(), 32);
    }

    #[test]
    fn rt_1_the_three_curves() {
        let plain = |backoff: Backoff| backoff.jitter(Jitter::none());
        assert_eq!(ms(plain(Backoff::constant(1000 * MS)), 4), [1e3; 4]);
        assert_eq!(ms(plain(Backoff::linear(1000 * MS)), 4), [1e3, 2e3, 3e3, 4e3]);
        assert_eq!(ms(plain(Backoff::exponential(1000 * MS)), 4), [1e3, 2e3, 4e3, 8e3]);
        for zero in [
            Backoff::none(),
            Backoff::linear(Duration::ZERO),
            Backoff::exponential(Duration::ZERO),
            Backoff::exponential(Duration::ZERO).jitter(Jitter::decorrelated()),
        ] {
            assert!(zero.take(10_000).all(|wait| wait.is_zero()));
        }
    }

    #[test]
    fn rt_2_the_cap() {
        let capped = |base: u32, factor, cap: u32, n| {
            let curve = Backoff::exponential(base * MS).factor(Ratio::percent(factor)).cap(cap * MS);
            ms(curve.jitter(Jitter::none()), n)
        };
        assert_eq!(capped(1, 200, 10, 6), [1., 2., 4., 8., 10., 10.]);
        assert_eq!(capped(2000, 200, 30_000, 5), [2e3, 4e3, 8e3, 16e3, 30e3]);
        assert_eq!(capped(500, 150, 3000, 7), [500., 750., 1125., 1687.5, 2531.25, 3000., 3000.]);
    }

    #[test]
    fn rt_3_spread() {
        let spread = Jitter::spread(Ratio::percent(25));
        let second = Backoff::constant(1000 * MS).jitter(spread);
        assert_eq!(steps(second, &[0.0, 0.4, 0.6]), [750., 950., 1050.]);
        let third = |u| steps(Backoff::linear(1000 * MS).jitter(spread), &[0.0, 0.0, u])[2];
        assert_eq!([0.0, 0.5, 0.6].map(third), [2250., 3000., 3150.]);
        let at_the_cap = Backoff::constant(1000 * MS).cap(1000 * MS).jitter(spread);
        assert_eq!(steps(at_the_cap, &[0.0, 0.9]), [750., 1000.]);
    }

    #[test]
    fn rt_4_full_and_equal() {
        let curve = Backoff::exponential(100 * MS).cap(1000 * MS);
        let full = steps(curve.clone().jitter(Jitter::full()), &[0.5; 6]);
        assert_eq!(full, [50., 100., 200., 400., 500., 500.]);
        let equal = steps(curve.jitter(Jitter::equal()), &[0.5; 6]);
        assert_eq!(equal, [75., 150., 300., 600., 750., 750.]);
    }

    #[test]
    fn rt_5_decorrelated() {
        let curve = Backoff::exponential(100 * MS).cap(2000 * MS).jitter(Jitter::decorrelated());
        let middle = steps(curve.clone(), &[0.5; 6]);
        assert_eq!(middle, [200., 350., 575., 912.5, 1050., 1050.]);
        assert_eq!(steps(curve, &[0.0; 3]), [100., 100., 100.]);
    }

    #[test]
    fn attempt_ten_thousand_is_the_cap_or_for_ever() {
        let plain = Backoff::exponential(MS).jitter(Jitter::none());
        assert_eq!(plain.clone().nth(9_999), Some(Duration::MAX));
        assert_eq!(plain.cap(30 * MS).nth(9_999), Some(30 * MS));
        assert_eq!(Backoff::constant(Duration::MAX).jitter(Jitter::none()).next(), Some(Duration::MAX));
    }

    #[test]
    fn clones_of_one_configuration_do_not_march_in_step() {
        let backoff = Backoff::default();
        assert!(backoff.clone().take(8).ne(backoff.take(8)));
    }

    #[test]
    fn full_jitter_is_uniform() {
        let waits = Backoff::constant(1000 * MS).seeded(1);
        let mut cells = [0u32; 10];
        waits.take(100_000).for_each(|wait| cells[wait.as_millis() as usize / 100] += 1);
        assert!(cells.iter().all(|n| (9_500..10_500).contains(n)), "{cells:?}");
    }

    /// The same waits, reckoned anew for each from the formulas.
    fn by_the_book(curve: u8, base: u64, cap: u64, factor: u32, n: usize) -> u64 {
        let step = |value: u128, _| match curve {
            0 => value,
            1 => value + u128::from(base),
            _ => value * u128::from(factor) / 100,
        };
        (1..n).fold(u128::from(base.min(cap)), |value, i| step(value, i).min(u128::from(cap))) as u64
    }

    proptest! {
        #[test]
        fn twin_each_wait_is_what_the_formula_says(
            curve in 0u8..3,
            base in 0u64..10_000_000_000,
            cap in 0u64..100_000_000_000,
            factor in 100u32..1000,
            us in prop::collection::vec(0.0f64..1.0, 1..40),
        ) {
            let of = Duration::from_nanos;
            let backoff = match curve {
                0 => Backoff::constant(of(base)),
                1 => Backoff::linear(of(base)),
                _ => Backoff::exponential(of(base)).factor(Ratio::percent(factor)),
            }
            .cap(of(cap));
            let mut plain = backoff.clone().jitter(Jitter::none());
            let mut full = backoff.clone().jitter(Jitter::full());
            let mut equal = backoff.clone().jitter(Jitter::equal());
            let mut decorrelated = backoff.clone().jitter(Jitter::decorrelated());
            let mut last = base;
            for (n, u) in us.iter().copied().enumerate() {
                let c = by_the_book(curve, base, cap, factor, n + 1);
                let near = |wait: Duration, ideal: f64| (wait.as_nanos() as f64 - ideal).abs() <= 1.5;
                prop_assert_eq!(plain.step(u), of(c));
                prop_assert!(near(full.step(u), c as f64 * u));
                prop_assert!(near(equal.step(u), c as f64 / 2.0 * (1.0 + u)));
                let bound = last.saturating_mul(3).min(cap).max(base);
                let wait = decorrelated.step(u);
                prop_assert!(wait <= of(cap));
                prop_assert!(near(wait, u.mul_add((bound - base) as f64, base as f64).min(cap as f64)));
                last = wait.as_nanos() as u64;
            }
        }

        #[test]
        fn no_wait_exceeds_the_cap_whatever_the_numbers(
            base: u64, cap: u64, factor: u32, percent: u32, seed: u64, kind in 0u8..5,
        ) {
            let jitter = match kind {
                0 => Jitter::none(),
                1 => Jitter::full(),
                2 => Jitter::equal(),
                3 => Jitter::spread(Ratio::percent(percent)),
                _ => Jitter::decorrelated(),
            };
            let backoff = Backoff::exponential(Duration::from_nanos(base))
                .factor(Ratio::percent(factor))
                .cap(Duration::from_nanos(cap))
                .jitter(jitter)
                .seeded(seed);
            prop_assume!(cap < u64::MAX);
            prop_assert!(backoff.take(200).all(|wait| wait <= Duration::from_nanos(cap)));
        }
    }
}
