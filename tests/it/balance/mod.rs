//! One of many.

mod backends;
mod checks;
mod driving;
mod elsewhere;
mod following;
mod hashed;
mod levels;
mod limits;
mod membership;
#[cfg(feature = "dns")]
mod outages;
mod outliers;
mod prequal;
mod readiness;
mod reported;
mod simulated;
mod sockets;
mod topology;
mod weights;

use seawall::balance::{Endpoint, Pool, Ticket};

/// The ids of the endpoints that were picked.
fn ids<S>(tickets: &[Ticket<S>]) -> Vec<String> {
    tickets.iter().map(|ticket| ticket.id().to_string()).collect()
}

/// A pool of endpoints that nothing stands behind.
fn pool(config: impl Into<seawall::balance::Config>, ids: &[&str]) -> Pool<()> {
    let pool = Pool::new("pool", config);
    pool.set(ids.iter().map(|&id| Endpoint::new(id, ())));
    pool
}
