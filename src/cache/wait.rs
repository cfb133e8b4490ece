use super::deck::Answer;
use super::entry::Entry;
use super::seat::{Seat, Turn};
use super::store::Store;
use crate::clock::Timer;
use crate::deadline::in_force;
use crate::error::TimedOut;
use crate::telemetry::Why;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// One caller waits for a flight, for as long as its own limits allow.
    pub(super) struct Wait<K, V, E, S>
    where
        K: Hash,
        K: Eq,
        K: Clone,
        K: Send,
        K: Sync,
        K: 'static,
        V: Send,
        V: Sync,
        V: 'static,
        E: Send,
        E: Sync,
        E: 'static,
        S: Store<K, V>,
    {
        seat: Seat<K, V, E, S>,
        stale: Option<Entry<V>>,
        arrived: Instant,
        #[pin]
        timer: Timer,
        armed: bool,
    }
}

/// What waiting came to.
pub(super) enum Waited<V, E> {
    Answer(Answer<V, E>),
    Stale(Entry<V>, Why),
    TimedOut(TimedOut),
    Gone,
}

impl<K, V, E, S> Wait<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    pub(super) const fn new(seat: Seat<K, V, E, S>, stale: Option<Entry<V>>, arrived: Instant) -> Self {
        Self { seat, stale, arrived, timer: Timer::unarmed(), armed: false }
    }

    /// From when on a stale value is better than waiting: only where a background can end the load.
    fn soft(&self) -> Instant {
        if self.stale.is_some() && self.seat.engine.backlog.is_running() {
            self.seat.flight.begun + self.seat.engine.settings.soft
        } else {
            Instant::MAX
        }
    }

    fn hard(&self) -> Instant {
        (self.arrived + self.seat.engine.settings.hard).min(in_force())
    }

    fn limit(&self, now: Instant) -> Waited<V, E> {
        match &self.stale {
            Some(entry) if entry.stage(now).is_servable() => {
                Waited::Stale(entry.clone(), if now >= self.soft() { Why::Slow } else { Why::TimedOut })
            }
            Some(_) | None => {
                Waited::TimedOut(TimedOut::new(self.seat.engine.telemetry.name(), now - self.arrived))
            }
        }
    }
}

impl<K, V, E, S> Future for Wait<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    type Output = Waited<V, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A result that is ready when a limit fires wins.
        match self.as_mut().project().seat.turn(cx.waker()) {
            Turn::Answer(answer) => return Poll::Ready(Waited::Answer(answer)),
            Turn::Gone => return Poll::Ready(Waited::Gone),
            Turn::Waiting => {}
        }
        let end = self.soft().min(self.hard());
        let mut this = self.as_mut().project();
        if !*this.armed {
            *this.armed = true;
            this.timer.as_mut().arm(end);
        }
        ready!(this.timer.poll_fired(cx));
        Poll::Ready(self.limit(Instant::now()))
    }
}
