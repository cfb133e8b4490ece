use super::deck::{Brought, Load};
use super::engine::Engine;
use super::store::Store;
use super::tier;
use crate::clock::Timer;
use crate::deadline::alone::alone;
use crate::error::{Error, TimedOut};
use crate::lazy::Lazy;
use crate::name::Name;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// A load, or a write, under its own deadline, which counts from its first poll; its callers' deadlines do not reach it.
    pub(super) struct Running<F> {
        #[pin]
        load: F,
        #[pin]
        timer: Timer,
        end: Option<Instant>,
        limit: Duration,
        name: Name,
    }
}

impl<F> Running<F> {
    pub(super) const fn new(load: F, limit: Duration, name: Name) -> Self {
        Self { load, timer: Timer::unarmed(), end: None, limit, name }
    }
}

impl<F, T, E> Future for Running<F>
where
    F: Future<Output = Result<T, Error<E>>>,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let end = *this.end.get_or_insert_with(|| Instant::now() + *this.limit);
        // What is ready when the time is up wins.
        if let Poll::Ready(brought) = alone(end, || this.load.poll(cx)) {
            return Poll::Ready(brought);
        }
        if !this.timer.is_armed() {
            this.timer.as_mut().arm(end);
        }
        ready!(this.timer.poll_fired(cx));
        Poll::Ready(Err(Error::TimedOut(TimedOut::new(*this.name, *this.limit))))
    }
}

impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// The box of a load: under its deadline, and through the second tier if there is one.
    pub(crate) fn boxed<F, Fut>(&self, key: &K, load: F) -> Load<V, E>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Brought<V, E>> + Send + 'static,
    {
        let (limit, name) = (self.settings.load_deadline, self.telemetry.name());
        match &self.settings.tier {
            None => Box::pin(Running::new(Lazy::new(load), limit, name)),
            Some(tier) => {
                let load = tier::through(Arc::clone(tier), key.clone(), self.settings.lifetime, load);
                Box::pin(Running::new(load, limit, name))
            }
        }
    }
}
