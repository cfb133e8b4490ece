use super::{Admit, Blocked, Gate, Line, Now, through};
use crate::class::Class;
use crate::error::Rejected;
use crate::time::Instant;
use std::fmt;

/// A gate that some requests pass without being asked, counted or made to wait; made by [`Gate::exempt`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::{ConcurrencyLimit, Gate, LiftLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let limit = ConcurrencyLimit::new("api", 0);
/// let service = ServiceBuilder::new()
///     .layer(limit.exempt(|path: &&str| *path == "/health").layer())
///     .layer(LiftLayer)
///     .service(service_fn(|path: &'static str| async move { Ok::<_, ()>(path) }));
///
/// assert_eq!(service.clone().oneshot("/health").await, Ok("/health"));
/// assert!(service.oneshot("/orders").await.is_err());
/// # }
/// ```
#[derive(Clone)]
pub struct Exempting<G, F> {
    gate: G,
    exempt: F,
}

impl<G, F> Exempting<G, F> {
    pub(super) const fn new(gate: G, exempt: F) -> Self {
        Self { gate, exempt }
    }

    /// Whether the request passes without being asked.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Gate};
    /// let sparing = ConcurrencyLimit::new("api", 4).exempt(|path: &str| path == "/health");
    /// assert!(sparing.is_exempt("/health"));
    /// ```
    #[must_use]
    pub fn is_exempt<Req: ?Sized>(&self, request: &Req) -> bool
    where
        F: Fn(&Req) -> bool,
    {
        (self.exempt)(request)
    }

    /// The gate.
    ///
    /// ```
    /// use seawall::{ConcurrencyLimit, Gate};
    /// let sparing = ConcurrencyLimit::new("api", 4).exempt(|path: &&str| *path == "/health");
    /// assert_eq!(sparing.gate().limit(), 4);
    /// ```
    #[must_use]
    pub const fn gate(&self) -> &G {
        &self.gate
    }
}

// Nothing is foreseen: that would be said of requests that are exempt, too.
impl<G: Gate, F> Gate for Exempting<G, F> {
    type Pass = Option<G::Pass>;

    fn refused(&self, rejected: &Rejected) {
        self.gate.refused(rejected);
    }

    #[inline]
    fn answered(&self, pass: &mut Self::Pass, now: &mut Now) {
        if let Some(pass) = pass {
            self.gate.answered(pass, now);
        }
    }

    #[inline]
    fn settle(&self, pass: Self::Pass, class: Class, now: &mut Now) {
        if let Some(pass) = pass {
            self.gate.settle(pass, class, now);
        }
    }

    #[inline]
    fn release(&self, pass: Self::Pass) {
        if let Some(pass) = pass {
            self.gate.release(pass);
        }
    }

    #[inline]
    fn abandon(&self, pass: Self::Pass) {
        if let Some(pass) = pass {
            self.gate.abandon(pass);
        }
    }

    fn line(&self) -> Option<&Line> {
        self.gate.line()
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.gate.due(now)
    }
}

impl<G: Admit<Req>, F: Fn(&Req) -> bool, Req: ?Sized> Admit<Req> for Exempting<G, F> {
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected> {
        if (self.exempt)(request) { Ok(None) } else { self.gate.admit(request, now).map(Some) }
    }

    fn admit_head(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected> {
        if (self.exempt)(request) { Ok(None) } else { self.gate.admit_head(request, now).map(Some) }
    }

    through!(about: this => this.gate);
    through!(tenant: this => this.gate);

    #[inline]
    fn admit_in_turn(
        &self,
        request: &Req,
        turn: Option<&Line>,
        now: &mut Now,
    ) -> Result<Self::Pass, Blocked> {
        if (self.exempt)(request) { Ok(None) } else { self.gate.admit_in_turn(request, turn, now).map(Some) }
    }
}

impl<G: fmt::Debug, F> fmt::Debug for Exempting<G, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exempting").field(&self.gate).finish()
    }
}
