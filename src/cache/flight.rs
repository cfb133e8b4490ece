use super::backlog::Backlog;
use super::deck::{Answer, Brought, Deck, Load, Work};
use super::entry::Entry;
use super::wakers::{Place, Woken};
use crate::sync::Mutex;
use crate::time::Instant;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A load in progress, and all who wait for it.
///
/// Nobody leads: whoever waits polls it, and each time it can go on all of them are woken, so that one who is parked,
/// slow or gone delays no other.
pub(super) struct Flight<K, V, E> {
    pub(super) key: K,
    /// The sequence when it began: what is fenced later is not stored.
    pub(super) stamp: u64,
    pub(super) begun: Instant,
    /// The one that ran for too long, whose place in the table it has taken.
    pub(super) older: Weak<Self>,
    backlog: Arc<Backlog<K, V, E>>,
    pub(super) deck: Mutex<Deck<V, E>>,
}

/// How a step of a flight went.
pub(super) enum Step<V, E> {
    Answered(Answer<V, E>),
    Waiting,
    /// The load has ended, and this step's caller completes the flight.
    Landed {
        brought: Result<Brought<V, E>, Arc<str>>,
        took: Duration,
    },
    /// It was given up while it was polled; its slot is free.
    Dropped,
}

impl<K, V, E> Flight<K, V, E> {
    pub(super) fn new(
        key: K,
        stamp: u64,
        begun: Instant,
        backlog: &Arc<Backlog<K, V, E>>,
        load: Load<V, E>,
        claim: Option<Entry<V>>,
    ) -> Self {
        Self {
            key,
            stamp,
            begun,
            older: Weak::new(),
            backlog: Arc::clone(backlog),
            deck: Mutex::new(Deck::new(load, claim)),
        }
    }

    /// Stands beside `older`, which goes on without a place in the table.
    pub(super) fn beside(mut self, older: Option<&Arc<Self>>) -> Self {
        self.older = older.map_or_else(Weak::new, Arc::downgrade);
        self
    }

    /// Whether nobody is to join it any more; there are never more than two of a key.
    pub(super) fn is_aged(&self, limit: Duration, now: Instant) -> bool {
        now - self.begun >= limit && self.older.strong_count() == 0
    }

    /// It has a slot; `false` if nobody wants it any more.
    pub(super) fn start(self: &Arc<Self>) -> bool {
        let mut deck = self.deck.lock();
        deck.work = match std::mem::replace(&mut deck.work, Work::Over) {
            Work::Queued(load) => Work::Ready(load),
            Work::Over => return false,
            other => other,
        };
        let (woken, list) = (deck.wakers.take(), deck.list());
        drop(deck);
        self.rouse(woken, list);
        true
    }

    /// Whether it has run past `limit` with nobody there to notice.
    pub(super) fn is_overdue(&self, limit: Duration, now: Instant) -> bool {
        let deck = self.deck.lock();
        matches!(deck.work, Work::Ready(_)) && deck.started.is_some_and(|started| now >= started + limit)
    }

    fn rouse(self: &Arc<Self>, woken: Woken, list: bool) {
        if list {
            self.backlog.list(Arc::clone(self));
        }
        woken.wake();
    }
}

impl<K, V, E> Flight<K, V, E>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Goes on, unless somebody else does just now. The seat's waker is woken when there is more to do.
    pub(super) fn step(self: &Arc<Self>, seat: Option<(&mut Place, &Waker)>) -> Step<V, E> {
        let mut deck = self.deck.lock();
        if let Some(answer) = &deck.answer {
            let answer = answer.clone();
            drop(deck);
            return Step::Answered(answer);
        }
        if seat.is_none() {
            deck.listed = false;
        }
        match std::mem::replace(&mut deck.work, Work::Polled) {
            Work::Ready(load) => {
                deck.again = false;
                let started = *deck.started.get_or_insert_with(Instant::now);
                drop(deck);
                self.poll(load, started, seat)
            }
            other => {
                deck.work = other;
                drop(deck);
                self.wait(seat)
            }
        }
    }

    fn poll(
        self: &Arc<Self>,
        mut load: Load<V, E>,
        started: Instant,
        seat: Option<(&mut Place, &Waker)>,
    ) -> Step<V, E> {
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        let polled = {
            let _flying = Flying::enter(self.id());
            caught(|| load.as_mut().poll(&mut cx))
        };
        let brought = match polled {
            Ok(Poll::Pending) => return self.pending(load, seat),
            Ok(Poll::Ready(brought)) => Ok(brought),
            Err(message) => Err(message),
        };
        drop(load);
        Step::Landed { brought, took: Instant::now() - started }
    }

    fn pending(self: &Arc<Self>, load: Load<V, E>, seat: Option<(&mut Place, &Waker)>) -> Step<V, E> {
        // Wakers are the runtime's code: cloned before the lock, dropped after it.
        let seat = seat.map(|(place, waker)| (place, waker.clone()));
        let mut deck = self.deck.lock();
        if deck.doomed {
            deck.work = Work::Over;
            drop(deck);
            drop(load);
            return Step::Dropped;
        }
        deck.work = Work::Ready(load);
        let before = seat.and_then(|(place, waker)| deck.wakers.put(place, waker));
        let woken = std::mem::take(&mut deck.again).then(|| (deck.wakers.take(), deck.list()));
        drop(deck);
        drop(before);
        if let Some((woken, list)) = woken {
            self.rouse(woken, list);
        }
        Step::Waiting
    }

    /// Somebody else goes on with it, or it has no slot yet.
    fn wait(self: &Arc<Self>, seat: Option<(&mut Place, &Waker)>) -> Step<V, E> {
        let Some((place, waker)) = seat else { return Step::Waiting };
        let fresh = waker.clone();
        let mut deck = self.deck.lock();
        // What has happened since is found by another turn.
        if deck.answer.is_some() || matches!(deck.work, Work::Ready(_)) {
            drop(deck);
            drop(fresh);
            return self.step(Some((place, waker)));
        }
        let before = deck.wakers.put(place, fresh);
        drop(deck);
        drop(before);
        Step::Waiting
    }

    fn id(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self) as usize
    }

    /// Whether the caller is inside this very load.
    pub(super) fn is_flying_here(self: &Arc<Self>) -> bool {
        FLYING.with(|flying| flying.borrow().contains(&self.id()))
    }
}

impl<K, V, E> Wake for Flight<K, V, E>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut deck = self.deck.lock();
        match deck.work {
            Work::Polled => deck.again = true,
            Work::Over => {}
            Work::Queued(_) | Work::Ready(_) => {
                let (woken, list) = (deck.wakers.take(), deck.list());
                drop(deck);
                self.rouse(woken, list);
            }
        }
    }
}

crate::sync::thread_local! {
    // The flights that this thread is polling, the outermost first.
    static FLYING: RefCell<Vec<usize>> = RefCell::default();
}

struct Flying;

impl Flying {
    fn enter(id: usize) -> Self {
        FLYING.with(|flying| flying.borrow_mut().push(id));
        Self
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        FLYING.with(|flying| flying.borrow_mut().pop());
    }
}

/// What `f` gives, or the message of its panic.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Arc<str>> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").into()
    })
}
