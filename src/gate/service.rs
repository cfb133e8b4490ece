use super::{Admit, Classified, Gate, Now, Permit, ResponseFuture};
use crate::class::Classify;
use crate::error::{Fault, Rejected};
use std::ops::Deref;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service behind a gate: the one adaptor of the whole family.
///
/// `P` points to the gate and its classifier. A [`GateLayer`](super::GateLayer) makes it an `Arc`, of which
/// each admitted call clones one; over a `&'static` gate, see [`Gated::new`], a call touches no count.
///
/// # Readiness
///
/// While the gate would refuse, the service reads ready without asking the inner one, so an open circuit
/// answers though the peer never is. The decision itself falls in `call`. If the gate has changed its mind
/// between `poll_ready` and `call`, the foreseen refusal stands for that one call: nothing unready is called.
#[derive(Debug)]
pub struct Gated<S, P> {
    inner: S,
    gate: P,
    foreseen: Option<Rejected>,
}

impl<S, P> Gated<S, P> {
    /// A service behind the gate that `gate` points to.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::gate::{Classified, Gated};
    /// use seawall::{ByResult, ConcurrencyLimit, Gate, Lift};
    /// use std::sync::LazyLock;
    /// use tower::{ServiceExt, service_fn};
    ///
    /// static LIMIT: LazyLock<Classified<ConcurrencyLimit, ByResult>> =
    ///     LazyLock::new(|| ConcurrencyLimit::new("db", 16).classify(ByResult));
    ///
    /// let service = Gated::new(Lift::new(service_fn(|()| async { Ok::<_, ()>(1) })), &*LIMIT);
    /// assert_eq!(service.oneshot(()).await, Ok(1));
    /// # }
    /// ```
    pub const fn new(inner: S, gate: P) -> Self {
        Self { inner, gate, foreseen: None }
    }
}

impl<S: Clone, P: Clone> Clone for Gated<S, P> {
    fn clone(&self) -> Self {
        // A clone has not been made ready, and foresees nothing.
        Self { inner: self.inner.clone(), gate: self.gate.clone(), foreseen: None }
    }
}

impl<S, P, G, C, Req> Service<Req> for Gated<S, P>
where
    S: Service<Req>,
    S::Error: Fault,
    P: Deref<Target = Classified<G, C>> + Gate<Pass = G::Pass> + Clone,
    G: Admit<Req>,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, P>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // The quiet path writes no refusal, not even the lack of one.
        if let Some(rejected) = self.gate.gate.refuses(&mut Now::lazy()) {
            self.foreseen = Some(rejected);
            return Poll::Ready(Ok(()));
        }
        if self.foreseen.is_some() {
            self.foreseen = None;
        }
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        // `is_some` before `take`: the quiet path does not move the refusal about.
        if self.foreseen.is_some()
            && let Some(rejected) = self.foreseen.take()
        {
            return ResponseFuture::refused(foreseen(&self.gate.gate, rejected));
        }
        match self.gate.gate.admit(&request, &mut Now::lazy()) {
            Ok(pass) => {
                // Before `call`, so that a panic in there abandons the permit.
                let permit = Permit::new(self.gate.clone(), pass);
                ResponseFuture::called(self.inner.call(request), permit)
            }
            Err(rejected) => ResponseFuture::refused(rejected),
        }
    }
}

/// The foreseen refusal as it reads now, counted as given.
#[cold]
#[inline(never)]
pub(crate) fn foreseen<G: Gate>(gate: &G, foreseen: Rejected) -> Rejected {
    let rejected = gate.refuses(&mut Now::lazy()).unwrap_or(foreseen);
    gate.refused(&rejected);
    rejected
}
