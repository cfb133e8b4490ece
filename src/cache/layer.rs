use super::cache_aside::CacheAside;
use super::service::CacheService;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tower_layer::Layer;

/// Answers from a cache instead of calling a service; made by [`CacheAside::layer`].
///
/// A hit, a join and a stale answer never touch the inner service, and so never wait for its readiness. On a miss the
/// first request goes in, through a clone that is made ready inside the load; the requests of those who join are
/// dropped. State is in the cache: all services of all its layers share it.
///
/// The load outlives its caller, so the inner service is `Clone`, its response and error too, and all of it is `Send`
/// and `'static`. A panic of the inner service is resumed in everybody who waits.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::LiftLayer;
/// use seawall::cache::{CacheAside, Keep, Lifetime, Memory};
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let words: CacheAside<String, String, &'static str> =
///     CacheAside::new("words", Memory::lfu(1000), Lifetime::of(Duration::from_secs(60)));
/// let layer = words
///     .layer(|word: &String| (!word.is_empty()).then(|| word.clone()))
///     .keep(|answer: &String| if answer.len() > 3 { Keep::Default } else { Keep::No });
/// let service = ServiceBuilder::new()
///     .layer(layer)
///     .layer(LiftLayer)
///     .service(service_fn(|word: String| async move { Ok::<_, &'static str>(word.to_uppercase()) }));
///
/// assert_eq!(service.clone().oneshot("tea".into()).await.unwrap(), "TEA");
/// assert_eq!(service.oneshot("coffee".into()).await.unwrap(), "COFFEE");
/// assert_eq!(words.len() + words.loading(), usize::from(words.hit(&"coffee".into()).is_none()));
/// # }
/// ```
pub struct CacheLayer<K, V, E, S, F, G = fn(&V) -> Keep> {
    cache: CacheAside<K, V, E, S>,
    choice: Arc<Choice<F, G>>,
}

/// Under which key a request's answer is kept, and whether it is.
#[derive(Debug)]
pub(super) struct Choice<F, G> {
    pub(super) key: F,
    pub(super) keep: G,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// It is kept as the cache keeps values.
    Default,
    /// It is kept for so long.
    For(Duration),
    /// It is given to all who wait, and not kept.
    No,
    /// It is given to the one who asked; the others ask for themselves. See [`Loaded::pass`](super::Loaded::pass).
    Pass,
}

impl<K, V, E, S, F> CacheLayer<K, V, E, S, F> {
    pub(super) fn new(cache: CacheAside<K, V, E, S>, key: F) -> Self {
        Self { cache, choice: Arc::new(Choice { key, keep: |_| Keep::Default }) }
    }

    /// What becomes of each answer; by default all are kept.
    ///
    /// ```
    /// use seawall::cache::{CacheAside, Keep, Lifetime, Memory};
    /// let squares: CacheAside<u64, u64, ()> = CacheAside::new("squares", Memory::lru(9), Lifetime::forever());
    /// let layer = squares.layer(|n: &u64| Some(*n)).keep(|square: &u64| match square {
    ///     0 => Keep::No,
    ///     _ => Keep::Default,
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn keep<G>(self, keep: G) -> CacheLayer<K, V, E, S, F, G>
    where
        F: Clone,
        G: Fn(&V) -> Keep,
    {
        let key = self.choice.key.clone();
        CacheLayer { cache: self.cache, choice: Arc::new(Choice { key, keep }) }
    }
}

impl<K, V, E, S, F, G> Clone for CacheLayer<K, V, E, S, F, G> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), choice: Arc::clone(&self.choice) }
    }
}

impl<K, V, E, S, F, G, I> Layer<I> for CacheLayer<K, V, E, S, F, G> {
    type Service = CacheService<I, K, V, E, S, F, G>;

    fn layer(&self, inner: I) -> Self::Service {
        CacheService::new(inner, self.cache.clone(), Arc::clone(&self.choice))
    }
}

impl<K, V, E, S, F, G> fmt::Debug for CacheLayer<K, V, E, S, F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CacheLayer").field(&self.cache).finish()
    }
}
