use super::answers::Answers;
use super::change::{Ended, Outcome, Sent};
use super::front::{Front, Upkeep};
use super::shared::{Judged, Next, Settled, Shared};
use super::storing::{Answer, Storing};
use super::write::{DeadLetter, Write, WriteError};
use crate::class::{ByResult, Class, Classify};
use crate::clock::Timer;
use crate::telemetry::{Kind, Spool, What};
use crate::time::Instant;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The future that writes what a [`WriteBehind`](super::WriteBehind) holds: spawn it.
///
/// It ends when the buffer was closed, or its last handle dropped, and all is written or given up on. Dropped
/// before, the buffer takes no more puts, what is dirty stays readable, and [`Spool::Lost`] tells how much it is.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use seawall::cache::write_behind::{Config, Write, WriteBehind};
///
/// let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
/// let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
/// let driver = tokio::spawn(driver);
/// orders.put(7, "paid").await.unwrap();
/// drop(orders);
/// driver.await.unwrap(); // written
/// # }
/// ```
#[must_use = "futures do nothing unless polled: spawn it"]
pub struct Driver<K: Hash + Eq + Clone, V, L: Front<K, V>, F, Fut, D, C = ByResult> {
    // The calls first: what they hold is let go of before the buffer is told that they have ended.
    calls: Vec<Pin<Box<Storing<Batch<K, V>, Fut>>>>,
    upkeep: Option<Upkeep>,
    buffer: Ending<K, V, L>,
    store: F,
    dead: D,
    classifier: C,
    timer: Pin<Box<Timer>>,
}

/// What one store call was made with.
struct Batch<K, V> {
    writes: Vec<(K, Option<Arc<V>>)>,
    // The cache's when the call began: what fences everything later fences what is being written too.
    stamp: u64,
}

/// Ends the buffer when the driver is dropped.
struct Ending<K: Hash + Eq + Clone, V, L: Front<K, V>>(Arc<Shared<K, V, L>>);

impl<K: Hash + Eq + Clone, V, L: Front<K, V>> Drop for Ending<K, V, L> {
    fn drop(&mut self) {
        if let Some(keys) = self.0.end_unasked() {
            self.0.telemetry.tell(Kind::WriteBehind, What::Spool(Spool::Lost { keys }));
        }
    }
}

impl<K: Hash + Eq + Clone, V, L: Front<K, V>, F, Fut, D> Driver<K, V, L, F, Fut, D> {
    pub(super) fn new(shared: Arc<Shared<K, V, L>>, store: F, dead: D) -> Self {
        let (upkeep, timer) = (shared.front.upkeep(), Box::pin(Timer::unarmed()));
        Self { calls: Vec::new(), upkeep, buffer: Ending(shared), store, dead, classifier: ByResult, timer }
    }
}

impl<K, V, L, F, Fut, D> Driver<K, V, L, F, Fut, D>
where
    K: Hash + Eq + Clone,
    L: Front<K, V>,
    Fut: Future<Output: Answers<K>>,
{
    /// What the store's answers mean: `Success` it has it, `Neutral` it has newer, `Permanent` it never will,
    /// `Transient` and `Overload` once more. By default an error is `Transient`.
    ///
    /// ```
    /// use seawall::Class;
    /// use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// let store = |_: Vec<Write<u32, &str>>| async { Err::<(), _>("no such table") };
    /// let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// let driver = driver.classify(|result| match result {
    ///     Ok(()) => Class::Success,
    ///     Err(&"no such table") => Class::Permanent,
    ///     Err(_) => Class::Transient,
    /// });
    /// # drop((orders, driver));
    /// ```
    pub fn classify<C>(self, classifier: C) -> Driver<K, V, L, F, Fut, D, C>
    where
        C: Fn(Result<&(), &<Fut::Output as Answers<K>>::Error>) -> Class,
    {
        let Self { calls, upkeep, buffer, store, dead, timer, .. } = self;
        Driver { calls, upkeep, buffer, store, dead, classifier, timer }
    }
}

impl<K, V, L, F, Fut, D, C> Driver<K, V, L, F, Fut, D, C>
where
    K: Hash + Eq + Clone,
    L: Front<K, V>,
    F: FnMut(Vec<Write<K, V>>) -> Fut,
    Fut: Future<Output: Answers<K>>,
    D: FnMut(DeadLetter<K, V, <Fut::Output as Answers<K>>::Error>),
    C: Classify<(), <Fut::Output as Answers<K>>::Error>,
{
    /// Begins a store call in a place that is free, and says in which.
    fn begin(&mut self, batch: Vec<Sent<K, Arc<V>>>, now: Instant) -> usize {
        let writes = batch.iter().map(|sent| (sent.key.clone(), sent.value.clone())).collect();
        let own = Batch { writes, stamp: self.buffer.0.front.stamp() };
        let batch = batch.into_iter().map(Write::new).collect();
        let call = catch_unwind(AssertUnwindSafe(|| (self.store)(batch)));
        let free = self.calls.iter().position(|call| call.is_free());
        let place = free.unwrap_or_else(|| {
            self.calls.push(Box::pin(Storing::idle()));
            self.calls.len() - 1
        });
        self.calls[place].as_mut().begin(own, call, now, self.buffer.0.config().write_deadline);
        place
    }

    fn poll_call(&mut self, place: usize, cx: &mut Context<'_>) {
        if let Poll::Ready((batch, answer)) = self.calls[place].as_mut().poll_answer(cx) {
            self.settle(batch, answer);
        }
    }

    fn settle(&mut self, batch: Batch<K, V>, mut answer: Answer<K, <Fut::Output as Answers<K>>::Error>) {
        let Batch { writes, stamp } = batch;
        let mut errors = Vec::with_capacity(writes.len());
        let mut judged = Vec::with_capacity(writes.len());
        // The classifier and what the cache asks of a value are the user's: they run under no lock, and a panic of the
        // one is a failure of the key, of the other a value that is not kept.
        for (key, value) in writes {
            let result = answer.of(&key);
            let class = catch_unwind(AssertUnwindSafe(|| class(&self.classifier, &result)));
            let outcome = class.map_or(Outcome::Again(Duration::ZERO), outcome);
            let front = &self.buffer.0.front;
            let stored = value.filter(|_| outcome == Outcome::Stored);
            let entry = stored.and_then(|value| {
                catch_unwind(AssertUnwindSafe(|| front.ready(&key, &value, stamp))).ok().flatten()
            });
            judged.push(Judged { key, outcome, entry });
            errors.push(result.err());
        }
        let Some(Settled { ended, dirty }) = self.buffer.0.settle(&judged, Instant::now()) else { return };
        let (mut stored, mut again, mut dead) = (0, 0, Vec::new());
        for ((Judged { key, .. }, error), end) in judged.into_iter().zip(errors).zip(ended) {
            match end {
                Some(Ended::Kept(_) | Ended::Passed(_) | Ended::Unknown(_)) => stored += 1,
                Some(Ended::Again(_)) => again += 1,
                Some(Ended::Dead(change, attempt, _)) => {
                    dead.push(attempt);
                    let write = Write::new(Sent { key, value: change.value, seq: change.seq, attempt });
                    let letter = DeadLetter { write, error: error.unwrap_or(WriteError::Unanswered) };
                    // Each letter is handed over before anything is told; a panic loses no other.
                    drop(catch_unwind(AssertUnwindSafe(|| (self.dead)(letter))));
                }
                None => {}
            }
        }
        let telemetry = &self.buffer.0.telemetry;
        let dirty = dirty as u64;
        telemetry.note(Kind::WriteBehind, || What::Spool(Spool::Stored { keys: stored, dirty }));
        if again > 0 {
            telemetry.tell(Kind::WriteBehind, What::Spool(Spool::Again { keys: again }));
        }
        for attempts in dead {
            telemetry.tell(Kind::WriteBehind, What::Spool(Spool::Dead { attempts }));
        }
    }
}

impl<K, V, L, F, Fut, D, C> Future for Driver<K, V, L, F, Fut, D, C>
where
    K: Hash + Eq + Clone,
    L: Front<K, V>,
    F: FnMut(Vec<Write<K, V>>) -> Fut,
    Fut: Future<Output: Answers<K>>,
    D: FnMut(DeadLetter<K, V, <Fut::Output as Answers<K>>::Error>),
    C: Classify<(), <Fut::Output as Answers<K>>::Error>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.upkeep.as_mut().is_some_and(|upkeep| upkeep.as_mut().poll(cx).is_ready()) {
            this.upkeep = None;
        }
        for place in 0..this.calls.len() {
            this.poll_call(place, cx);
        }
        loop {
            let now = Instant::now();
            match this.buffer.0.next(now, cx.waker()) {
                Next::End => {
                    this.calls.clear();
                    this.upkeep = None;
                    this.buffer.0.end();
                    return Poll::Ready(());
                }
                Next::Store(batch) => {
                    let place = this.begin(batch, now);
                    this.poll_call(place, cx);
                }
                Next::Wait(at) => {
                    match at {
                        Some(at) => this.timer.as_mut().arm(at),
                        None => this.timer.as_mut().disarm(),
                    }
                    if this.timer.as_mut().poll_fired(cx).is_pending() {
                        return Poll::Pending;
                    }
                    this.timer.as_mut().disarm();
                }
            }
        }
    }
}

// What is polled in place is boxed; the functions are only called.
impl<K: Hash + Eq + Clone, V, L: Front<K, V>, F, Fut, D, C> Unpin for Driver<K, V, L, F, Fut, D, C> {}

/// What the store's answer for one key says; a panic and silence are failures that may pass.
fn class<E>(classifier: &impl Classify<(), E>, result: &Result<(), WriteError<E>>) -> Class {
    match result {
        Ok(()) => classifier.classify(Ok(&())),
        Err(WriteError::Failed(error)) => classifier.classify(Err(error)),
        Err(WriteError::TimedOut(_)) => classifier.timed_out(),
        Err(WriteError::Panicked(_) | WriteError::Unanswered) => Class::Transient,
    }
}

fn outcome(class: Class) -> Outcome {
    match class {
        Class::Success => Outcome::Stored,
        Class::Neutral => Outcome::Outdated,
        Class::Transient => Outcome::Again(Duration::ZERO),
        Class::Permanent => Outcome::Never,
        Class::Overload(after) => Outcome::Again(after.unwrap_or_default()),
    }
}

impl<K: Hash + Eq + Clone, V, L: Front<K, V>, F, Fut, D, C> fmt::Debug for Driver<K, V, L, F, Fut, D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("name", &self.buffer.0.telemetry.name())
            .field("calls", &self.calls.iter().filter(|call| !call.is_free()).count())
            .finish_non_exhaustive()
    }
}
