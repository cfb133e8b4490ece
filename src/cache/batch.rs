use super::cache_aside::shared;
use super::deck::Brought;
use super::load_error::LoadError;
use super::loaded::Loaded;
use super::source::Batch;
use super::wakers::{Place, Wakers};
use crate::error::Error;
use crate::sync::Mutex;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

type Loading<K, V, E> = Pin<Box<dyn Future<Output = Batch<K, V, E>> + Send>>;

/// One load of several keys: whichever of their flights is polled goes on with it.
pub(super) struct Shared<K, V, E>(Arc<One<K, V, E>>);

struct One<K, V, E>(Mutex<State<K, V, E>>);

struct State<K, V, E> {
    work: Work<K, V, E>,
    again: bool,
    wakers: Wakers,
}

enum Work<K, V, E> {
    Ready(Loading<K, V, E>),
    Polled,
    Loaded(HashMap<K, Loaded<V>>),
    Failed(Error<LoadError<E>>),
}

impl<K, V, E> Shared<K, V, E>
where
    K: Hash + Eq + Send + 'static,
    V: Send + 'static,
    E: Send + Sync + 'static,
{
    pub(super) fn new(batch: impl Future<Output = Batch<K, V, E>> + Send + 'static) -> Self {
        let state = State { work: Work::Ready(Box::pin(batch)), again: false, wakers: Wakers::default() };
        Self(Arc::new(One(Mutex::new(state))))
    }

    /// What the batch brings for `key`.
    pub(super) async fn of(self, key: K) -> Brought<V, E> {
        let mut place = Place::default();
        poll_fn(|cx| self.0.poll(&key, &mut place, cx)).await
    }
}

impl<K, V, E> One<K, V, E>
where
    K: Hash + Eq + Send + 'static,
    V: Send + 'static,
    E: Send + Sync + 'static,
{
    fn poll(self: &Arc<Self>, key: &K, place: &mut Place, cx: &Context<'_>) -> Poll<Brought<V, E>> {
        let fresh = cx.waker().clone();
        let mut state = self.0.lock();
        let mut loading = match std::mem::replace(&mut state.work, Work::Polled) {
            Work::Ready(loading) => loading,
            Work::Loaded(mut loaded) => {
                let own = loaded.remove(key).ok_or(Error::Inner(LoadError::Unanswered));
                state.work = Work::Loaded(loaded);
                return Poll::Ready(own);
            }
            Work::Failed(error) => {
                let own = copy(&error);
                state.work = Work::Failed(error);
                return Poll::Ready(Err(own));
            }
            Work::Polled => {
                let before = state.wakers.put(place, fresh);
                drop(state);
                drop(before);
                return Poll::Pending;
            }
        };
        let before = state.wakers.put(place, fresh);
        state.again = false;
        drop(state);
        drop(before);
        // If it panics, this flight has the panic, and the others are unanswered.
        let mut unfinished = Unfinished { one: self, armed: true };
        let polled = loading.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(self))));
        unfinished.armed = false;
        let work = match polled {
            Poll::Pending => Work::Ready(loading),
            Poll::Ready(Ok(loaded)) => Work::Loaded(loaded.into_iter().collect()),
            Poll::Ready(Err(error)) => Work::Failed(shared(error)),
        };
        let ended = !matches!(work, Work::Ready(_));
        let mut state = self.0.lock();
        state.work = work;
        let woken = if ended || state.again { state.wakers.take() } else { super::wakers::Woken::default() };
        drop(state);
        woken.wake();
        if ended { self.poll(key, place, cx) } else { Poll::Pending }
    }
}

/// Ends a batch whose poll panicked.
struct Unfinished<'a, K, V, E> {
    one: &'a One<K, V, E>,
    armed: bool,
}

impl<K, V, E> Drop for Unfinished<'_, K, V, E> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let mut state = self.one.0.lock();
        state.work = Work::Failed(Error::Inner(LoadError::Unanswered));
        let woken = state.wakers.take();
        drop(state);
        woken.wake();
    }
}

impl<K, V, E> Wake for One<K, V, E>
where
    K: Send + 'static,
    V: Send + 'static,
    E: Send + Sync + 'static,
{
    fn wake(self: Arc<Self>) {
        let mut state = self.0.lock();
        if matches!(state.work, Work::Polled) {
            state.again = true;
            return;
        }
        let woken = state.wakers.take();
        drop(state);
        woken.wake();
    }
}

fn copy<E>(error: &Error<LoadError<E>>) -> Error<LoadError<E>> {
    match error {
        Error::Rejected(rejected) => Error::Rejected(*rejected),
        Error::TimedOut(timed_out) => Error::TimedOut(*timed_out),
        Error::Inner(error) => Error::Inner(error.clone()),
    }
}

impl<K, V, E> Clone for Shared<K, V, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// All of `reads`, each polled until it has ended.
pub(super) async fn all<F: Future + Unpin>(mut reads: Vec<F>) -> Vec<F::Output> {
    let mut ended: Vec<Option<F::Output>> = reads.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut waiting = false;
        for (read, slot) in reads.iter_mut().zip(&mut ended) {
            if slot.is_none() {
                match Pin::new(read).poll(cx) {
                    Poll::Ready(output) => *slot = Some(output),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    ended.into_iter().flatten().collect()
}
