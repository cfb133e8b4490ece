//! At most so many calls in a span of time.

mod algorithm;
mod by_key;
mod config;
mod decision;
mod handle;
mod keyed;
mod quota;
mod share;
mod table;
mod token_bucket;
mod word;

pub use self::algorithm::{Algorithm, Carry};
pub use self::by_key::{ByKey, Common, Cost, One, Quotas};
pub use self::decision::{Decision, Verdict};
pub use self::handle::{RateLimiter, Taken};
pub use self::keyed::{KeyedRateLimiter, TakenByKey, WhenFull};
pub use self::quota::{Quota, QuotaError};
pub use self::share::{Cell, Locked, Share};
pub use self::token_bucket::{FullAt, TokenBucket};
pub use self::word::Word;
