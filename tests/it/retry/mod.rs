//! Retries in virtual time.

mod answers;
mod budget;
mod cancel;
mod direct;
mod replay;
mod waits;

use seawall::Instant;
use seawall::retry::{Backoff, Jitter, Plan};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

pub(crate) const MS: Duration = Duration::from_millis(1);

/// Three attempts, so long between them, no jitter.
pub(crate) fn constant(ms: u32) -> Plan {
    Plan::new().backoff(Backoff::constant(ms * MS).jitter(Jitter::none()))
}

/// Milliseconds of virtual time since it was made.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn ms(&self) -> u64 {
        (Instant::now() - self.0).as_millis() as u64
    }
}

/// How many calls there were, and when.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    clock: Clock,
    made: Arc<AtomicU64>,
    times: Arc<parking_lot::Mutex<Vec<u64>>>,
}

impl Calls {
    pub(crate) fn start() -> Self {
        Self { clock: Clock::start(), made: Arc::default(), times: Arc::default() }
    }

    /// One more; its number, from 0.
    pub(crate) fn next(&self) -> u64 {
        self.times.lock().push(self.clock.ms());
        self.made.fetch_add(1, SeqCst)
    }

    pub(crate) fn made(&self) -> u64 {
        self.made.load(SeqCst)
    }

    pub(crate) fn times(&self) -> Vec<u64> {
        self.times.lock().clone()
    }

    pub(crate) fn ms(&self) -> u64 {
        self.clock.ms()
    }
}

/// So many milliseconds of virtual time.
pub(crate) async fn after(ms: u32) {
    if ms == 0 {
        return;
    }
    let _ = tokio::time::timeout(ms * MS, std::future::pending::<()>()).await;
}
