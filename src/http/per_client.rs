use super::{Caller, ClientAddress, Told};
use crate::class::Class;
use crate::error::{Reason, Rejected};
use crate::gate::{Admit, Gate, Now};
use crate::rate_limit::{KeyedRateLimiter, TakenByKey};
use http::Request;

/// A limit for each client, told by its address: a gate like any other, made by [`ClientAddress::limit`].
///
/// A request of nobody known is admitted without a limit, refused with [`Reason::NoKey`] (an HTTP 400), or counted in
/// the bucket of all such, as the [`ClientAddress`] has it.
///
/// # Examples
///
/// ```
/// use axum::extract::ConnectInfo;
/// use axum::{Router, routing::get};
/// use seawall::Gate;
/// use seawall::http::{ClientAddress, Respond};
/// use seawall::rate_limit::{KeyedRateLimiter, Quota};
/// use std::net::SocketAddr;
///
/// let clients = ClientAddress::peer()
///     .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0));
/// let limiter = KeyedRateLimiter::new("per client", Quota::per_second(10).burst(20), 100_000);
///
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(Respond(clients.limit(limiter).layer()));
/// # let _ = app;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PerClient {
    clients: ClientAddress,
    limiter: KeyedRateLimiter,
}

impl ClientAddress {
    /// The gate that limits each client by `limiter`.
    ///
    /// ```
    /// use http::Request;
    /// use seawall::gate::{Admit, Now};
    /// use seawall::http::ClientAddress;
    /// use seawall::rate_limit::{KeyedRateLimiter, Quota};
    /// use std::net::SocketAddr;
    ///
    /// let gate = ClientAddress::peer().limit(KeyedRateLimiter::new("per client", Quota::per_hour(1), 1000));
    /// let from = |peer: [u8; 4]| {
    ///     let mut request = Request::new(());
    ///     request.extensions_mut().insert(SocketAddr::from((peer, 4711)));
    ///     request
    /// };
    /// assert!(gate.admit(&from([192, 0, 2, 1]), &mut Now::lazy()).is_ok());
    /// assert!(gate.admit(&from([192, 0, 2, 1]), &mut Now::lazy()).is_err());
    /// assert!(gate.admit(&from([192, 0, 2, 2]), &mut Now::lazy()).is_ok());
    /// ```
    pub const fn limit(self, limiter: KeyedRateLimiter) -> PerClient {
        PerClient { clients: self, limiter }
    }
}

impl PerClient {
    /// Admits as a gate does, and tells the figures of the client's bucket.
    pub(super) fn take_quoted<B>(&self, request: &Request<B>, now: &mut Now) -> Told<Option<TakenByKey>> {
        let key = match self.clients.of(request) {
            Caller::Known(key) => self.limiter.fingerprint(&key),
            Caller::Exempt => return Told { result: Ok(None), decision: None, limits: Vec::new() },
            Caller::Rejected => {
                return Told { result: Err(self.unknown()), decision: None, limits: Vec::new() };
            }
        };
        let (result, decision) = self.limiter.take_quoted(key, 1, None, now.get());
        let limits = vec![(self.limiter.name(), self.limiter.quota_of(key, None))];
        Told { result: result.map(Some), decision, limits }
    }

    #[cold]
    #[inline(never)]
    fn unknown(&self) -> Rejected {
        let rejected = Rejected::new(self.limiter.name(), Reason::NoKey);
        self.limiter.refused(&rejected);
        rejected
    }
}

impl Gate for PerClient {
    // `None` for a request that passes without a limit.
    type Pass = Option<TakenByKey>;

    fn refused(&self, rejected: &Rejected) {
        self.limiter.refused(rejected);
    }

    #[inline]
    fn settle(&self, taken: Self::Pass, class: Class, now: &mut Now) {
        if let Some(taken) = taken {
            self.limiter.settle(taken, class, now);
        }
    }

    fn release(&self, taken: Self::Pass) {
        if let Some(taken) = taken {
            self.limiter.release(taken);
        }
    }

    #[inline]
    fn abandon(&self, taken: Self::Pass) {
        if let Some(taken) = taken {
            self.limiter.abandon(taken);
        }
    }
}

impl<B> Admit<Request<B>> for PerClient {
    #[inline]
    fn admit(&self, request: &Request<B>, now: &mut Now) -> Result<Self::Pass, Rejected> {
        match self.clients.of(request) {
            Caller::Known(key) => Ok(self.limiter.try_acquire_many_at(&key, 1, now.get())?.into_pass()),
            Caller::Exempt => Ok(None),
            Caller::Rejected => Err(self.unknown()),
        }
    }
}
