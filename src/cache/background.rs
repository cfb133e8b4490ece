use super::engine::Engine;
use super::flight::{Flight, Step};
use super::store::Store;
use super::wakers::Place;
use crate::clock::Timer;
use crate::telemetry::{Lookup, Outcome};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How often the store is tended.
const TEND: Duration = Duration::from_secs(1);

/// How many loads one poll goes on with, before other tasks have their turn.
const STEPS: usize = 64;

pin_project! {
    /// All that a cache does while nobody waits: loads whose callers have left, refreshes behind stale and early
    /// reads, upkeep of the store.
    ///
    /// The crate spawns nothing; spawn this, once or several times. It ends when the last handle of the cache is
    /// dropped. Dropped before, it drops the loads that nobody else waits for.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::cache::{CacheAside, Lifetime, Memory};
    /// use std::time::Duration;
    ///
    /// let lifetime = Lifetime::of(Duration::from_secs(60)).stale_while_revalidate(Duration::from_secs(30));
    /// let users = CacheAside::<u64, String, std::io::Error>::new("users", Memory::lru(100), lifetime);
    /// let background = tokio::spawn(users.background());
    /// drop(users);
    /// background.await.unwrap();
    /// # }
    /// ```
    #[must_use = "futures do nothing unless spawned or polled"]
    pub struct Background<K, V, E, S>
    where
        K: Hash,
        K: Eq,
        K: Clone,
        K: Send,
        K: Sync,
        K: 'static,
        V: Send,
        V: Sync,
        V: 'static,
        E: Send,
        E: Sync,
        E: 'static,
        S: Store<K, V>,
    {
        post: Post<K, V, E, S>,
        #[pin]
        timer: Timer,
    }
}

/// Where a background stands; dropping it leaves.
struct Post<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    engine: Arc<Engine<K, V, E, S>>,
    place: Place,
    entered: bool,
}

impl<K, V, E, S> Background<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    pub(super) fn new(engine: Arc<Engine<K, V, E, S>>) -> Self {
        Self { post: Post { engine, place: Place::default(), entered: false }, timer: Timer::unarmed() }
    }
}

impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn carry_on(&self, flight: &Arc<Flight<K, V, E>>) {
        match flight.step(None) {
            Step::Landed { brought, took } => self.land(flight, brought, took),
            Step::Dropped => {
                self.loads.leave();
                let took = Instant::now() - flight.begun;
                self.note(Lookup::Loaded { outcome: Outcome::Abandoned, took });
            }
            Step::Answered(_) | Step::Waiting => {}
        }
    }

    fn tend(&self, now: Instant) {
        self.store.tend(now);
        self.negatives.tend(now);
        self.passes.tend(now);
        self.doubts.tend(now);
        self.lags.tend(now);
    }
}

impl<K, V, E, S> Future for Background<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Post { engine, place, entered } = this.post;
        if !std::mem::replace(entered, true) {
            engine.backlog.enter();
            this.timer.as_mut().arm(Instant::now() + TEND);
        }
        let mut steps = 0;
        while let Some(flight) = engine.backlog.next(place, cx.waker()) {
            engine.carry_on(&flight);
            steps += 1;
            if steps == STEPS {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if engine.backlog.is_closed() {
            return Poll::Ready(());
        }
        while this.timer.as_mut().poll_fired(cx).is_ready() {
            let now = Instant::now();
            engine.tend(now);
            this.timer.as_mut().arm(now + TEND);
        }
        Poll::Pending
    }
}

impl<K, V, E, S> Drop for Post<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn drop(&mut self) {
        if self.entered && self.engine.backlog.leave(self.place) {
            self.engine.orphan();
        }
    }
}

impl<K, V, E, S> fmt::Debug for Background<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").field("running", &self.post.entered).finish_non_exhaustive()
    }
}
