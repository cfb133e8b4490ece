use super::{Around, Parts, Pointer, Policy, Repeat, ResponseFuture, Stack};
use crate::class::Classify;
use crate::error::{Fault, Rejected};
use crate::gate::{Admit, Gate, Now, Permit, foreseen};
use crate::timeout::Limits;
use std::fmt;
use std::future::Future;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// A service behind a [`Policy`](super::Policy).
///
/// `P` points to what its calls share: an `Arc`, of which each admitted call clones one, or a reference.
pub struct PolicyService<S, P> {
    inner: S,
    shared: P,
    foreseen: Option<Rejected>,
}

impl<S, P> PolicyService<S, P> {
    pub(super) const fn new(inner: S, shared: P) -> Self {
        Self { inner, shared, foreseen: None }
    }
}

impl<S: Clone, P: Clone> Clone for PolicyService<S, P> {
    fn clone(&self) -> Self {
        // A clone has not been made ready, and foresees nothing.
        Self { inner: self.inner.clone(), shared: self.shared.clone(), foreseen: None }
    }
}

impl<S, P, Req> Service<Req> for PolicyService<S, P>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Parts + Clone,
    P::Gates: Admit<Req>,
    P::Classifier: Classify<S::Response, <S::Error as Fault>::Inner>,
    P::Repeat: Repeat<S, Req, S::Response, S::Error>,
    P::Limits: Limits<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, P>;

    #[inline(always)]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // The quiet path writes no refusal, not even the lack of one.
        if let Some(rejected) = self.shared.gates().refuses(&mut Now::lazy()) {
            self.foreseen = Some(rejected);
            return Poll::Ready(Ok(()));
        }
        if self.foreseen.is_some() {
            self.foreseen = None;
        }
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        let shared = &self.shared;
        if self.foreseen.is_some()
            && let Some(rejected) = self.foreseen.take()
        {
            return ResponseFuture::refused(self.shared.clone(), foreseen(shared.gates(), rejected));
        }
        match Permit::acquire(shared.gates(), &request, Now::lazy()) {
            Ok(permit) => {
                let limit = shared.limits().nanos(&request);
                let (call, spare) = shared.repeat().first(&mut self.inner, request);
                ResponseFuture::called(self.shared.clone(), call, limit, spare, permit.into_pass())
            }
            Err(rejected) => ResponseFuture::refused(self.shared.clone(), rejected),
        }
    }
}

impl<S: fmt::Debug, P> fmt::Debug for PolicyService<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// A [`Policy`](super::Policy) over a service whose error has room already; made by
/// [`Policy::lifted`](super::Policy::lifted).
#[derive(Clone, Debug)]
pub struct LiftedPolicy<P>(pub(super) P);

impl<Inner, B, L, S, C, R, T, H, D, F, K> Layer<Inner> for LiftedPolicy<Policy<B, L, S, C, R, T, H, D, F, K>>
where
    Around<H, D, F, K>: Stack<Inner, Pointer<B, L, S, C, R, T>>,
{
    type Service = <Around<H, D, F, K> as Stack<Inner, Pointer<B, L, S, C, R, T>>>::Service;

    fn layer(&self, inner: Inner) -> Self::Service {
        self.0.over(inner)
    }
}

/// A closure as a service that is always ready.
#[derive(Debug)]
pub struct Calls<'f, F>(pub(super) &'f F);

impl<F> Clone for Calls<'_, F> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<F, Fut, T, E> Service<()> for Calls<'_, F>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = Fut;

    #[inline(always)]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    #[inline(always)]
    fn call(&mut self, (): ()) -> Fut {
        (self.0)()
    }
}
