use crate::ratio::Ratio;
use std::time::Duration;

/// Lets an endpoint that is new, or back, have its full share only after a while: its caches are cold and its
/// code is not compiled yet.
///
/// Its share grows from [`floor`](Self::floor) to the full one, by `(age / window)^(1 / aggression)`, as Envoy has
/// it. A picked endpoint that still warms up yields, with the probability that it lacks, to one that is warm; so a
/// pool that warms up as a whole is not slowed. [`Hashed`](super::Hashed) picks by key do not yield.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Config, P2c, SlowStart};
/// use std::time::Duration;
///
/// let config = Config::new(P2c::new()).slow_start(SlowStart::over(Duration::from_secs(60)));
/// # let _ = config;
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | [`floor`](Self::floor) | 10 % | it must be called to get warm |
/// | [`aggression`](Self::aggression) | 1 | in a straight line |
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "warmup")]
pub struct SlowStart {
    window: Duration,
    floor: Ratio,
    aggression: f64,
}

impl SlowStart {
    /// Full after this long.
    ///
    /// ```
    /// let slow = seawall::balance::SlowStart::over(std::time::Duration::from_secs(60));
    /// # let _ = slow;
    /// ```
    #[must_use]
    pub const fn over(window: Duration) -> Self {
        Self { window, floor: Ratio::percent(10), aggression: 1.0 }
    }

    /// The least part of its share that an endpoint has.
    ///
    /// ```
    /// use seawall::Ratio;
    /// let slow = seawall::balance::SlowStart::over(std::time::Duration::from_secs(60)).floor(Ratio::percent(5));
    /// # let _ = slow;
    /// ```
    #[must_use]
    pub const fn floor(mut self, floor: Ratio) -> Self {
        self.floor = floor;
        self
    }

    /// Above 1 it grows faster at first, below 1 slower; kept within 0.1 and 10.
    ///
    /// ```
    /// let slow = seawall::balance::SlowStart::over(std::time::Duration::from_secs(60)).aggression(2.0);
    /// # let _ = slow;
    /// ```
    #[must_use]
    pub const fn aggression(mut self, aggression: f64) -> Self {
        self.aggression = if aggression.is_nan() { 1.0 } else { aggression.clamp(0.1, 10.0) };
        self
    }

    pub(super) const fn window(self) -> Duration {
        self.window
    }

    /// The part of its share that an endpoint of this age has.
    pub(super) fn factor(self, age: Duration) -> f64 {
        if age >= self.window {
            return 1.0;
        }
        let part = age.max(Duration::from_secs(1)).as_secs_f64() / self.window.as_secs_f64();
        let grown = if self.aggression == 1.0 { part } else { part.powf(1.0 / self.aggression) };
        grown.max(self.floor.as_f64()).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(slow: SlowStart, seconds: u64) -> f64 {
        (slow.factor(Duration::from_secs(seconds)) * 1e4).round() / 1e4
    }

    #[test]
    fn it_grows_in_a_straight_line_from_its_floor() {
        let slow = SlowStart::over(Duration::from_secs(60));
        assert_eq!([0, 12, 20, 60, 61].map(|s| factor(slow, s)), [0.1, 0.2, 0.3333, 1.0, 1.0]);
        assert_eq!(factor(slow.floor(Ratio::ZERO), 0), 0.0167);
    }

    #[test]
    fn aggression_bends_it() {
        let slow = SlowStart::over(Duration::from_secs(100));
        assert_eq!(factor(slow.aggression(2.0), 25), 0.5);
        assert_eq!(factor(slow.aggression(0.5), 50), 0.25);
        assert_eq!(factor(slow.aggression(f64::NAN), 50), 0.5);
        assert_eq!(factor(SlowStart::over(Duration::ZERO), 0), 1.0);
    }
}
