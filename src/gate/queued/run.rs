use super::acquire::Acquire;
use crate::class::{ByResult, Classify};
use crate::error::Error;
use crate::gate::{Admit, Gate, Permit};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A direct call through a queue; made by [`Queued::run`](super::Queued::run).
    #[must_use = "futures do nothing unless polled"]
    pub struct RunQueued<'a, G, F, Fut>
    where
        G: Gate,
    {
        #[pin]
        stage: Stage<'a, G, F, Fut>,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<'a, G, F, Fut>
    where
        G: Gate,
    {
        Waiting { #[pin] acquire: Acquire<'a, G>, call: Option<F> },
        // The future before the permit: what it holds goes first, the slot last.
        Called { #[pin] future: Fut, permit: Option<Permit<&'a G>> },
        Done,
    }
}

impl<'a, G: Gate, F, Fut> RunQueued<'a, G, F, Fut> {
    pub(super) const fn new(acquire: Acquire<'a, G>, call: F) -> Self {
        Self { stage: Stage::Waiting { acquire, call: Some(call) } }
    }
}

impl<G, F, Fut, T, E> Future for RunQueued<'_, G, F, Fut>
where
    G: Admit<()>,
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, Error<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        loop {
            match stage.as_mut().project() {
                StageProj::Waiting { acquire, call } => {
                    let permit = match ready!(acquire.poll(cx)) {
                        Ok(permit) => permit,
                        Err(rejected) => {
                            stage.set(Stage::Done);
                            return Poll::Ready(Err(Error::Rejected(rejected)));
                        }
                    };
                    let Some(call) = call.take() else { return Poll::Pending };
                    let future = call();
                    stage.set(Stage::Called { future, permit: Some(permit) });
                }
                StageProj::Called { future, permit } => {
                    let result = ready!(future.poll(cx));
                    if let Some(permit) = permit.take() {
                        permit.settle(ByResult.classify(result.as_ref()));
                    }
                    stage.set(Stage::Done);
                    return Poll::Ready(result.map_err(Error::Inner));
                }
                StageProj::Done => return Poll::Pending, // polled after its end
            }
        }
    }
}

impl<G: Gate, F, Fut> fmt::Debug for RunQueued<'_, G, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunQueued").finish_non_exhaustive()
    }
}
