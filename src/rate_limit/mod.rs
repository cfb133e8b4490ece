//! At most so many calls in a span of time.

mod algorithm;
mod by_key;
mod config;
mod decision;
mod fixed_window;
mod handle;
mod keyed;
mod leaky_bucket;
mod quota;
mod share;
mod sliding_window_counter;
mod sliding_window_log;
mod table;
#[cfg(test)]
mod testing;
mod token_bucket;
#[cfg(test)]
mod twin;
mod word;

pub use self::algorithm::{Algorithm, Carry};
pub use self::by_key::{ByKey, Common, Cost, One, Quotas};
pub use self::decision::{Decision, Verdict};
pub use self::fixed_window::{FixedWindow, Used};
pub use self::handle::{RateLimiter, Taken};
pub use self::keyed::{KeyedRateLimiter, TakenByKey, WhenFull};
pub use self::leaky_bucket::LeakyBucket;
pub use self::quota::{Quota, QuotaError};
pub use self::share::{Cell, Locked, Share};
pub use self::sliding_window_counter::{Counted, SlidingWindowCounter};
pub use self::sliding_window_log::{Log, SlidingWindowLog};
pub use self::token_bucket::{FullAt, TokenBucket};
pub use self::word::Word;
