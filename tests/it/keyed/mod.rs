//! A gate for each key.

mod bound;
mod race;
mod requests;

use seawall::ConcurrencyLimit;
use seawall::gate::Keyed;

/// At most `capacity` keys, each with so many calls at a time.
fn keyed(capacity: usize, limit: u32) -> Keyed<u64, ConcurrencyLimit> {
    Keyed::new("tenants", capacity, move |_| ConcurrencyLimit::new("tenants", limit))
}
