//! At most so many calls in a span of time.

mod algorithm;
mod decision;
mod handle;
mod quota;
mod share;
mod token_bucket;
mod word;

pub use self::algorithm::{Algorithm, Carry};
pub use self::decision::{Decision, Verdict};
pub use self::handle::{RateLimiter, Taken};
pub use self::quota::{Quota, QuotaError};
pub use self::share::{Cell, Locked, Share};
pub use self::token_bucket::{FullAt, TokenBucket};
pub use self::word::Word;
