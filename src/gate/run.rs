use super::{Admit, Gate, Now, Permit};
use crate::class::{ByResult, Classify};
use crate::error::Error;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A direct call through a gate; made by [`Gate::run`].
    ///
    /// The gate is asked at the first poll. Dropped before that, nothing has happened; dropped later, the
    /// permit is abandoned.
    #[must_use = "futures do nothing unless polled"]
    pub struct Run<G, F, Fut, C = ByResult>
    where
        G: Gate,
    {
        #[pin]
        stage: Stage<G, F, Fut>,
        classifier: C,
    }
}

pin_project! {
    #[project = StageProj]
    #[project_replace = StageOwned]
    enum Stage<G, F, Fut>
    where
        G: Gate,
    {
        Asking { gate: G, call: F },
        // The future before the permit: what it holds goes first, the slot last.
        Called { #[pin] future: Fut, permit: Option<Permit<G>> },
        Done,
    }
}

impl<G: Gate, F, Fut, C> Run<G, F, Fut, C> {
    pub(super) const fn new(gate: G, classifier: C, call: F) -> Self {
        Self { stage: Stage::Asking { gate, call }, classifier }
    }
}

impl<G, F, Fut, C, T, E> Future for Run<G, F, Fut, C>
where
    G: Admit<()>,
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    C: Classify<T, E>,
{
    type Output = Result<T, Error<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StageProj::Asking { .. } = this.stage.as_mut().project()
            && let StageOwned::Asking { gate, call } = this.stage.as_mut().project_replace(Stage::Done)
        {
            let permit = match Permit::acquire(gate, &(), Now::lazy()) {
                Ok(permit) => permit,
                Err(rejected) => return Poll::Ready(Err(Error::Rejected(rejected))),
            };
            let future = call();
            this.stage.set(Stage::Called { future, permit: Some(permit) });
        }
        let StageProj::Called { future, permit } = this.stage.as_mut().project() else {
            return Poll::Pending; // polled after its end
        };
        let result = ready!(future.poll(cx));
        // In a local, so that a classifier that panics abandons the permit at once.
        if let Some(permit) = permit.take() {
            let class = this.classifier.classify(result.as_ref());
            permit.settle(class);
        }
        this.stage.set(Stage::Done);
        Poll::Ready(result.map_err(Error::Inner))
    }
}

impl<G: Gate, F, Fut, C> std::fmt::Debug for Run<G, F, Fut, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}
