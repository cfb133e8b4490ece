use super::flight::Flight;
use super::wakers::{Place, Wakers};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// The flights that a background has to go on with, and the backgrounds that run.
pub(super) struct Backlog<K, V, E> {
    running: AtomicUsize,
    closed: AtomicBool,
    line: Mutex<Line<K, V, E>>,
}

struct Line<K, V, E> {
    flights: VecDeque<Arc<Flight<K, V, E>>>,
    wakers: Wakers,
}

impl<K, V, E> Backlog<K, V, E> {
    pub(super) fn new() -> Self {
        let line = Line { flights: VecDeque::new(), wakers: Wakers::default() };
        Self { running: AtomicUsize::new(0), closed: AtomicBool::new(false), line: Mutex::new(line) }
    }

    /// Whether a background runs: polled once and not dropped.
    #[inline]
    pub(super) fn is_running(&self) -> bool {
        self.running.load(SeqCst) > 0
    }

    pub(super) fn enter(&self) {
        self.running.fetch_add(1, SeqCst);
    }

    /// Whether it was the last.
    pub(super) fn leave(&self, place: Place) -> bool {
        let gone = self.line.lock().wakers.leave(place);
        drop(gone);
        self.running.fetch_sub(1, SeqCst) == 1
    }

    /// Puts a flight into the line.
    pub(super) fn list(&self, flight: Arc<Flight<K, V, E>>) {
        let mut line = self.line.lock();
        line.flights.push_back(flight);
        let woken = line.wakers.take();
        drop(line);
        woken.wake();
    }

    /// The next flight; else `waker` is woken when there is one.
    pub(super) fn next(&self, place: &mut Place, waker: &Waker) -> Option<Arc<Flight<K, V, E>>> {
        let fresh = waker.clone();
        let mut line = self.line.lock();
        if let Some(flight) = line.flights.pop_front() {
            drop(line);
            return Some(flight);
        }
        let before = line.wakers.put(place, fresh);
        drop(line);
        drop(before);
        None
    }

    /// Nobody has the cache any more: backgrounds end.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
        let woken = self.line.lock().wakers.take();
        woken.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }
}
