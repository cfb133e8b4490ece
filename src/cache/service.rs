use super::cache_aside::CacheAside;
use super::future::{Ready, ResponseFuture};
use super::layer::{Choice, Keep};
use super::load_error::LoadError;
use super::loaded::Loaded;
use super::store::Store;
use crate::error::Error;
use crate::time::Instant;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service in front of which a cache stands; made by [`CacheLayer`](super::CacheLayer).
pub struct CacheService<I, K, V, E, S, F, G> {
    inner: I,
    cache: CacheAside<K, V, E, S>,
    choice: Arc<Choice<F, G>>,
}

impl<I, K, V, E, S, F, G> CacheService<I, K, V, E, S, F, G> {
    pub(super) const fn new(inner: I, cache: CacheAside<K, V, E, S>, choice: Arc<Choice<F, G>>) -> Self {
        Self { inner, cache, choice }
    }
}

impl<I, Req, K, V, E, S, F, G> Service<Req> for CacheService<I, K, V, E, S, F, G>
where
    I: Service<Req, Response = V, Error = Error<E>, Future: Send + 'static> + Clone + Send + 'static,
    Req: Send + 'static,
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    S: Store<K, V> + 'static,
    F: Fn(&Req) -> Option<K>,
    G: Fn(&V) -> Keep + Send + Sync + 'static,
    F: Send + Sync + 'static,
{
    type Response = V;
    type Error = Error<E>;
    type Future = ResponseFuture<I, Req, V, E>;

    /// Always ready: what the cache has needs no inner service, and what it has not makes its own clone ready.
    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let Some(key) = (self.choice.key)(&request) else {
            return ResponseFuture::straight(Ready::new(self.inner.clone(), request));
        };
        // What is early or stale is refreshed by the slow path, which answers at once as well.
        if let Some(cached) = self.cache.handle().hit_fresh(&key, Instant::now()) {
            return ResponseFuture::hit(V::clone(&cached));
        }
        ResponseFuture::load(self.load(key, request))
    }
}

impl<I, K, V, E, S, F, G> CacheService<I, K, V, E, S, F, G>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    S: Store<K, V> + 'static,
{
    fn load<Req>(&self, key: K, request: Req) -> Pin<Box<dyn Future<Output = Result<V, Error<E>>> + Send>>
    where
        I: Service<Req, Response = V, Error = Error<E>, Future: Send + 'static> + Clone + Send + 'static,
        Req: Send + 'static,
        F: Send + Sync + 'static,
        G: Fn(&V) -> Keep + Send + Sync + 'static,
    {
        let (inner, choice, cache) = (self.inner.clone(), Arc::clone(&self.choice), self.cache.clone());
        Box::pin(async move {
            let load = async move || {
                let answer = Ready::new(inner, request).await?;
                Ok(match (choice.keep)(&answer) {
                    Keep::Default => Loaded::value(answer),
                    Keep::For(ttl) => Loaded::value(answer).ttl(ttl),
                    Keep::No => Loaded::value(answer).unkept(),
                    Keep::Pass => Loaded::pass(answer),
                })
            };
            match cache.get_or_load_lifted(&key, load).await {
                Ok(cached) => Ok(V::clone(&cached)),
                Err(Error::Rejected(rejected)) => Err(Error::Rejected(rejected)),
                Err(Error::TimedOut(timed_out)) => Err(Error::TimedOut(timed_out)),
                Err(Error::Inner(LoadError::Failed(error))) => Err(Error::Inner(E::clone(&error))),
                // An error of the service cannot say it.
                Err(Error::Inner(LoadError::Panicked(message))) => {
                    std::panic::resume_unwind(Box::new(message.to_string()))
                }
                Err(Error::Inner(LoadError::Unanswered)) => {
                    std::panic::resume_unwind(Box::new("a load of a service always answers"))
                }
            }
        })
    }
}

impl<I: Clone, K, V, E, S, F, G> Clone for CacheService<I, K, V, E, S, F, G> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), cache: self.cache.clone(), choice: Arc::clone(&self.choice) }
    }
}

impl<I, K, V, E, S, F, G> fmt::Debug for CacheService<I, K, V, E, S, F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService").field("cache", &self.cache).finish_non_exhaustive()
    }
}
