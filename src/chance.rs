//! Chance as an input, like time.

use std::cell::Cell;

/// A stream of pseudo-random numbers: small, seedable, and the same for the same seed on every platform.
///
/// Whatever in this crate draws lots takes its draws from one of these, so a test seeds it and sees the
/// same jitter, the same pick, the same refusal each time. The generator is SplitMix64 (Steele, Lea and
/// Flood, OOPSLA 2014): one addition and two multiplications a step. It is no source of secrets.
///
/// # Examples
///
/// ```
/// use seawall::Chance;
///
/// let mut chance = Chance::seeded(7);
/// let u = chance.sample();
/// assert!((0.0..1.0).contains(&u));
/// assert_eq!(u, Chance::seeded(7).sample());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    /// The stream that belongs to `seed`.
    ///
    /// ```
    /// use seawall::Chance;
    /// assert_eq!(Chance::seeded(1).draw(), Chance::seeded(1).draw());
    /// ```
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own, split off the calling thread's, which the operating system seeded.
    ///
    /// ```
    /// use seawall::Chance;
    /// assert_ne!(Chance::new().draw(), Chance::new().draw());
    /// ```
    #[must_use]
    #[inline]
    pub fn new() -> Self {
        thread_local! {
            static STREAM: Cell<u64> = const { Cell::new(0) };
        }
        let seed = match STREAM.get() {
            0 => secret(),
            state => state,
        };
        STREAM.set(seed.wrapping_add(Self::APART));
        Self(seed)
    }

    /// What a step adds: 2⁶⁴ over the golden ratio.
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// How far apart a thread's streams begin: `STEP` steps, so that by the golden section a million of them that
    /// follow each other do not meet within 2⁴⁰ draws.
    const APART: u64 = Self::STEP.wrapping_mul(Self::STEP);

    /// The next 64 random bits.
    ///
    /// ```
    /// let mut chance = seawall::Chance::seeded(0);
    /// // The published first output for seed 0.
    /// assert_eq!(chance.draw(), 0xe220_a839_7b1d_cdaf);
    /// ```
    #[inline]
    pub const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next sample, uniform in `[0, 1)`.
    ///
    /// ```
    /// let mut chance = seawall::Chance::seeded(42);
    /// assert!((0..1000).all(|_| (0.0..1.0).contains(&chance.sample())));
    /// ```
    #[inline]
    pub const fn sample(&mut self) -> f64 {
        // The upper 53 bits: every value is a multiple of 2⁻⁵³ and representable.
        (self.draw() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}

/// 64 bits that nobody can guess, whatever draws they have seen: from a generator fit for cryptography, which the
/// operating system seeded.
#[cold]
#[inline(never)]
pub(crate) fn secret() -> u64 {
    rand::Rng::next_u64(&mut rand::rng())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_streams_of_a_thread_begin_far_apart() {
        // In steps, the k-th begins k times STEP after the first; it must not come near on either side.
        let mut ahead = 0u64;
        let nearest = (1..1_000_000).map(|_| {
            ahead = ahead.wrapping_add(Chance::STEP);
            ahead.min(ahead.wrapping_neg())
        });
        assert!(nearest.min().unwrap() > 1 << 40);
        assert_eq!(Chance::APART, Chance::STEP.wrapping_mul(Chance::STEP));
    }

    #[test]
    fn first_draws_of_one_stream_after_the_other_are_as_good_as_one_streams() {
        const BUCKETS: usize = 256;
        let mut counts = [0u32; BUCKETS];
        let mut repeats = 0;
        let mut before = 0;
        for _ in 0..BUCKETS * 1000 {
            let draw = Chance::new().draw();
            counts[(draw >> 56) as usize] += 1;
            repeats += u32::from(draw >> 56 == before);
            before = draw >> 56;
        }
        // Six standard deviations of a thousand.
        assert!(counts.iter().all(|count| (810..1190).contains(count)), "{counts:?}");
        assert!((810..1190).contains(&repeats), "{repeats}");
    }
}
