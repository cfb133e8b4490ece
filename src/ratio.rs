//! An exact share.

use std::fmt;
use std::num::NonZeroU32;

/// An exact fraction, such as a failure rate or a share of traffic: compared in integers, never rounded.
///
/// Any fraction can be written; whoever takes one says what a value above one means there (a failure
/// ratio above one is never reached, a budget above one lets each request be retried more than once).
///
/// # Examples
///
/// ```
/// use seawall::Ratio;
///
/// let half = Ratio::percent(50);
/// assert!(half.is_reached(3, 5));
/// assert!(!half.is_reached(2, 5));
/// assert_eq!(half, Ratio::of(1, std::num::NonZeroU32::new(2).unwrap()));
/// assert_eq!(half.to_string(), "50%");
/// ```
#[derive(Clone, Copy)]
pub struct Ratio {
    parts: u32,
    whole: NonZeroU32,
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self::percent(0);
    /// The whole.
    pub const ONE: Self = Self::percent(100);

    /// `parts` of `whole`.
    ///
    /// ```
    /// use seawall::Ratio;
    /// use std::num::NonZeroU32;
    /// let third = Ratio::of(1, NonZeroU32::new(3).unwrap());
    /// assert!(third.is_reached(1, 3));
    /// ```
    #[must_use]
    pub const fn of(parts: u32, whole: NonZeroU32) -> Self {
        Self { parts, whole }
    }

    /// `percent` hundredths.
    ///
    /// ```
    /// assert_eq!(seawall::Ratio::percent(250).as_f64(), 2.5);
    /// ```
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self { parts: percent, whole: HUNDRED }
    }

    /// Whether `part / of` is at least this ratio. Of nothing, only [`Ratio::ZERO`] is reached.
    ///
    /// ```
    /// use seawall::Ratio;
    /// assert!(Ratio::percent(100).is_reached(u64::MAX, u64::MAX));
    /// assert!(!Ratio::percent(1).is_reached(0, 0));
    /// ```
    #[must_use]
    #[inline]
    pub const fn is_reached(self, part: u64, of: u64) -> bool {
        if of == 0 {
            return self.parts == 0;
        }
        part as u128 * self.whole.get() as u128 >= of as u128 * self.parts as u128
    }

    /// The numerator, as it was given.
    ///
    /// ```
    /// assert_eq!(seawall::Ratio::percent(50).parts(), 50);
    /// ```
    #[must_use]
    pub const fn parts(self) -> u32 {
        self.parts
    }

    /// The denominator, as it was given.
    ///
    /// ```
    /// assert_eq!(seawall::Ratio::percent(50).whole().get(), 100);
    /// ```
    #[must_use]
    pub const fn whole(self) -> NonZeroU32 {
        self.whole
    }

    /// The nearest floating point number, for display and metrics; nothing is decided by it.
    ///
    /// ```
    /// assert_eq!(seawall::Ratio::percent(25).as_f64(), 0.25);
    /// ```
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.parts) / f64::from(self.whole.get())
    }
}

const HUNDRED: NonZeroU32 = NonZeroU32::new(100).expect("a hundred is not zero");

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ratio {}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let crosswise = |a: Self, b: Self| u64::from(a.parts) * u64::from(b.whole.get());
        crosswise(*self, *other).cmp(&crosswise(*other, *self))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = u64::from(self.parts) * 100;
        if percent.is_multiple_of(u64::from(self.whole.get())) {
            write!(f, "{}%", percent / u64::from(self.whole.get()))
        } else {
            write!(f, "{}/{}", self.parts, self.whole)
        }
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ratio({self})")
    }
}
