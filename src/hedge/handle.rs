use super::sketch::Sketch;
use super::{Delay, HedgeLayer, Run};
use crate::class::{ByResult, Class};
use crate::error::Fault;
use crate::lift::Lift;
use crate::ratio::Ratio;
use crate::retry::{Budget, Calls, Cloned, RetryBudget};
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::telemetry::Telemetry;
use crate::time::Instant;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Makes a further attempt beside one that takes too long; the first acceptable answer wins.
///
/// Clones share the figures and the budget.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::hedge::{Always, Delay, Hedge};
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::time::Duration;
///
/// let hedge = Hedge::new("search", Delay::fixed(Duration::from_millis(20)), Always);
/// let calls = AtomicU32::new(0);
/// let answer = hedge
///     .run(|| async {
///         if calls.fetch_add(1, Ordering::Relaxed) == 0 {
///             std::future::pending::<()>().await; // a straggler
///         }
///         Ok::<_, ()>("found")
///     })
///     .await;
/// assert_eq!((answer, calls.into_inner()), (Ok("found"), 2));
/// # }
/// ```
pub struct Hedge<L = Always, C = ByResult, R = Cloned> {
    terms: Arc<Terms<C>>,
    eligible: L,
    replay: R,
}

/// What the calls through one hedge share.
#[derive(Debug)]
pub struct Terms<C> {
    pub(super) rules: Arc<Rules>,
    pub(super) classifier: C,
}

/// Everything but the classifier, so that another judge changes neither figures nor budget.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) telemetry: Telemetry,
    delay: Delay,
    // Of a live delay only.
    sketch: Option<Sketch>,
    at_most: AtomicU32,
    pub(super) budget: Option<RetryBudget>,
}

/// Whether a request may be sent twice at the same time. Closures `Fn(&Req) -> bool` say so.
///
/// ```
/// use seawall::hedge::Eligible;
/// let reads = |request: &str| request.starts_with("GET ");
/// assert!(reads.eligible("GET /"));
/// ```
pub trait Eligible<Req: ?Sized> {
    /// Whether it may.
    fn eligible(&self, request: &Req) -> bool;
}

impl<F, Req: ?Sized> Eligible<Req> for F
where
    F: Fn(&Req) -> bool,
{
    #[inline]
    fn eligible(&self, request: &Req) -> bool {
        self(request)
    }
}

/// Every request may be sent twice: for services that only read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Always;

impl<Req: ?Sized> Eligible<Req> for Always {
    #[inline]
    fn eligible(&self, _: &Req) -> bool {
        true
    }
}

impl<L> Hedge<L> {
    /// One further attempt after `delay`, for requests that are eligible: only you know what may happen twice.
    ///
    /// ```
    /// use seawall::hedge::{Delay, Hedge};
    /// let hedge = Hedge::new("search", Delay::default(), |request: &String| request.starts_with("GET "));
    /// # let _ = hedge;
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, delay: Delay, eligible: L) -> Self {
        let budget = RetryBudget::new(Budget::ratio(Ratio::percent(10)).reserve(1).hold(10));
        let rules = Rules {
            telemetry: telemetry.into(),
            delay,
            sketch: delay.is_live().then(Sketch::new),
            at_most: AtomicU32::new(1),
            budget: Some(budget),
        };
        let terms = Terms { rules: Arc::new(rules), classifier: ByResult };
        Self { terms: Arc::new(terms), eligible, replay: Cloned }
    }
}

impl Hedge {
    /// No further attempts. [`set_at_most`](Self::set_at_most) switches it on, and changes no type.
    ///
    /// ```
    /// assert_eq!(seawall::hedge::Hedge::off().further(), 0);
    /// ```
    #[must_use]
    pub fn off() -> Self {
        Self::new("off", Delay::default(), Always).at_most(0)
    }
}

impl<L, C, R> Hedge<L, C, R> {
    /// At most so many attempts beside the first; 0 makes none, and then a call costs nothing.
    ///
    /// ```
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// assert_eq!(Hedge::new("search", Delay::default(), Always).at_most(2).further(), 2);
    /// ```
    #[must_use]
    pub fn at_most(self, further: u32) -> Self {
        self.set_at_most(further);
        self
    }

    /// Changes how many further attempts there may be, for calls to come.
    ///
    /// ```
    /// use seawall::hedge::Hedge;
    /// let hedge = Hedge::off();
    /// hedge.set_at_most(1);
    /// assert_eq!(hedge.further(), 1);
    /// ```
    pub fn set_at_most(&self, further: u32) {
        self.terms.rules.at_most.store(further, Relaxed);
    }

    /// How many further attempts there may be.
    ///
    /// ```
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// assert_eq!(Hedge::new("search", Delay::default(), Always).further(), 1);
    /// ```
    #[must_use]
    pub fn further(&self) -> u32 {
        self.terms.rules.at_most.load(Relaxed)
    }

    /// Takes its tokens from `budget`; `None` is no budget at all. Below a retry that has the same one, give
    /// [`RetryBudget::withdraw_only`].
    ///
    /// ```
    /// use seawall::RetryBudget;
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// let budget = RetryBudget::default();
    /// let hedge = Hedge::new("search", Delay::default(), Always).budget(budget.withdraw_only());
    /// # let _ = hedge;
    /// ```
    #[must_use]
    pub fn budget(self, budget: impl Into<Option<RetryBudget>>) -> Self
    where
        C: Clone,
    {
        let Self { terms, eligible, replay } = self;
        let terms = Arc::try_unwrap(terms).unwrap_or_else(|shared| Terms {
            rules: Arc::clone(&shared.rules),
            classifier: shared.classifier.clone(),
        });
        let rules = Arc::try_unwrap(terms.rules).unwrap_or_else(|shared| Rules {
            telemetry: shared.telemetry.clone(),
            delay: shared.delay,
            sketch: shared.delay.is_live().then(Sketch::new),
            at_most: AtomicU32::new(shared.at_most.load(Relaxed)),
            budget: None,
        });
        let rules = Arc::new(Rules { budget: budget.into(), ..rules });
        Self { terms: Arc::new(Terms { rules, classifier: terms.classifier }), eligible, replay }
    }

    /// Judges results by a function of the service's own response and error.
    ///
    /// ```
    /// use seawall::Class;
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// let hedge = Hedge::new("search", Delay::default(), Always).classify(
    ///     |answer: Result<&u16, &()>| if answer == Ok(&503) { Class::Overload(None) } else { Class::Success },
    /// );
    /// # let _ = hedge;
    /// ```
    #[must_use]
    pub fn classify<F, T, E>(self, classifier: F) -> Hedge<L, F, R>
    where
        T: ?Sized,
        E: ?Sized,
        F: Fn(Result<&T, &E>) -> Class,
    {
        self.classifier(classifier)
    }

    /// Judges results by a value that implements [`Classify`](crate::Classify). Figures and budget stay shared with
    /// the clones of this handle.
    ///
    /// ```
    /// use seawall::ByResult;
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// let hedge = Hedge::new("search", Delay::default(), Always).classifier(ByResult);
    /// # let _ = hedge;
    /// ```
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> Hedge<L, D, R> {
        let terms = Terms { rules: Arc::clone(&self.terms.rules), classifier };
        Hedge { terms: Arc::new(terms), eligible: self.eligible, replay: self.replay }
    }

    /// Copies requests by a function; `None` is for those that may not be sent twice.
    ///
    /// ```
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// let hedge = Hedge::new("search", Delay::default(), Always).replay(|text: &String| Some(text.clone()));
    /// # let _ = hedge;
    /// ```
    #[must_use]
    pub fn replay<F, Req>(self, replay: F) -> Hedge<L, C, F>
    where
        F: Fn(&Req) -> Option<Req>,
    {
        self.replayer(replay)
    }

    /// Copies requests by a value that implements [`Replay`](crate::retry::Replay).
    ///
    /// ```
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// use seawall::retry::Cloned;
    /// let hedge = Hedge::new("search", Delay::default(), Always).replayer(Cloned);
    /// # let _ = hedge;
    /// ```
    #[must_use]
    pub fn replayer<Q>(self, replay: Q) -> Hedge<L, C, Q> {
        Hedge { terms: self.terms, eligible: self.eligible, replay }
    }

    /// Calls, and calls again beside it. The error of the call is lifted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// let hedge = Hedge::new("search", Delay::default(), Always);
    /// assert_eq!(hedge.run(|| async { Ok::<_, ()>(42) }).await, Ok(42));
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropped at any point, all attempts are dropped.
    pub fn run<F, Fut, T, E>(&self, call: F) -> Run<'_, Lift<Calls<F>>, C>
    where
        F: FnMut() -> Fut + Clone,
        Fut: Future<Output = Result<T, E>>,
    {
        Run::new(Lift::new(Calls::new(call)), &self.terms)
    }

    /// [`run`](Self::run) for a call whose error is lifted already, because it goes through another primitive.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::ConcurrencyLimit;
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// let (hedge, limit) = (Hedge::new("search", Delay::default(), Always), ConcurrencyLimit::new("search", 9));
    /// assert_eq!(hedge.run_lifted(|| limit.run(|| async { Ok::<_, ()>(42) })).await, Ok(42));
    /// # }
    /// ```
    pub fn run_lifted<F, Fut, T, E>(&self, call: F) -> Run<'_, Calls<F>, C>
    where
        F: FnMut() -> Fut + Clone,
        Fut: Future<Output = Result<T, E>>,
        E: Fault,
    {
        Run::new(Calls::new(call), &self.terms)
    }

    /// A tower layer over this handle: every service made from it shares the figures and the budget.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::LiftLayer;
    /// use seawall::hedge::{Always, Delay, Hedge};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// let service = ServiceBuilder::new()
    ///     .layer(Hedge::new("search", Delay::default(), Always).layer())
    ///     .layer(LiftLayer)
    ///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
    /// assert_eq!(service.oneshot(1).await.unwrap(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn layer(&self) -> HedgeLayer<L, C, R>
    where
        L: Clone,
        R: Clone,
    {
        HedgeLayer::new(self.clone())
    }

    pub(super) const fn parts(&self) -> (&Arc<Terms<C>>, &L, &R) {
        (&self.terms, &self.eligible, &self.replay)
    }
}

impl Rules {
    #[inline]
    pub(super) fn further(&self) -> u32 {
        self.at_most.load(Relaxed)
    }

    /// When a call starts whose end the figures want to know.
    #[inline]
    pub(super) fn begin(&self) -> Option<Instant> {
        self.sketch.is_some().then(Instant::now)
    }

    /// A call that began then has its answer.
    #[inline]
    pub(super) fn answered(&self, begun: Option<Instant>) {
        if let (Some(sketch), Some(begun)) = (&self.sketch, begun) {
            let now = Instant::now();
            sketch.record(now - begun, now);
        }
    }

    pub(super) fn delay(&self, now: Instant) -> Option<Duration> {
        self.delay.by(self.sketch.as_ref(), now)
    }
}

impl<L: Clone, C, R: Clone> Clone for Hedge<L, C, R> {
    fn clone(&self) -> Self {
        Self { terms: Arc::clone(&self.terms), eligible: self.eligible.clone(), replay: self.replay.clone() }
    }
}

impl<L, C, R> fmt::Debug for Hedge<L, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge")
            .field("name", &self.terms.rules.telemetry.name())
            .field("delay", &self.terms.rules.delay)
            .field("at_most", &self.further())
            .field("budget", &self.terms.rules.budget)
            .finish_non_exhaustive()
    }
}
