use super::{Cloned, ResponseFuture, Terms};
use std::future::Future;
use std::task::{Context, Poll};
use tower_service::Service;

/// A direct call through a retry; made by [`Retry::run`](super::Retry::run).
///
/// The first attempt starts at the first poll.
pub type Run<'a, S, C> = ResponseFuture<S, (), &'a Terms<C>, Cloned>;

/// A function as the service that a direct call goes to.
#[derive(Clone, Copy, Debug)]
pub struct Calls<F>(F);

impl<F> Calls<F> {
    pub(crate) const fn new(call: F) -> Self {
        Self(call)
    }
}

impl<F, Fut, T, E> Service<()> for Calls<F>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = Fut;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, (): ()) -> Fut {
        (self.0)()
    }
}
