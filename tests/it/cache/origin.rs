//! A source that counts its loads and numbers its values.

use super::{Cache, ms};
use seawall::Error;
use seawall::cache::{Cached, LoadError, Loaded};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};

pub(crate) type Read = Result<Cached<u32>, Error<LoadError<&'static str>>>;

/// Load n brings the value n, 200 ms after it began, unless told otherwise.
#[derive(Clone, Default)]
pub(crate) struct Origin(Arc<State>);

#[derive(Default)]
struct State {
    begun: AtomicU32,
    dropped: AtomicU32,
    fails: AtomicBool,
    takes: AtomicU64,
}

struct Begun {
    state: Arc<State>,
    ended: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.ended {
            self.state.dropped.fetch_add(1, SeqCst);
        }
    }
}

impl Origin {
    pub(crate) fn new(takes: u64) -> Self {
        let origin = Self::default();
        origin.0.takes.store(takes, SeqCst);
        origin
    }

    pub(crate) fn takes(&self, takes: u64) {
        self.0.takes.store(takes, SeqCst);
    }

    pub(crate) fn fails(&self, fails: bool) {
        self.0.fails.store(fails, SeqCst);
    }

    pub(crate) fn loads(&self) -> u32 {
        self.0.begun.load(SeqCst)
    }

    pub(crate) fn dropped(&self) -> u32 {
        self.0.dropped.load(SeqCst)
    }

    pub(crate) fn load(
        &self,
    ) -> impl FnOnce() -> std::pin::Pin<Box<dyn Future<Output = Result<u32, &'static str>> + Send>> + Send + 'static
    {
        let origin = self.clone();
        move || {
            Box::pin(async move {
                let number = origin.0.begun.fetch_add(1, SeqCst) + 1;
                let mut begun = Begun { state: Arc::clone(&origin.0), ended: false };
                tokio::time::sleep(ms(origin.0.takes.load(SeqCst))).await;
                begun.ended = true;
                if origin.0.fails.load(SeqCst) { Err("down") } else { Ok(number) }
            })
        }
    }

    pub(crate) async fn get(&self, cache: &Cache, key: u32) -> Read {
        cache.get_or_load(&key, self.load()).await
    }

    /// A read of its own task.
    pub(crate) fn spawn(&self, cache: &Cache, key: u32) -> tokio::task::JoinHandle<Read> {
        let (origin, cache) = (self.clone(), cache.clone());
        tokio::spawn(async move { origin.get(&cache, key).await })
    }

    /// A load that says more than a value.
    pub(crate) fn loaded(
        &self,
        loaded: impl FnOnce(u32) -> Loaded<u32> + Send + 'static,
    ) -> impl FnOnce() -> std::pin::Pin<Box<dyn Future<Output = Result<Loaded<u32>, &'static str>> + Send>>
    + Send
    + 'static {
        let load = self.load();
        move || Box::pin(async move { load().await.map(loaded) })
    }
}
