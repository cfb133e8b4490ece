use super::{Classified, Exempting, Fair, GateLayer, Line, Now, Permit, Run};
use crate::class::{ByResult, Class};
use crate::error::Rejected;
use crate::priority::Priority;
use crate::time::Instant;
use std::future::Future;
use std::time::Duration;

/// Says yes or no before a call, and hears how it went.
///
/// This half of the contract knows no request, so that a [`Permit`], a future and a `Drop` do not either;
/// [`Admit`] is the other half. Every admission ends in exactly one of three ways:
///
/// * [`settle`](Self::settle): it was handed over, and went so;
/// * [`release`](Self::release): it was never handed over, so everything it took comes back;
/// * [`abandon`](Self::abandon): nobody knows; slots come back, nothing is counted as a success.
///
/// References, `Arc`, `Rc`, `Option` (where `None` admits everything), `()` and tuples of gates are gates.
///
/// # Examples
///
/// A gate of your own is a deciding value and a few lines:
///
/// ```
/// use seawall::gate::{Admit, Gate, Now};
/// use seawall::{Class, Reason, Rejected};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// #[derive(Default)]
/// struct Maintenance(AtomicBool);
///
/// impl Gate for Maintenance {
///     type Pass = ();
///     fn settle(&self, (): (), _: Class, _: &mut Now) {}
///     fn release(&self, (): ()) {}
///     fn abandon(&self, (): ()) {}
/// }
///
/// impl<Req: ?Sized> Admit<Req> for Maintenance {
///     fn admit(&self, _: &Req, _: &mut Now) -> Result<(), Rejected> {
///         match self.0.load(Ordering::Relaxed) {
///             true => Err(Rejected::new("maintenance", Reason::Draining)),
///             false => Ok(()),
///         }
///     }
/// }
///
/// let gate = Maintenance::default();
/// assert!(gate.try_acquire().is_ok());
/// gate.0.store(true, Ordering::Relaxed);
/// assert!(gate.try_acquire().is_err());
/// ```
pub trait Gate {
    /// What an admission must remember until it ends: inert data, whose drop does nothing.
    type Pass;

    /// Whether a call would be refused now. A question: it changes nothing, is counted nowhere and binds
    /// nobody. It lets a layer answer although the service behind it is not ready. A gate that lets
    /// traffic through answers without reading the clock.
    #[inline]
    fn refuses(&self, now: &mut Now) -> Option<Rejected> {
        let _ = now;
        None
    }

    /// A refusal foreseen by [`refuses`](Self::refuses) has been given to a caller: it counts now.
    fn refused(&self, rejected: &Rejected) {
        let _ = rejected;
    }

    /// The head of the answer is there, though the call has not ended: what is held only so long comes back.
    #[inline]
    fn answered(&self, pass: &mut Self::Pass, now: &mut Now) {
        let _ = (pass, now);
    }

    /// The call was handed over, and went so.
    fn settle(&self, pass: Self::Pass, class: Class, now: &mut Now);

    /// The call was never handed over: everything it took comes back.
    fn release(&self, pass: Self::Pass);

    /// The permit was dropped: slots come back, nothing is counted as a success.
    fn abandon(&self, pass: Self::Pass);

    /// The line of those who wait for this gate, if it keeps one; [`Queued`](super::Queued) waits there.
    fn line(&self) -> Option<&Line> {
        None
    }

    /// When a gate that refuses may change its mind though nothing comes free: the head of the line asks
    /// again then. For what a refusal's `retry_after` does not say, such as the moment at which probes that
    /// never answered are given up on.
    fn due(&self, now: Instant) -> Option<Instant> {
        let _ = now;
        None
    }

    /// One admission without a request, or why not.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Gate, RateLimiter, rate_limit::Quota};
    ///
    /// let gates = (RateLimiter::new("api", Quota::per_second(10)), ConcurrencyLimit::new("db", 4));
    /// let permit = gates.try_acquire().unwrap();
    /// assert_eq!(gates.1.in_flight(), 1);
    /// drop(permit);
    /// assert_eq!(gates.1.in_flight(), 0);
    /// ```
    ///
    /// # Errors
    ///
    /// The [`Rejected`] of the first gate that refuses; what earlier ones gave has been released.
    fn try_acquire(&self) -> Result<Permit<&Self>, Rejected>
    where
        Self: Admit<()> + Sized,
    {
        Permit::acquire(self, &(), Now::lazy())
    }

    /// Acquires, calls, settles: the whole of a direct call. The error of the call is lifted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{ConcurrencyLimit, Error, Gate, RateLimiter, rate_limit::Quota};
    ///
    /// let gates = (RateLimiter::new("api", Quota::per_second(10)), ConcurrencyLimit::new("db", 0));
    /// let answer = gates.run(|| async { Ok::<_, std::io::Error>(42) }).await;
    /// assert!(matches!(answer, Err(Error::Rejected(r)) if r.by().as_str() == "db"));
    /// // The limiter got its token back.
    /// assert_eq!(gates.0.available(), 10);
    /// # }
    /// ```
    fn run<F, Fut, T, E>(&self, call: F) -> Run<&Self, F, Fut>
    where
        Self: Admit<()> + Sized,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Run::new(self, ByResult, call)
    }

    /// The same gate with a classifier of the caller's, for [`run`](Self::run) and [`layer`](Self::layer).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::{Class, ConcurrencyLimit, Gate};
    ///
    /// let limit = ConcurrencyLimit::new("db", 4);
    /// let judged = (&limit).classify(|answer: Result<&u16, &()>| match answer {
    ///     Ok(status) if *status < 500 => Class::Success,
    ///     _ => Class::Transient,
    /// });
    /// assert_eq!(judged.run(|| async { Ok::<_, ()>(200) }).await, Ok(200));
    /// # }
    /// ```
    fn classify<C>(self, classifier: C) -> Classified<Self, C>
    where
        Self: Sized,
    {
        Classified::new(self, classifier)
    }

    /// The same gate, passed by the requests for which `exempt` says so: they are not asked, counted or made to
    /// wait. For health checks, and for streams that live long.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Gate, gate::{Admit, Now}};
    /// let gate = ConcurrencyLimit::new("api", 0).exempt(|path: &str| path == "/health");
    /// assert!(gate.admit("/health", &mut Now::lazy()).is_ok());
    /// assert!(gate.admit("/orders", &mut Now::lazy()).is_err());
    /// ```
    fn exempt<Req: ?Sized, F: Fn(&Req) -> bool>(self, exempt: F) -> Exempting<Self, F>
    where
        Self: Sized,
    {
        Exempting::new(self, exempt)
    }

    /// The same gate, before which tenants take turns once they have to wait: `tenant` says whose a request is.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Gate, gate::Queued};
    /// use std::time::Duration;
    /// let fair = ConcurrencyLimit::new("db", 16).fair(|(tenant, _): &(u64, &str)| *tenant);
    /// let queued = Queued::new("db", fair, 64, Duration::from_millis(100));
    /// let layer = queued.layer();
    /// # let _ = layer;
    /// ```
    #[doc(alias = "fair queueing")]
    fn fair<Req: ?Sized, K, F: Fn(&Req) -> K>(self, tenant: F) -> Fair<Self, F>
    where
        Self: Sized,
    {
        Fair::new(self, tenant)
    }

    /// A tower layer over this gate. Services made from one layer share it; a gate that cannot be cloned goes
    /// behind an `Arc` first.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Gate, RateLimiter, rate_limit::Quota};
    ///
    /// let gates = (RateLimiter::new("api", Quota::per_second(10)), ConcurrencyLimit::new("db", 4));
    /// let layer = gates.layer();
    /// # let _ = layer;
    /// ```
    // By reference like the handles' own, which it would hide otherwise wherever this trait is in scope.
    fn layer(&self) -> GateLayer<Self, ByResult>
    where
        Self: Clone,
    {
        GateLayer::new(self.clone().classify(ByResult))
    }
}

/// Says yes or no to one request.
///
/// `Admit<()>` is what direct use asks for; `Admit<Req>` is what a layer over requests `Req` asks for. The
/// request is there to be looked at (for a key, a cost, a priority); it is not kept.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not admit requests of type `{Req}`",
    note = "a keyed gate takes its key from the request: use `.by(|request| key)`"
)]
pub trait Admit<Req: ?Sized>: Gate {
    /// Admits the request, or says why not. A refusal has changed nothing.
    ///
    /// # Errors
    ///
    /// The refusal: who, why, and when to come back.
    fn admit(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected>;

    /// Admits the request at the head of this gate's own line, past the newcomers that are refused while
    /// anybody waits.
    ///
    /// Whoever asks so is willing to wait, so a gate that keeps a line tells nobody of the refusal: if it is
    /// given to the caller after all, it is counted through [`refused`](Gate::refused).
    ///
    /// # Errors
    ///
    /// The refusal: who, why, and when to come back.
    fn admit_head(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected> {
        self.admit(request, now)
    }

    /// What the request will take of the gate once admitted, for those who reckon with the line's
    /// [`cost`](Line::cost).
    fn cost(&self, request: &Req) -> u64 {
        let _ = request;
        1
    }

    /// In which class the request waits, where the gate tells requests apart: the highest goes first.
    fn rank(&self, request: &Req) -> Option<Priority> {
        let _ = request;
        None
    }

    /// Who asks, where the gate tells tenants apart: within a class they take turns.
    fn tenant(&self, request: &Req) -> Option<u64> {
        let _ = request;
        None
    }

    /// How long a newcomer at the end of the line would wait, where that is known while others wait: one
    /// whose time is shorter is then refused on arrival.
    fn foretell(&self, request: &Req, now: &mut Now) -> Option<Duration> {
        let _ = (request, now);
        None
    }

    /// The line in which to wait for this request, if the gate keeps one for it.
    fn stand(&self, request: &Req) -> Option<Line> {
        let _ = request;
        self.line().cloned()
    }

    /// Asks for one who is willing to wait, and who stands at the head of the line `turn`, if of any.
    ///
    /// What is provided suits every gate that is not made of others.
    ///
    /// # Errors
    ///
    /// Why not yet, and in which line to wait for a change.
    #[inline]
    fn admit_in_turn(
        &self,
        request: &Req,
        turn: Option<&Line>,
        now: &mut Now,
    ) -> Result<Self::Pass, Blocked> {
        let Some(line) = self.line() else {
            return self.admit(request, now).map_err(Blocked::asked);
        };
        if turn.is_none_or(|turn| !turn.is_same(line)) && !line.is_empty() {
            return Err(Blocked::behind(line));
        }
        match self.admit_head(request, now) {
            Ok(pass) => Ok(pass),
            Err(rejected) => Err(Blocked::in_line(self, line, rejected, now.get())),
        }
    }
}

/// Why one who is willing to wait has not been admitted yet, and where to wait for a change.
///
/// Only [`Queued`](super::Queued) has to understand one; gates made of other gates pass theirs on.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// The refusal; `None` if the gate was not asked, because others wait.
    pub(super) rejected: Option<Rejected>,
    /// Where the gate tells of a change; without one the head asks again at its `retry_after`.
    pub(super) line: Option<Line>,
    /// When to ask again though nobody tells of a change.
    pub(super) due: Option<Instant>,
}

impl Blocked {
    /// Refused by a gate that keeps no line.
    pub(super) const fn asked(rejected: Rejected) -> Self {
        Self { rejected: Some(rejected), line: None, due: None }
    }

    /// Refused by a gate that tells `line` of a change.
    #[cold]
    #[inline(never)]
    fn in_line<G: Gate + ?Sized>(gate: &G, line: &Line, rejected: Rejected, now: Instant) -> Self {
        let due = if rejected.retry_after().is_none() { gate.due(now) } else { None };
        Self { rejected: Some(rejected), line: Some(line.clone()), due }
    }

    /// Not asked: somebody waits in `line`.
    pub(super) fn behind(line: &Line) -> Self {
        Self { rejected: None, line: Some(line.clone()), due: None }
    }
}
