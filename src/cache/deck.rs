use super::entry::Entry;
use super::load_error::LoadError;
use super::loaded::Loaded;
use super::wakers::{Wakers, Woken};
use crate::error::{Error, Rejected, TimedOut};
use crate::telemetry::Why;
use crate::time::Instant;
use std::future::Future;
use std::pin::Pin;

/// A load that any number of callers wait for; the one box of this family.
pub(super) type Load<V, E> = Pin<Box<dyn Future<Output = Brought<V, E>> + Send>>;

/// What a loader brought.
pub(super) type Brought<V, E> = Result<Loaded<V>, Error<LoadError<E>>>;

/// What a flight keeps under its lock.
pub(super) struct Deck<V, E> {
    pub(super) work: Work<V, E>,
    // It was woken while it was polled.
    pub(super) again: bool,
    // Nobody wants it any more, but it is being polled.
    pub(super) doomed: bool,
    pub(super) callers: usize,
    /// A background polls it too, and ends it if everybody leaves.
    pub(super) adopted: bool,
    // It stands in the background's line.
    pub(super) listed: bool,
    /// Taken out of the table.
    pub(super) fenced: bool,
    pub(super) started: Option<Instant>,
    pub(super) wakers: Wakers,
    pub(super) answer: Option<Answer<V, E>>,
    /// The entry whose refresh it is.
    pub(super) claim: Option<Entry<V>>,
}

pub(super) enum Work<V, E> {
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

/// What is left of a flight that was given up.
pub(super) enum Rest<V, E> {
    /// A load to be dropped under no lock, and whether it had a slot.
    Load { load: Load<V, E>, slot: bool },
    /// Whoever polls it now ends it.
    Polled,
    /// It had ended.
    Nothing,
}

impl<V, E> Deck<V, E> {
    pub(super) const fn new(load: Load<V, E>, claim: Option<Entry<V>>) -> Self {
        Self {
            work: Work::Queued(load),
            again: false,
            doomed: false,
            callers: 0,
            adopted: false,
            listed: false,
            fenced: false,
            started: None,
            wakers: Wakers::new(),
            answer: None,
            claim,
        }
    }

    /// Whether it has to be put into the background's line.
    pub(super) const fn list(&mut self) -> bool {
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
