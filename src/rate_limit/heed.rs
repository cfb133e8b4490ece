use super::algorithm::Algorithm;
use super::handle::RateLimiter;
use super::heeding::{Heeding, believed};
use crate::time::Instant;
use std::time::Duration;

impl<A: Algorithm> RateLimiter<Heeding<A>> {
    /// The server answered `Retry-After`: nothing more is sent before that. More than a day is not believed.
    ///
    /// ```
    /// use seawall::RateLimiter;
    /// use seawall::rate_limit::{Heeding, Quota, TokenBucket};
    /// use std::time::Duration;
    /// let limiter = RateLimiter::with("github", Heeding::new(TokenBucket::new(Quota::unlimited())));
    /// limiter.heed_retry_after(Duration::from_secs(7));
    /// assert!(limiter.check().unwrap_err().retry_after() > Some(Duration::from_secs(6)));
    /// ```
    pub fn heed_retry_after(&self, after: Duration) {
        let now = Instant::now();
        self.give(|_, state| state.retry_after(believed(after), now));
    }

    /// The server said how much is left and when there will be more, as `RateLimit` and `X-RateLimit-*` fields do.
    ///
    /// ```
    /// use seawall::RateLimiter;
    /// use seawall::rate_limit::{Heeding, Quota, TokenBucket};
    /// use std::time::Duration;
    /// let limiter = RateLimiter::with("github", Heeding::new(TokenBucket::new(Quota::unlimited())));
    /// limiter.heed_remaining(4, Duration::from_secs(60));
    /// assert_eq!(limiter.available(), 4);
    /// ```
    pub fn heed_remaining(&self, left: u32, reset_after: Duration) {
        let now = Instant::now();
        self.give(|_, state| state.remaining(left, believed(reset_after), now));
    }
}
