//! What a backend has seen, and how it behaves.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a healthy backend works on a request.
const WORK: Duration = Duration::from_millis(1);
/// How many it works on at a time; the rest wait in line.
const WORKERS: usize = 8;

/// What a backend has seen, and how it behaves.
pub(crate) struct Seen {
    workers: Semaphore,
    requests: AtomicU64,
    bytes: AtomicU64,
    in_flight: AtomicU32,
    most: AtomicU32,
    failing: AtomicU64,
    slow_by: AtomicU64,
    leaving: AtomicBool,
    // How often each POST came, by its request id: one must never come twice.
    posts: Mutex<HashMap<String, u32>>,
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self {
            workers: Semaphore::new(WORKERS),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            most: AtomicU32::new(0),
            failing: AtomicU64::new(0),
            slow_by: AtomicU64::new(0),
            leaving: AtomicBool::new(false),
            posts: Mutex::default(),
        }
    }

    /// From now on it answers every `nth` request with a 500; 0 is none.
    pub(crate) fn fail_every(&self, nth: u64) {
        self.failing.store(nth, SeqCst);
    }

    /// From now on it takes so much longer.
    pub(crate) fn slow_down(&self, by: Duration) {
        self.slow_by.store(by.as_millis().try_into().unwrap_or(u64::MAX), SeqCst);
    }

    /// Requests so far, those for its health page aside.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(SeqCst)
    }

    /// Bytes of bodies so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(SeqCst)
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(SeqCst)
    }

    /// The most requests that were in flight at a time since the last look.
    pub(crate) fn take_most(&self) -> u32 {
        self.most.swap(0, SeqCst)
    }

    /// Whether it says on its health page that it is about to leave.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(SeqCst)
    }

    pub(crate) fn leave(&self) {
        self.leaving.store(true, SeqCst);
    }

    pub(crate) fn come(&self) {
        self.leaving.store(false, SeqCst);
    }

    /// One more POST came.
    pub(crate) fn posted(&self, id: &str) {
        *self.posts.lock().entry(id.to_owned()).or_default() += 1;
    }

    /// So many more bytes came.
    pub(crate) fn received(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, SeqCst);
    }

    /// A worker does its work; whether it went well with the request of this number.
    pub(crate) async fn work(&self, number: u64) -> bool {
        let worker = self.workers.acquire().await;
        crate::pause(WORK + Duration::from_millis(self.slow_by.load(SeqCst))).await;
        drop(worker);
        let nth = self.failing.load(SeqCst);
        nth == 0 || !number.is_multiple_of(nth)
    }

    /// How often each POST came, by its request id.
    pub(crate) fn posts(&self) -> HashMap<String, u32> {
        self.posts.lock().clone()
    }
}

/// Counts a request as in flight while it lives, also if the connection goes away.
pub(crate) struct InFlight<'a>(&'a Seen);

impl<'a> InFlight<'a> {
    /// And the number of the request.
    pub(crate) fn new(seen: &'a Seen) -> (Self, u64) {
        seen.most.fetch_max(seen.in_flight.fetch_add(1, SeqCst) + 1, SeqCst);
        (Self(seen), seen.requests.fetch_add(1, SeqCst))
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
    }
}
