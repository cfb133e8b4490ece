use super::affinity::Token;
use super::future::ResponseFuture;
use super::look::{Blind, KeyBy, Look, NoSpare, Spare, TokenBy, TriedBy};
use super::pick::Key;
use super::pool::Pool;
use super::tried::Tried;
use crate::class::{ByResult, Class, Classify};
use crate::error::Fault;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// A tower service that picks an endpoint for each request; made by [`Pool::balance`].
///
/// It is always ready and holds nothing while idle: the pick happens in `call`. The answer's future owns the
/// ticket and a clone of that endpoint's service, makes only that one ready, and calls that very clone once.
///
/// # When an endpoint does not take the call
///
/// | what happens | what follows |
/// |---|---|
/// | not ready for [`patience`](Self::patience), and there is another | the other one is picked |
/// | it failed to become ready | it rests; another is picked, three endpoints at most, then the error is the answer |
/// | it left the pool before it was called | another is picked |
/// | its own gate would refuse ([`Endpoint::foresee`](super::Endpoint::foresee)) | it is not picked |
/// | its own gate refused the call | with a [`spare`](Self::spare), another is picked; without, the refusal is the answer |
///
/// A refusal from further in means that nothing was handed over, but the request went into the call and is gone.
/// So another endpoint can be tried only with a copy of it, made before. `foresee` costs no copy, and leaves only
/// the moment between the question and the call to chance.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::Lift;
/// use seawall::balance::{Endpoint, LeastConnections, Pool};
/// use tower::{ServiceExt, service_fn};
///
/// let pool = Pool::new("api", LeastConnections::new());
/// let client = Lift::new(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n + 1) }));
/// pool.set(["10.0.0.1:80", "10.0.0.2:80"].map(|id| Endpoint::new(id, client.clone())));
///
/// let service = pool.balance();
/// assert_eq!(service.clone().oneshot(1).await.unwrap(), 2);
/// assert_eq!(service.oneshot(2).await.unwrap(), 3);
/// # }
/// ```
pub struct Balance<S, C = ByResult, L = Blind, R = NoSpare> {
    shared: Arc<Shared<S, C, L, R>>,
}

pub(super) struct Shared<S, C, L, R> {
    pub(super) pool: Pool<S>,
    pub(super) patience: Duration,
    pub(super) classifier: C,
    pub(super) look: L,
    pub(super) spare: R,
}

/// Long enough for a handshake within a region, short enough to find another endpoint within a call's time.
const PATIENCE: Duration = Duration::from_millis(250);

impl<S> Balance<S> {
    pub(super) fn new(pool: Pool<S>) -> Self {
        let shared = Shared { pool, patience: PATIENCE, classifier: ByResult, look: Blind, spare: NoSpare };
        Self { shared: Arc::new(shared) }
    }
}

impl<S, C: Clone, L: Clone, R: Clone> Balance<S, C, L, R> {
    /// How long an endpoint that is not ready is waited for while there is another: 250 ms by default.
    ///
    /// ```
    /// use seawall::balance::{Pool, RoundRobin};
    /// use std::time::Duration;
    /// let service = Pool::<()>::new("api", RoundRobin::new()).balance().patience(Duration::from_millis(50));
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        let shared = self.into_shared();
        Self { shared: Arc::new(Shared { patience, ..shared }) }
    }

    /// Judges calls by a function of the endpoint's own response and error.
    ///
    /// ```
    /// use seawall::Class;
    /// use seawall::balance::{Pool, RoundRobin};
    /// let pool = Pool::<()>::new("api", RoundRobin::new());
    /// let service = pool.balance().classify(|answer: Result<&u16, &()>| match answer {
    ///     Ok(status) if *status < 500 => Class::Success,
    ///     _ => Class::Transient,
    /// });
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn classify<F, T, E>(self, classifier: F) -> Balance<S, F, L, R>
    where
        T: ?Sized,
        E: ?Sized,
        F: Fn(Result<&T, &E>) -> Class,
    {
        self.classifier(classifier)
    }

    /// Judges calls by a value that implements [`Classify`], such as `http::Status`.
    ///
    /// ```
    /// use seawall::ByResult;
    /// use seawall::balance::{Pool, RoundRobin};
    /// let service = Pool::<()>::new("api", RoundRobin::new()).balance().classifier(ByResult);
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> Balance<S, D, L, R> {
        let Shared { pool, patience, look, spare, .. } = self.into_shared();
        Balance { shared: Arc::new(Shared { pool, patience, classifier, look, spare }) }
    }

    /// Finds the [`Tried`] that the attempts of one request share, so that a retry goes elsewhere.
    ///
    /// ```
    /// use seawall::balance::{Pool, RoundRobin, Tried};
    /// struct Request {
    ///     tried: Tried,
    /// }
    /// let pool = Pool::<()>::new("api", RoundRobin::new());
    /// let service = pool.balance().tried(|request: &Request| Some(&request.tried));
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn tried<F, Req: ?Sized>(self, find: F) -> Balance<S, C, TriedBy<F, L>, R>
    where
        F: Fn(&Req) -> Option<&Tried>,
    {
        let look = self.shared.look.clone();
        self.look(TriedBy(find, look))
    }

    /// Finds the key of a request, by which a [`Hashed`](super::Hashed) pool picks; `None` is picked for by
    /// [`P2c`](super::P2c).
    ///
    /// ```
    /// use seawall::balance::{Hashed, Key, Pool};
    /// struct Request {
    ///     user: String,
    /// }
    /// let pool = Pool::<()>::new("caches", Hashed::ring());
    /// let service = pool.balance().key(|request: &Request| Some(Key::from(&*request.user)));
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn key<F, Req: ?Sized>(self, find: F) -> Balance<S, C, KeyBy<F, L>, R>
    where
        F: Fn(&Req) -> Option<Key<'_>>,
    {
        let look = self.shared.look.clone();
        self.look(KeyBy(find, look))
    }

    /// Finds the token of the endpoint that a request shall go back to, in a cookie or a header. The endpoint's own
    /// service puts [`Token::of`] its id into its answers.
    ///
    /// ```
    /// use seawall::balance::{Pool, RoundRobin, Token};
    /// struct Request {
    ///     cookie: Option<Token>,
    /// }
    /// let pool = Pool::<()>::new("api", RoundRobin::new());
    /// let service = pool.balance().sticky(|request: &Request| request.cookie);
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn sticky<F, Req: ?Sized>(self, find: F) -> Balance<S, C, TokenBy<F, L>, R>
    where
        F: Fn(&Req) -> Option<Token>,
    {
        let look = self.shared.look.clone();
        self.look(TokenBy(find, look))
    }

    /// Reads off requests what a value that implements [`Look`] does.
    ///
    /// ```
    /// use seawall::balance::{Blind, Pool, RoundRobin};
    /// let service = Pool::<()>::new("api", RoundRobin::new()).balance().look(Blind);
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn look<M>(self, look: M) -> Balance<S, C, M, R> {
        let Shared { pool, patience, classifier, spare, .. } = self.into_shared();
        Balance { shared: Arc::new(Shared { pool, patience, classifier, look, spare }) }
    }

    /// Keeps a copy of each request while it is under way, so that another endpoint gets it if the first one's
    /// own gate refuses.
    ///
    /// ```
    /// use seawall::balance::{Pool, RoundRobin};
    /// let pool = Pool::<()>::new("api", RoundRobin::new());
    /// let service = pool.balance().spare(|request: &String| Some(request.clone()));
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn spare<F, Req>(self, spare: F) -> Balance<S, C, L, F>
    where
        F: Fn(&Req) -> Option<Req>,
    {
        let Shared { pool, patience, classifier, look, .. } = self.into_shared();
        Balance { shared: Arc::new(Shared { pool, patience, classifier, look, spare }) }
    }

    fn into_shared(self) -> Shared<S, C, L, R> {
        Arc::try_unwrap(self.shared).unwrap_or_else(|shared| Shared {
            pool: shared.pool.clone(),
            patience: shared.patience,
            classifier: shared.classifier.clone(),
            look: shared.look.clone(),
            spare: shared.spare.clone(),
        })
    }
}

impl<S, C, L, R> Balance<S, C, L, R> {
    /// The pool it picks from.
    ///
    /// ```
    /// use seawall::balance::{Pool, RoundRobin};
    /// assert!(Pool::<()>::new("api", RoundRobin::new()).balance().pool().is_empty());
    /// ```
    #[must_use]
    pub fn pool(&self) -> &Pool<S> {
        &self.shared.pool
    }
}

impl<S, C, L, R, Req> Service<Req> for Balance<S, C, L, R>
where
    S: Service<Req> + Clone,
    S::Error: Fault,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
    L: Look<Req>,
    R: Spare<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, C, L, R>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        ResponseFuture::new(Arc::clone(&self.shared), request)
    }
}

impl<S, C, L, R> Clone for Balance<S, C, L, R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S, C, L, R> fmt::Debug for Balance<S, C, L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balance")
            .field("pool", &self.shared.pool)
            .field("patience", &self.shared.patience)
            .finish_non_exhaustive()
    }
}
