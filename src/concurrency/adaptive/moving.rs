use crate::ratio::Ratio;

/// A limit that moves within its bounds, kept as a real number; its whole part is in force.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moving {
    limit: f64,
    min: u32,
    max: u32,
}

impl Moving {
    pub(super) const fn new(limit: u32, min: u32, max: u32) -> Self {
        Self { limit: limit as f64, min, max }
    }

    pub(super) const fn limit(self) -> f64 {
        self.limit
    }

    pub(super) const fn whole(self) -> u32 {
        self.limit as u32
    }

    /// Half of it, as far as the bounds allow.
    pub(super) fn half(self) -> u32 {
        (self.whole() / 2).max(self.min)
    }

    pub(super) const fn set(&mut self, limit: f64) {
        // Not `clamp`, which lets pass what is not a number.
        self.limit = limit.max(self.min as f64).min(self.max as f64);
    }

    /// Goes this part of the way.
    pub(super) fn approach(&mut self, limit: f64, part: Ratio) {
        let part = part.as_f64().min(1.0);
        self.set((1.0 - part).mul_add(self.limit, part * limit));
    }

    /// At least one: at a limit of none nothing is ever learnt again.
    pub(super) fn bound(&mut self, min: u32, max: u32) {
        self.min = min.max(1);
        self.max = max.max(self.min);
        self.set(self.limit);
    }
}

/// The setters of every algorithm whose limit is [`Moving`].
macro_rules! moves {
    ($algorithm:ident) => {
        impl $algorithm {
            /// The limit at the start.
            ///
            /// ```
            #[doc = concat!("use seawall::concurrency::{Algorithm, ", stringify!($algorithm), "};")]
            #[doc = concat!("assert_eq!(", stringify!($algorithm), "::new().initial(50).limit(), 50.0);")]
            /// ```
            #[must_use]
            pub const fn initial(mut self, limit: u32) -> Self {
                self.limit.set(limit as f64);
                self
            }

            /// The least and the largest limit.
            ///
            /// ```
            #[doc = concat!("use seawall::concurrency::{Algorithm, ", stringify!($algorithm), "};")]
            #[doc = concat!("assert_eq!(", stringify!($algorithm), "::new().between(30, 90).limit(), 30.0);")]
            /// ```
            #[must_use]
            pub fn between(mut self, min: u32, max: u32) -> Self {
                self.limit.bound(min, max);
                self
            }
        }

        impl Default for $algorithm {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}
pub(super) use moves;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_apply_at_once_and_cannot_be_wrong() {
        let mut limit = Moving::new(20, 5, 200);
        limit.bound(0, 0);
        assert_eq!((limit.limit(), limit.half()), (1.0, 1));
        limit.bound(30, 10);
        assert_eq!((limit.limit(), limit.whole(), limit.half()), (30.0, 30, 30));
    }

    #[test]
    fn it_stays_a_number() {
        let mut limit = Moving::new(20, 5, 200);
        limit.approach(f64::INFINITY, Ratio::percent(50));
        assert_eq!(limit.limit(), 200.0);
        limit.set(f64::NAN);
        assert_eq!(limit.limit(), 5.0);
        limit.approach(100.0, Ratio::percent(300));
        assert_eq!(limit.limit(), 100.0);
    }
}
