use super::RespondBody;
use super::answer::{Asked, Unanswered, Why};
use super::respond::Answer;
use crate::error::Error;
use http::Response;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The answer of a [`RespondService`](super::RespondService).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, A> {
        #[pin]
        state: State<F>,
        asked: Asked,
        answer: A,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Called { #[pin] inner: F },
        Foreseen { why: Why },
    }
}

impl<F, A> ResponseFuture<F, A> {
    pub(super) const fn called(inner: F, asked: Asked, answer: A) -> Self {
        Self { state: State::Called { inner }, asked, answer }
    }

    pub(super) const fn foreseen(why: Why, asked: Asked, answer: A) -> Self {
        Self { state: State::Foreseen { why }, asked, answer }
    }
}

impl<F, A, R, E> Future for ResponseFuture<F, A>
where
    F: Future<Output = Result<Response<R>, Error<E>>>,
    A: Answer,
{
    type Output = Result<Response<RespondBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let why = match this.state.project() {
            StateProj::Foreseen { why } => *why,
            StateProj::Called { inner } => match ready!(inner.poll(cx)) {
                Ok(answer) => return Poll::Ready(Ok(answer.map(RespondBody::own))),
                Err(Error::Inner(error)) => return Poll::Ready(Err(error)),
                Err(Error::Rejected(rejected)) => Why::Rejected(rejected),
                Err(Error::TimedOut(timed_out)) => Why::TimedOut(timed_out),
            },
        };
        Poll::Ready(Ok(make(this.answer, Unanswered { why, asked: *this.asked })))
    }
}

#[cold]
#[inline(never)]
fn make<A: Answer, R>(answer: &A, unanswered: Unanswered) -> Response<RespondBody<R>> {
    let mut made = answer.answer(&unanswered, unanswered.answer()).map(RespondBody::made);
    made.extensions_mut().insert(unanswered.mark());
    made
}

impl<F, A> fmt::Debug for ResponseFuture<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
