use super::backlog::Backlog;
use super::entry::Entry;
use super::load_error::LoadError;
use super::loaded::Loaded;
use super::wakers::{Place, Wakers, Woken};
use crate::error::{Error, Rejected, TimedOut};
use crate::sync::Mutex;
use crate::telemetry::Why;
use crate::time::Instant;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A load that any number of callers wait for; the one box of this family.
pub(super) type Load<V, E> = Pin<Box<dyn Future<Output = Brought<V, E>> + Send>>;

/// What a loader brought.
pub(super) type Brought<V, E> = Result<Loaded<V>, Error<LoadError<E>>>;

/// A load in progress, and all who wait for it.
///
/// Nobody leads: whoever waits polls it, and each time it can go on all of them are woken, so that one who is parked,
/// slow or gone delays no other.
pub(super) struct Flight<K, V, E> {
    pub(super) key: K,
    /// The sequence when it began: what is fenced later is not stored.
    pub(super) stamp: u64,
    pub(super) begun: Instant,
    backlog: Arc<Backlog<K, V, E>>,
    pub(super) deck: Mutex<Deck<V, E>>,
}

pub(super) struct Deck<V, E> {
    work: Work<V, E>,
    // It was woken while it was polled.
    again: bool,
    // Nobody wants it any more, but it is being polled.
    doomed: bool,
    pub(super) callers: usize,
    /// A background polls it too, and ends it if everybody leaves.
    pub(super) adopted: bool,
    // It stands in the background's line.
    listed: bool,
    /// Taken out of the table.
    pub(super) fenced: bool,
    started: Option<Instant>,
    pub(super) wakers: Wakers,
    pub(super) answer: Option<Answer<V, E>>,
    /// The entry whose refresh it is.
    claim: Option<Entry<V>>,
}

enum Work<V, E> {
    /// Waits for a slot.
    Queued(Load<V, E>),
    Ready(Load<V, E>),
    Polled,
    Over,
}

/// What everybody who waited gets.
pub(super) enum Answer<V, E> {
    Value {
        entry: Entry<V>,
        /// Those who joined with this number or a later one begin anew.
        dead: u64,
        /// For whoever's loader ran, and for nobody else.
        passes: bool,
    },
    Stale(Entry<V>, Why),
    Missing,
    Failed(LoadError<E>),
    Rejected(Rejected),
    TimedOut(TimedOut),
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

/// What is left of a flight that was given up.
pub(super) enum Rest<V, E> {
    /// A load to be dropped under no lock, and whether it had a slot.
    Load { load: Load<V, E>, slot: bool },
    /// Whoever polls it now ends it.
    Polled,
    /// It had ended.
    Nothing,
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
        let deck = Deck {
            work: Work::Queued(load),
            again: false,
            doomed: false,
            callers: 0,
            adopted: false,
            listed: false,
            fenced: false,
            started: None,
            wakers: Wakers::default(),
            answer: None,
            claim,
        };
        Self { key, stamp, begun, backlog: Arc::clone(backlog), deck: Mutex::new(deck) }
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

impl<V, E> Deck<V, E> {
    /// Whether it has to be put into the background's line.
    const fn list(&mut self) -> bool {
        self.adopted && !std::mem::replace(&mut self.listed, true)
    }

    /// A background takes it over; whether it has to be put into its line.
    pub(super) const fn adopt(&mut self) -> bool {
        self.adopted = true;
        self.list()
    }

    /// Takes a load that is not being polled, to end it from outside.
    pub(super) fn seize(&mut self) -> Option<Load<V, E>> {
        match std::mem::replace(&mut self.work, Work::Polled) {
            Work::Ready(load) => Some(load),
            other => {
                self.work = other;
                None
            }
        }
    }

    /// Ends what nobody wants any more.
    pub(super) fn give_up(&mut self) -> Rest<V, E> {
        match std::mem::replace(&mut self.work, Work::Over) {
            Work::Queued(load) => Rest::Load { load, slot: false },
            Work::Ready(load) => Rest::Load { load, slot: true },
            Work::Polled => {
                self.work = Work::Polled;
                self.doomed = true;
                Rest::Polled
            }
            Work::Over => Rest::Nothing,
        }
    }

    pub(super) fn unclaim(&mut self) {
        if let Some(claimed) = self.claim.take() {
            claimed.unclaim();
        }
    }

    /// Everybody gets `answer`.
    pub(super) fn end(&mut self, answer: Answer<V, E>) -> Woken {
        self.work = Work::Over;
        self.answer = Some(answer);
        self.unclaim();
        self.wakers.take()
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
        // Wakers are the runtime's code: cloned before the lock, dropped after it.
        let seat = seat.map(|(place, waker)| (place, waker.clone()));
        let mut deck = self.deck.lock();
        if let Some(answer) = &deck.answer {
            let answer = answer.clone();
            drop(deck);
            return Step::Answered(answer);
        }
        let from_background = seat.is_none();
        let before = seat.and_then(|(place, waker)| deck.wakers.put(place, waker));
        if from_background {
            deck.listed = false;
        }
        let (load, started) = match std::mem::replace(&mut deck.work, Work::Polled) {
            Work::Ready(load) => {
                deck.again = false;
                let started = *deck.started.get_or_insert_with(Instant::now);
                (load, started)
            }
            other => {
                deck.work = other;
                drop(deck);
                drop(before);
                return Step::Waiting;
            }
        };
        drop(deck);
        drop(before);
        self.poll(load, started)
    }

    fn poll(self: &Arc<Self>, mut load: Load<V, E>, started: Instant) -> Step<V, E> {
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        let polled = {
            let _flying = Flying::enter(self.id());
            caught(|| load.as_mut().poll(&mut cx))
        };
        let brought = match polled {
            Ok(Poll::Pending) => return self.pending(load),
            Ok(Poll::Ready(brought)) => Ok(brought),
            Err(message) => Err(message),
        };
        drop(load);
        Step::Landed { brought, took: Instant::now() - started }
    }

    fn pending(self: &Arc<Self>, load: Load<V, E>) -> Step<V, E> {
        let mut deck = self.deck.lock();
        if deck.doomed {
            deck.work = Work::Over;
            drop(deck);
            drop(load);
            return Step::Dropped;
        }
        deck.work = Work::Ready(load);
        if std::mem::take(&mut deck.again) {
            let (woken, list) = (deck.wakers.take(), deck.list());
            drop(deck);
            self.rouse(woken, list);
        }
        Step::Waiting
    }

    fn id(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self) as usize
    }

    /// Whether the caller is inside this very load.
    pub(super) fn is_flying_here(self: &Arc<Self>) -> bool {
        FLYING.with_borrow(|flying| flying.contains(&self.id()))
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

thread_local! {
    // The flights that this thread is polling, the outermost first.
    static FLYING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

struct Flying;

impl Flying {
    fn enter(id: usize) -> Self {
        FLYING.with_borrow_mut(|flying| flying.push(id));
        Self
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        FLYING.with_borrow_mut(|flying| flying.pop());
    }
}

/// What `f` gives, or the message of its panic.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Arc<str>> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").into()
    })
}

impl<V, E> Clone for Answer<V, E> {
    fn clone(&self) -> Self {
        match self {
            Self::Value { entry, dead, passes } => {
                Self::Value { entry: entry.clone(), dead: *dead, passes: *passes }
            }
            Self::Stale(entry, why) => Self::Stale(entry.clone(), *why),
            Self::Missing => Self::Missing,
            Self::Failed(error) => Self::Failed(error.clone()),
            Self::Rejected(rejected) => Self::Rejected(*rejected),
            Self::TimedOut(timed_out) => Self::TimedOut(*timed_out),
        }
    }
}
