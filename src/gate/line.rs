use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::fmt;
use std::task::Waker;

/// The line of those who wait for a gate: first come, first served.
///
/// A gate that can be waited for keeps one and asks it two things. On admission: [`is_empty`](Self::is_empty),
/// because while anybody waits a newcomer is refused. When something comes free (a slot, a probe, a circuit
/// that closed): [`wake`](Self::wake), so that the head asks again. The waiting itself, its places and its time,
/// are [`Queued`](super::Queued)'s.
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
#[derive(Default)]
pub struct Line {
    waiting: AtomicUsize,
    cost: AtomicU64,
    places: Mutex<Places>,
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
        self.waiting.load(SeqCst) == 0
    }

    /// How many wait.
    ///
    /// ```
    /// assert_eq!(seawall::gate::Line::new().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.load(SeqCst)
    }

    /// What those who wait will cost together.
    ///
    /// ```
    /// assert_eq!(seawall::gate::Line::new().cost(), 0);
    /// ```
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost.load(SeqCst)
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
        // Cloned under the lock, woken outside it.
        let waker = self.places.lock().head_waker();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes a place at the end, if fewer than `places` are taken.
    pub(crate) fn enter(&self, places: usize, cost: u64) -> Option<Place> {
        let mut line = self.places.lock();
        if line.len() >= places {
            return None;
        }
        let place = line.push(cost);
        self.waiting.fetch_add(1, SeqCst);
        self.cost.fetch_add(cost, SeqCst);
        Some(place)
    }

    /// Leaves the line, from wherever; the turn passes on if it was the head's.
    pub(crate) fn leave(&self, place: Place) {
        let next = {
            let mut line = self.places.lock();
            let was_head = line.is_head(place);
            let cost = line.remove(place);
            self.waiting.fetch_sub(1, SeqCst);
            self.cost.fetch_sub(cost, SeqCst);
            if was_head { line.head_waker() } else { None }
        };
        if let Some(next) = next {
            next.wake();
        }
    }

    /// Whether it is this place's turn to ask; `waker` is woken when that may have changed.
    pub(crate) fn is_turn(&self, place: Place, waker: &Waker) -> bool {
        let mut line = self.places.lock();
        line.set_waker(place, waker);
        line.is_head(place)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("len", &self.len()).field("cost", &self.cost()).finish_non_exhaustive()
    }
}

/// A place in a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// A doubly linked list in a slab: entering, leaving and the head are O(1), and only a waiter allocates.
#[derive(Debug)]
struct Places {
    nodes: Vec<Node>,
    head: usize,
    tail: usize,
    free: usize,
    len: usize,
}

#[derive(Debug)]
struct Node {
    waker: Option<Waker>,
    cost: u64,
    previous: usize,
    next: usize,
}

const NONE: usize = usize::MAX;

impl Default for Places {
    fn default() -> Self {
        Self { nodes: Vec::new(), head: NONE, tail: NONE, free: NONE, len: 0 }
    }
}

impl Places {
    const fn len(&self) -> usize {
        self.len
    }

    const fn is_head(&self, place: Place) -> bool {
        self.head == place.0
    }

    fn head_waker(&self) -> Option<Waker> {
        self.nodes.get(self.head).and_then(|head| head.waker.clone())
    }

    fn push(&mut self, cost: u64) -> Place {
        let node = Node { waker: None, cost, previous: self.tail, next: NONE };
        let index = match self.free {
            NONE => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
            free => {
                self.free = std::mem::replace(&mut self.nodes[free], node).next;
                free
            }
        };
        match self.tail {
            NONE => self.head = index,
            tail => self.nodes[tail].next = index,
        }
        self.tail = index;
        self.len += 1;
        Place(index)
    }

    fn remove(&mut self, Place(index): Place) -> u64 {
        let free = Node { waker: None, cost: 0, previous: NONE, next: self.free };
        let node = std::mem::replace(&mut self.nodes[index], free);
        match node.previous {
            NONE => self.head = node.next,
            previous => self.nodes[previous].next = node.next,
        }
        match node.next {
            NONE => self.tail = node.previous,
            next => self.nodes[next].previous = node.previous,
        }
        self.free = index;
        self.len -= 1;
        node.cost
    }

    fn set_waker(&mut self, Place(index): Place, waker: &Waker) {
        match &mut self.nodes[index].waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_from_the_middle_leaves_no_hole() {
        let line = Line::new();
        let [a, b, c] = [1, 2, 4].map(|cost| line.enter(3, cost).unwrap());
        assert_eq!(line.enter(3, 1), None);
        line.leave(b);
        assert_eq!((line.len(), line.cost()), (2, 5));
        assert!(line.is_turn(a, Waker::noop()));
        assert!(!line.is_turn(c, Waker::noop()));
        line.leave(a);
        assert!(line.is_turn(c, Waker::noop()));
        let d = line.enter(3, 8).unwrap();
        assert!(!line.is_turn(d, Waker::noop()));
        line.leave(c);
        assert!(line.is_turn(d, Waker::noop()));
        line.leave(d);
        assert!(line.is_empty());
        assert_eq!(line.cost(), 0);
    }
}
