use crate::priority::Priority;
use crate::ratio::Ratio;

/// Up to which share of a limit the calls of each class are admitted.
///
/// A call is admitted while fewer calls are in flight, of whatever class, than its share of the limit, which is at
/// least one. So as load grows the less important are refused first.
///
/// # Defaults
///
/// | class | share | |
/// |---|---|---|
/// | `CriticalPlus` | 100 % | |
/// | `Critical` | 90 % | room for the few that matter most |
/// | `SheddablePlus` | 70 % | |
/// | `Sheddable` | 50 % | half a limit in use is a peer at work |
///
/// # Examples
///
/// ```
/// use seawall::concurrency::Shares;
/// use seawall::{Priority, Ratio};
/// let shares = Shares::default().share(Priority::Sheddable, Ratio::percent(30));
/// assert_eq!(shares.of(Priority::Sheddable), Ratio::percent(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares([Ratio; 4]);

impl Shares {
    /// The defaults.
    ///
    /// ```
    /// use seawall::concurrency::Shares;
    /// assert_eq!(Shares::new(), Shares::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self([Ratio::percent(100), Ratio::percent(90), Ratio::percent(70), Ratio::percent(50)])
    }

    /// Another share for one class.
    ///
    /// ```
    /// use seawall::concurrency::Shares;
    /// use seawall::{Priority, Ratio};
    /// let shares = Shares::new().share(Priority::Critical, Ratio::ONE);
    /// # let _ = shares;
    /// ```
    #[must_use]
    pub const fn share(mut self, priority: Priority, share: Ratio) -> Self {
        self.0[priority as usize] = share;
        self
    }

    /// The share of a class.
    ///
    /// ```
    /// use seawall::concurrency::Shares;
    /// use seawall::{Priority, Ratio};
    /// assert_eq!(Shares::new().of(Priority::Critical), Ratio::percent(90));
    /// ```
    #[must_use]
    #[inline]
    pub const fn of(&self, priority: Priority) -> Ratio {
        self.0[priority as usize]
    }
}

impl Default for Shares {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concurrency::slots::{Denied, Slots};

    /// CC-23.
    #[test]
    fn the_less_important_lose_first() {
        let shares = Shares::new();
        for (in_flight, admitted) in [(4, 4), (5, 3), (7, 2), (9, 1), (10, 0)] {
            let slots = Slots { limit: 10, in_flight };
            for (n, priority) in Priority::ALL.into_iter().enumerate() {
                let decided = slots.admit_within(1, shares.of(priority));
                assert_eq!(decided.is_ok(), n < admitted, "{priority} at {in_flight}");
            }
        }
    }

    #[test]
    fn everybody_gets_through_an_idle_limit_of_one() {
        let idle = Slots { limit: 1, in_flight: 0 };
        for priority in Priority::ALL {
            assert!(idle.admit_within(1, Shares::new().of(priority)).is_ok());
        }
    }

    #[test]
    fn a_full_limit_is_no_question_of_importance() {
        let full = Slots { limit: 10, in_flight: 10 };
        assert_eq!(full.admit_within(1, Ratio::percent(50)), Err(Denied::Full));
        let half = Slots { limit: 10, in_flight: 5 };
        assert_eq!(half.admit_within(1, Ratio::percent(50)), Err(Denied::Outranked));
    }
}
