use super::Now;
use super::places::{Entry, Places};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use crate::time::Instant;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// The line of those who wait for a gate: first come, first served, unless their queue says otherwise.
///
/// A gate that can be waited for keeps one and asks it two things. On admission: [`is_empty`](Self::is_empty),
/// because while anybody waits a newcomer is refused. When something comes free (a slot, a probe, a circuit
/// that closed): [`wake`](Self::wake), so that the head asks again. The waiting itself, its places and its time,
/// are [`Queued`](super::Queued)'s. Clones are the same line.
///
/// # Memory ordering
///
/// A waiter enters, then asks the gate; a gate frees, then looks at the line. All four are sequentially
/// consistent, so at least one of the two sees the other and no wake-up is lost; the gate's own word must
/// therefore be read and written with `SeqCst` as well.
///
/// # Examples
///
/// ```
/// let line = seawall::gate::Line::new();
/// assert!(line.is_empty());
/// line.wake(); // nobody there: one load
/// ```
#[derive(Clone, Default)]
pub struct Line(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: AtomicUsize,
    cost: AtomicU64,
    // Made for the first who waits.
    places: Mutex<Option<Box<Places>>>,
}

/// All places are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// When the head will ask again by itself, where that is known.
    pub(crate) due: Option<Instant>,
}

impl Line {
    /// A line with nobody in it.
    ///
    /// ```
    /// assert_eq!(seawall::gate::Line::new().len(), 0);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nobody waits.
    ///
    /// ```
    /// assert!(seawall::gate::Line::new().is_empty());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.waiting.load(SeqCst) == 0
    }

    /// How many wait.
    ///
    /// ```
    /// assert_eq!(seawall::gate::Line::new().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.waiting.load(SeqCst)
    }

    /// What those who wait will cost together.
    ///
    /// ```
    /// assert_eq!(seawall::gate::Line::new().cost(), 0);
    /// ```
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.0.cost.load(SeqCst)
    }

    /// Something came free: the head of the line asks again. One load if nobody waits.
    ///
    /// ```
    /// seawall::gate::Line::new().wake();
    /// ```
    #[inline]
    pub fn wake(&self) {
        if !self.is_empty() {
            self.wake_head();
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_head(&self) {
        let waker = self.0.places.lock().as_mut().and_then(|line| line.take_first(&mut Now::lazy()));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    #[inline]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether somebody has been waiting for longer than `interval` without a break.
    pub(crate) fn stands(&self, interval: Duration, now: Instant) -> bool {
        !self.is_empty() && self.0.places.lock().as_ref().is_some_and(|line| line.stands(interval, now))
    }

    /// Takes a place, if one is free.
    pub(crate) fn enter(&self, entry: Entry) -> Result<Stay, Full> {
        let mut guard = self.0.places.lock();
        let line = guard.get_or_insert_default();
        let place = line.push(entry).ok_or(Full { due: line.due })?;
        self.0.waiting.fetch_add(1, SeqCst);
        self.0.cost.fetch_add(entry.cost, SeqCst);
        drop(guard);
        Ok(Stay { line: self.clone(), place })
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("len", &self.len()).field("cost", &self.cost()).finish_non_exhaustive()
    }
}

/// A place in a [`Line`]; dropping it leaves the line, and hands the turn on if it was there.
#[derive(Debug)]
pub(crate) struct Stay {
    line: Line,
    place: u32,
}

impl Stay {
    pub(crate) const fn line(&self) -> &Line {
        &self.line
    }

    /// Whether it is this place's turn to ask; `waker` is woken when that may have changed.
    pub(crate) fn is_turn(&self, waker: &Waker, now: &mut Now) -> bool {
        // Cloned before the lock and the old one dropped after it: wakers are the runtime's code.
        let fresh = waker.clone();
        let mut guard = self.line.0.places.lock();
        let line = guard.get_or_insert_default();
        let (stale, woken) = line.look(self.place, fresh);
        let is_turn = line.first(now) == Some(self.place);
        let next = if woken && !is_turn { line.take_first(now) } else { None };
        drop(guard);
        drop(stale);
        if let Some(next) = next {
            next.wake();
        }
        is_turn
    }

    /// When this place, the head, will ask again by itself.
    pub(crate) fn set_due(&self, due: Option<Instant>) {
        self.line.0.places.lock().get_or_insert_default().due = due;
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut now = Now::lazy();
        let mut guard = self.line.0.places.lock();
        let line = guard.get_or_insert_default();
        let had_turn = line.first(&mut now) == Some(self.place);
        let left = if had_turn { line.remove_first(self.place) } else { line.remove(self.place) };
        self.line.0.waiting.fetch_sub(1, SeqCst);
        self.line.0.cost.fetch_sub(left.cost, SeqCst);
        if had_turn {
            line.due = None;
        }
        let next = if had_turn || left.woken { line.take_first(&mut now) } else { None };
        drop(guard);
        drop(left);
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::places::Order;

    fn enter(line: &Line, cost: u64) -> Result<Stay, Full> {
        line.enter(Entry { places: 3, cost, class: 0, tenant: None, order: Order::Fifo, now: Instant::ZERO })
    }

    fn is_turn(stay: &Stay) -> bool {
        stay.is_turn(Waker::noop(), &mut Now::at(Instant::ZERO))
    }

    #[test]
    fn leaving_from_the_middle_leaves_no_hole() {
        let line = Line::new();
        let [a, b, c] = [1, 2, 4].map(|cost| enter(&line, cost).unwrap());
        assert_eq!(enter(&line, 1).unwrap_err(), Full { due: None });
        drop(b);
        assert_eq!((line.len(), line.cost()), (2, 5));
        assert!(is_turn(&a));
        assert!(!is_turn(&c));
        drop(a);
        assert!(is_turn(&c));
        let d = enter(&line, 8).unwrap();
        assert!(!is_turn(&d));
        drop(c);
        assert!(is_turn(&d));
        drop(d);
        assert!(line.is_empty());
        assert_eq!(line.cost(), 0);
    }
}
