use super::course::Rules;
use super::{Calls, Cloned, Plan, ResponseFuture, RetryBudget, RetryLayer, Run};
use crate::class::{ByResult, Class};
use crate::error::Fault;
use crate::lift::Lift;
use crate::telemetry::Telemetry;
use std::fmt;
use std::sync::Arc;

/// Makes a failed call again: after a backoff, within a budget, and never after a refusal.
///
/// Clones share the plan and the budget.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::retry::{Plan, Retry};
///
/// let retry = Retry::new("payments", Plan::new());
/// let mut calls = 0;
/// let answer = retry
///     .run(|| {
///         calls += 1;
///         let answer = if calls < 3 { Err("reset") } else { Ok(calls) };
///         async move { answer }
///     })
///     .await;
/// assert_eq!(answer, Ok(3));
/// # }
/// ```
pub struct Retry<C = ByResult, R = Cloned> {
    terms: Arc<Terms<C>>,
    replay: R,
}

/// What the calls through one retry share: the plan, the budget, the classifier. A service holds it by an `Arc`
/// or, see [`RetryService::fixed`](super::RetryService::fixed), by a `&'static`.
#[derive(Debug)]
pub struct Terms<C> {
    pub(super) rules: Rules,
    pub(super) classifier: C,
}

impl Retry {
    /// A retry by `plan`, with a default [`RetryBudget`] of its own. `Ok` is taken for a success and `Err` for a
    /// transient failure; requests are cloned.
    ///
    /// ```
    /// use seawall::retry::{Plan, Retry};
    /// let retry = Retry::new("payments", Plan::new().attempts(2));
    /// # let _ = retry;
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, plan: Plan) -> Self {
        let rules = Rules::new(telemetry.into(), plan, Some(RetryBudget::default()));
        Self { terms: Arc::new(Terms { rules, classifier: ByResult }), replay: Cloned }
    }

    /// A retry that makes each call once. [`set_plan`](Self::set_plan) switches it on, and changes no type.
    ///
    /// ```
    /// use seawall::retry::Retry;
    /// assert_eq!(Retry::off().plan().max_attempts(), 1);
    /// ```
    #[must_use]
    pub fn off() -> Self {
        Self::new("off", Plan::off())
    }
}

impl<C, R> Retry<C, R> {
    /// Takes its tokens from `budget`, to be shared by all who call the same peer; `None` is no budget at all.
    ///
    /// ```
    /// use seawall::retry::{Plan, Retry, RetryBudget};
    /// let budget = RetryBudget::default();
    /// let retry = Retry::new("payments", Plan::new()).budget(budget.clone());
    /// # let _ = retry;
    /// ```
    #[must_use]
    pub fn budget(self, budget: impl Into<Option<RetryBudget>>) -> Self
    where
        C: Clone,
    {
        let budget = budget.into();
        let (mut terms, replay) = self.into_parts();
        terms.rules.budget = budget;
        Self { terms: Arc::new(terms), replay }
    }

    /// Judges results by a function of the service's own response and error.
    ///
    /// ```
    /// use seawall::{Class, retry::{Plan, Retry}};
    /// let retry = Retry::new("payments", Plan::new()).classify(|answer: Result<&u16, &()>| match answer {
    ///     Ok(503) | Err(()) => Class::Transient,
    ///     Ok(_) => Class::Success,
    /// });
    /// # let _ = retry;
    /// ```
    #[must_use]
    pub fn classify<F, T, E>(self, classifier: F) -> Retry<F, R>
    where
        C: Clone,
        T: ?Sized,
        E: ?Sized,
        F: Fn(Result<&T, &E>) -> Class,
    {
        self.classifier(classifier)
    }

    /// Judges results by a value that implements [`Classify`](crate::Classify).
    ///
    /// ```
    /// use seawall::{ByResult, retry::{Plan, Retry}};
    /// let retry = Retry::new("payments", Plan::new()).classifier(ByResult);
    /// # let _ = retry;
    /// ```
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> Retry<D, R>
    where
        C: Clone,
    {
        let (Terms { rules, .. }, replay) = self.into_parts();
        Retry { terms: Arc::new(Terms { rules, classifier }), replay }
    }

    /// Copies requests by a function; `None` is for those that may not be sent twice.
    ///
    /// ```
    /// use seawall::retry::{Plan, Retry};
    /// let retry = Retry::new("payments", Plan::new()).replay(|order: &String| Some(order.clone()));
    /// # let _ = retry;
    /// ```
    #[must_use]
    pub fn replay<F, Req>(self, replay: F) -> Retry<C, F>
    where
        F: Fn(&Req) -> Option<Req>,
    {
        self.replayer(replay)
    }

    /// Copies requests by a value that implements [`Replay`](super::Replay).
    ///
    /// ```
    /// use seawall::retry::{Cloned, Plan, Retry};
    /// let retry = Retry::new("payments", Plan::new()).replayer(Cloned);
    /// # let _ = retry;
    /// ```
    #[must_use]
    pub fn replayer<Q>(self, replay: Q) -> Retry<C, Q> {
        Retry { terms: self.terms, replay }
    }

    /// The parts, to build another from; those who share the old one keep it.
    fn into_parts(self) -> (Terms<C>, R)
    where
        C: Clone,
    {
        let terms = Arc::try_unwrap(self.terms).unwrap_or_else(|shared| {
            let Rules { telemetry, budget, .. } = &shared.rules;
            let rules = Rules::new(telemetry.clone(), shared.rules.plan(), budget.clone());
            Terms { rules, classifier: shared.classifier.clone() }
        });
        (terms, self.replay)
    }

    /// Changes the plan for all calls through this handle, those that are waiting included: they learn of it at
    /// their next failure.
    ///
    /// ```
    /// use seawall::retry::{Plan, Retry};
    /// let retry = Retry::new("payments", Plan::new());
    /// retry.set_plan(Plan::off());
    /// assert_eq!(retry.plan().max_attempts(), 1);
    /// ```
    pub fn set_plan(&self, plan: Plan) {
        self.terms.rules.set_plan(plan);
    }

    /// The plan.
    ///
    /// ```
    /// use seawall::retry::{Plan, Retry};
    /// assert_eq!(Retry::new("payments", Plan::new()).plan(), Plan::default());
    /// ```
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.terms.rules.plan()
    }

    /// Calls, and calls again: the whole of a direct call. The error of the call is lifted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::retry::{Plan, Retry};
    /// let retry = Retry::new("payments", Plan::new());
    /// assert_eq!(retry.run(|| async { Ok::<_, std::io::Error>(42) }).await.unwrap(), 42);
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropped while waiting, the token of the attempt that was not made goes back.
    pub fn run<F, Fut, T, E>(&self, call: F) -> Run<'_, Lift<Calls<F>>, C>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        ResponseFuture::asleep(Lift::new(Calls::new(call)), (), &*self.terms, Cloned)
    }

    /// [`run`](Self::run) for a call whose error is lifted already, because it goes through another primitive: a
    /// refusal by that one ends the retrying.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{ConcurrencyLimit, Reason, retry::{Plan, Retry}};
    ///
    /// let retry = Retry::new("payments", Plan::new());
    /// let limit = ConcurrencyLimit::new("payments", 0);
    /// let answer = retry.run_lifted(|| limit.run(|| async { Ok::<_, ()>(42) })).await;
    /// assert_eq!(answer.unwrap_err().rejected().unwrap().reason(), Reason::LimitReached);
    /// # }
    /// ```
    pub fn run_lifted<F, Fut, T, E>(&self, call: F) -> Run<'_, Calls<F>, C>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: Fault,
    {
        ResponseFuture::asleep(Calls::new(call), (), &*self.terms, Cloned)
    }

    /// A tower layer over this handle: every service made from it shares the plan and the budget.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{LiftLayer, retry::{Plan, Retry}};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let service = ServiceBuilder::new()
    ///     .layer(Retry::new("payments", Plan::new()).layer())
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
    /// assert_eq!(service.oneshot(1).await.unwrap(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn layer(&self) -> RetryLayer<C, R>
    where
        R: Clone,
    {
        RetryLayer::new(self.clone())
    }

    pub(super) const fn parts(&self) -> (&Arc<Terms<C>>, &R) {
        (&self.terms, &self.replay)
    }

    /// What copies the requests.
    pub(crate) const fn copies(&self) -> &R {
        &self.replay
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.terms.rules
    }
}

impl<C, R: Clone> Clone for Retry<C, R> {
    fn clone(&self) -> Self {
        Self { terms: Arc::clone(&self.terms), replay: self.replay.clone() }
    }
}

impl<C, R> fmt::Debug for Retry<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("name", &self.terms.rules.telemetry.name())
            .field("plan", &self.plan())
            .field("budget", &self.terms.rules.budget)
            .finish()
    }
}
