//! Limits in a real server, which each test starts for itself. Facts are counted, not timed; what needs real time has
//! patience.

#![expect(clippy::disallowed_methods, reason = "real servers, sockets and tasks")]

mod cluster;
mod faults;
mod leases;
mod limits;
mod processes;
mod proxy;
#[path = "../../../examples/tools/redis_server.rs"]
mod server;
mod tier;

use seawall::redis::Store;
pub(crate) use server::RedisServer;
use std::time::Duration;

/// Longer than any answer of a busy machine.
const PATIENT: Duration = Duration::from_secs(20);

/// A store that waits for an answer as long as it takes.
fn patient(url: String) -> Store {
    Store::new("store", redis::Client::open(url).unwrap()).timeout(PATIENT)
}

/// Waits for something that comes in its own time.
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let patience = std::time::Instant::now() + 2 * PATIENT;
    while !is().await {
        assert!(std::time::Instant::now() < patience, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
