use super::answers::{Answers, Results};
use super::write::WriteError;
use crate::clock::Timer;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::any::Any;
use std::future::Future;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// A place for one store call, used again and again.
    pub(super) struct Storing<B, Fut> {
        batch: Option<B>,
        #[pin]
        call: Option<Fut>,
        // Said before the call could be polled.
        panicked: Option<Arc<str>>,
        #[pin]
        timer: Timer,
        begun: Instant,
        deadline: Duration,
    }
}

/// What one store call came to.
pub(super) enum Answer<K, E> {
    Said(Results<K, E>),
    Panicked(Arc<str>),
    TimedOut(Duration),
}

impl<K: Hash + Eq, E> Answer<K, E> {
    /// What it says of one key.
    pub(super) fn of(&mut self, key: &K) -> Result<(), WriteError<E>> {
        match self {
            Self::Said(results) => results.of(key),
            Self::Panicked(message) => Err(WriteError::Panicked(Arc::clone(message))),
            Self::TimedOut(after) => Err(WriteError::TimedOut(*after)),
        }
    }
}

/// A panic, as `catch_unwind` gives it.
type Panic = Box<dyn Any + Send>;

impl<B, Fut> Storing<B, Fut> {
    pub(super) const fn idle() -> Self {
        Self {
            batch: None,
            call: None,
            panicked: None,
            timer: Timer::unarmed(),
            begun: Instant::ZERO,
            deadline: Duration::MAX,
        }
    }

    pub(super) const fn is_free(&self) -> bool {
        self.call.is_none() && self.panicked.is_none()
    }

    pub(super) fn begin(
        self: Pin<&mut Self>,
        batch: B,
        call: Result<Fut, Panic>,
        now: Instant,
        deadline: Duration,
    ) {
        let mut this = self.project();
        *this.batch = Some(batch);
        (*this.begun, *this.deadline) = (now, deadline);
        match call {
            Ok(call) => this.call.set(Some(call)),
            Err(panic) => *this.panicked = Some(message(&*panic)),
        }
    }
}

impl<B, Fut: Future> Storing<B, Fut> {
    /// What the call was made with, and what became of it.
    pub(super) fn poll_answer<K>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<(B, Answer<K, <Fut::Output as Answers<K>>::Error>)>
    where
        Fut::Output: Answers<K>,
    {
        let mut this = self.project();
        let answer = if let Some(message) = this.panicked.take() {
            Answer::Panicked(message)
        } else {
            let Some(call) = this.call.as_mut().as_pin_mut() else { return Poll::Pending };
            match catch_unwind(AssertUnwindSafe(|| call.poll(cx).map(Answers::into_results))) {
                Ok(Poll::Ready(results)) => Answer::Said(results),
                Err(panic) => Answer::Panicked(message(&*panic)),
                Ok(Poll::Pending) => {
                    if !this.timer.is_armed() {
                        this.timer.as_mut().arm(*this.begun + *this.deadline);
                    }
                    std::task::ready!(this.timer.as_mut().poll_fired(cx));
                    Answer::TimedOut(*this.deadline)
                }
            }
        };
        this.call.set(None);
        this.timer.disarm();
        this.batch.take().map_or(Poll::Pending, |batch| Poll::Ready((batch, answer)))
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> Arc<str> {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        Arc::from(*text)
    } else if let Some(text) = panic.downcast_ref::<String>() {
        Arc::from(&**text)
    } else {
        Arc::from("not a text")
    }
}
