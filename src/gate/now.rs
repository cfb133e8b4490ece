use crate::time::Instant;

/// The time of one decision: read at most once, by whoever asks first.
///
/// One reading serves a whole stack of gates. A gate that decides without time never asks, and then no
/// clock is read at all.
///
/// # Examples
///
/// ```
/// use seawall::{Instant, gate::Now};
///
/// let mut now = Now::at(Instant::from_nanos(5));
/// assert_eq!(now.get(), Instant::from_nanos(5));
///
/// let mut lazy = Now::lazy();
/// assert_eq!(lazy.get(), lazy.get());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Now(Option<Instant>);

impl Now {
    /// The clock's time, once somebody asks for it.
    ///
    /// ```
    /// let now = seawall::gate::Now::lazy();
    /// # let _ = now;
    /// ```
    #[must_use]
    #[inline]
    pub const fn lazy() -> Self {
        Self(None)
    }

    /// A time that the caller already holds; no clock is read.
    ///
    /// ```
    /// use seawall::{Instant, gate::Now};
    /// assert_eq!(Now::at(Instant::ZERO).get(), Instant::ZERO);
    /// ```
    #[must_use]
    #[inline]
    pub const fn at(now: Instant) -> Self {
        Self(Some(now))
    }

    /// The time.
    ///
    /// ```
    /// use seawall::{Instant, gate::Now};
    /// assert_eq!(Now::at(Instant::MAX).get(), Instant::MAX);
    /// ```
    #[inline]
    pub fn get(&mut self) -> Instant {
        match self.0 {
            Some(now) => now,
            None => *self.0.insert(Instant::now()),
        }
    }
}

impl From<Instant> for Now {
    fn from(now: Instant) -> Self {
        Self::at(now)
    }
}
