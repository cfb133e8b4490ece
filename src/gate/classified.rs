use super::{Admit, Gate, GateLayer, Run, through};
use crate::class::{Class, Classify};
use std::future::Future;

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

    through!(Gate: this => this.gate);
}

impl<G: Admit<Req>, C, Req: ?Sized> Admit<Req> for Classified<G, C> {
    through!(Admit: this => this.gate);
    through!(about: this => this.gate);
    through!(tenant: this => this.gate);
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
