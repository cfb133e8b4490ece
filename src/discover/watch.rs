use super::found::Found;
use super::news::News;
use super::source::Source;
use crate::balance::{Endpoint, Id};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A list of endpoints kept by hand, which any number of pools follow.
///
/// Clones share the list. When the last one is dropped, the list stays as it is for those who follow it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::balance::{Endpoint, P2c, Pool};
/// use seawall::discover::{Discovery, Watch};
///
/// let watch = Watch::new();
/// let pool = Pool::new("api", P2c::new());
/// tokio::spawn(pool.follow(Discovery::new(), watch.source(), |found| found.with("its client")));
///
/// watch.insert(Endpoint::new("a", ()));
/// pool.ready().await;
/// assert_eq!(pool.pick().unwrap().id().as_str(), "a");
/// # }
/// ```
///
/// # Memory
///
/// The list itself, once.
#[derive(Clone, Default)]
#[doc(alias = "channel")]
pub struct Watch(Arc<List>);

#[derive(Default)]
struct List {
    // Guarded: who is there, and how many changes there were. Never held while user code runs.
    told: Mutex<Told>,
    news: News,
}

#[derive(Default)]
struct Told {
    endpoints: BTreeMap<Id, Endpoint<()>>,
    /// Zero as long as nothing was told at all.
    changes: u64,
}

impl Watch {
    /// A list that nothing was told of yet: who follows it waits for the first word.
    ///
    /// ```
    /// let watch = seawall::discover::Watch::new();
    /// # let _ = watch;
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Exactly these from now on; of two with one id the last counts.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::Watch;
    /// let watch = Watch::new();
    /// watch.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    /// assert_eq!(watch.found().len(), 2);
    /// ```
    pub fn set(&self, endpoints: impl IntoIterator<Item = Endpoint<()>>) {
        // Before the lock: the iterator is the user's.
        let endpoints = endpoints.into_iter().map(|endpoint| (endpoint.id().clone(), endpoint)).collect();
        self.change(|told| told.endpoints = endpoints);
    }

    /// This one too, instead of the one with its id if there is one.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::Watch;
    /// let watch = Watch::new();
    /// watch.insert(Endpoint::new("a", ()));
    /// watch.insert(Endpoint::new("a", ()).weight(2));
    /// assert_eq!(watch.found().len(), 1);
    /// ```
    pub fn insert(&self, endpoint: Endpoint<()>) {
        self.change(|told| told.endpoints.insert(endpoint.id().clone(), endpoint));
    }

    /// Without the one of this id; `false` if there is none.
    ///
    /// An empty list is no answer unless [`Discovery::allow_empty`](super::Discovery::allow_empty) says that it is
    /// one: a pool keeps the last one who was there.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::Watch;
    /// let watch = Watch::new();
    /// watch.insert(Endpoint::new("a", ()));
    /// assert!(watch.remove("a"));
    /// assert!(!watch.remove("a"));
    /// ```
    #[expect(clippy::must_use_candidate, reason = "that it is gone is enough to know for most")]
    pub fn remove(&self, id: &str) -> bool {
        self.change(|told| told.endpoints.remove(id)).is_some()
    }

    /// Who is there now, in the order of ids.
    ///
    /// ```
    /// assert!(seawall::discover::Watch::new().found().is_empty());
    /// ```
    #[must_use]
    pub fn found(&self) -> Found {
        self.0.found().1
    }

    /// The list as a source. Each source hears of every change.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::{Source, Watch};
    /// let watch = Watch::new();
    /// watch.insert(Endpoint::new("a", ()));
    /// let Ok(found) = watch.source().ask().await;
    /// assert_eq!(found.len(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn source(&self) -> Watching {
        Watching { list: Arc::clone(&self.0), heard: Arc::default() }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Told) -> T) -> T {
        let mut told = self.0.told.lock();
        let out = change(&mut told);
        told.changes += 1;
        drop(told);
        self.0.news.tell();
        out
    }
}

impl List {
    /// The number of changes so far, and what they led to.
    fn found(&self) -> (u64, Found) {
        let told = self.told.lock();
        (told.changes, told.endpoints.values().cloned().collect::<Found>().live())
    }
}

/// A [`Watch`] as a source; made by [`Watch::source`].
#[derive(Debug)]
pub struct Watching {
    list: Arc<List>,
    /// The number of the last change that was answered.
    heard: Arc<AtomicU64>,
}

impl Source for Watching {
    type Error = Infallible;
    type Asking = Changed;

    fn ask(&mut self) -> Changed {
        Changed(Self { list: Arc::clone(&self.list), heard: Arc::clone(&self.heard) })
    }
}

/// The next change of a [`Watch`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Changed(Watching);

impl Changed {
    fn news(&self) -> Option<Found> {
        let (changes, found) = self.0.list.found();
        (self.0.heard.swap(changes, Relaxed) != changes).then_some(found)
    }
}

impl Future for Changed {
    type Output = Result<Found, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(found) = self.news() {
            return Poll::Ready(Ok(found));
        }
        self.0.list.news.wait(cx.waker());
        self.news().map_or(Poll::Pending, |found| Poll::Ready(Ok(found)))
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.told.lock();
        f.debug_struct("List").field("endpoints", &told.endpoints.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.0).finish()
    }
}
