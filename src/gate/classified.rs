use super::{Admit, Blocked, Gate, GateLayer, Line, Now, Run};
use crate::class::{Class, Classify};
use crate::error::Rejected;
use crate::priority::Priority;
use crate::time::Instant;
use std::future::Future;
use std::time::Duration;

/// A gate, and the classifier that judges how its calls went; made by [`Gate::classify`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{Class, ConcurrencyLimit, Gate};
///
/// let judged = ConcurrencyLimit::new("db", 4).classify(|answer: Result<&u32, &&str>| match answer {
///     Ok(_) => Class::Success,
///     Err(_) => Class::Permanent,
/// });
/// assert_eq!(judged.run(|| async { Ok::<_, &str>(1) }).await, Ok(1));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Classified<G, C> {
    pub(super) gate: G,
    pub(super) classifier: C,
}

impl<G, C> Classified<G, C> {
    pub(super) const fn new(gate: G, classifier: C) -> Self {
        Self { gate, classifier }
    }

    /// The gate.
    ///
    /// ```
    /// use seawall::{ByResult, ConcurrencyLimit, Gate};
    /// let judged = ConcurrencyLimit::new("db", 4).classify(ByResult);
    /// assert_eq!(judged.gate().limit(), 4);
    /// ```
    #[must_use]
    pub const fn gate(&self) -> &G {
        &self.gate
    }

    pub(crate) const fn classifier(&self) -> &C {
        &self.classifier
    }

    /// Acquires, calls, settles by this classifier. The error of the call is lifted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{ByResult, ConcurrencyLimit, Gate};
    /// let judged = ConcurrencyLimit::new("db", 4).classify(ByResult);
    /// assert_eq!(judged.run(|| async { Ok::<_, ()>("answer") }).await, Ok("answer"));
    /// # }
    /// ```
    pub const fn run<F, Fut, T, E>(&self, call: F) -> Run<&G, F, Fut, ByRef<'_, C>>
    where
        G: Admit<()>,
        C: Classify<T, E>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Run::new(&self.gate, ByRef(&self.classifier), call)
    }

    /// A tower layer over this gate, judged by this classifier.
    ///
    /// ```
    /// use seawall::{ByResult, ConcurrencyLimit, Gate};
    /// let layer = ConcurrencyLimit::new("db", 4).classify(ByResult).layer();
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn layer(self) -> GateLayer<G, C> {
        GateLayer::new(self)
    }
}

impl<G: Gate, C> Gate for Classified<G, C> {
    type Pass = G::Pass;

    #[inline]
    fn refuses(&self, now: &mut Now) -> Option<Rejected> {
        self.gate.refuses(now)
    }

    fn refused(&self, rejected: &Rejected) {
        self.gate.refused(rejected);
    }

    #[inline]
    fn answered(&self, pass: &mut Self::Pass, now: &mut Now) {
        self.gate.answered(pass, now);
    }

    #[inline]
    fn settle(&self, pass: Self::Pass, class: Class, now: &mut Now) {
        self.gate.settle(pass, class, now);
    }

    #[inline]
    fn release(&self, pass: Self::Pass) {
        self.gate.release(pass);
    }

    #[inline]
    fn abandon(&self, pass: Self::Pass) {
        self.gate.abandon(pass);
    }

    fn line(&self) -> Option<&Line> {
        self.gate.line()
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.gate.due(now)
    }
}

impl<G: Admit<Req>, C, Req: ?Sized> Admit<Req> for Classified<G, C> {
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected> {
        self.gate.admit(request, now)
    }

    fn admit_head(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected> {
        self.gate.admit_head(request, now)
    }

    fn cost(&self, request: &Req) -> u64 {
        self.gate.cost(request)
    }

    fn rank(&self, request: &Req) -> Option<Priority> {
        self.gate.rank(request)
    }

    fn tenant(&self, request: &Req) -> Option<u64> {
        self.gate.tenant(request)
    }

    fn foretell(&self, request: &Req, now: &mut Now) -> Option<Duration> {
        self.gate.foretell(request, now)
    }

    fn stand(&self, request: &Req) -> Option<Line> {
        self.gate.stand(request)
    }

    #[inline]
    fn admit_in_turn(
        &self,
        request: &Req,
        turn: Option<&Line>,
        now: &mut Now,
    ) -> Result<Self::Pass, Blocked> {
        self.gate.admit_in_turn(request, turn, now)
    }
}

/// A classifier by reference. Closures are classifiers through a blanket that leaves no room for `&C`.
#[derive(Clone, Copy, Debug)]
pub struct ByRef<'a, C>(pub(crate) &'a C);

impl<T: ?Sized, E: ?Sized, C: Classify<T, E>> Classify<T, E> for ByRef<'_, C> {
    #[inline]
    fn classify(&self, result: Result<&T, &E>) -> Class {
        self.0.classify(result)
    }

    #[inline]
    fn timed_out(&self) -> Class {
        self.0.timed_out()
    }
}
