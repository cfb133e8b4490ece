use super::TokenBucket;
use super::algorithm::{Algorithm, Carry};
use super::config::{Config, PARKED};
use super::pace::Pace;
use super::share::Cell;
use super::token_bucket::FullAt;
use crate::error::Rejected;
use crate::name::Name;
use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};
use crate::sync::{Mutex, Padded};
use crate::time::Instant;

/// A token bucket in one word: a decision is one compare-and-swap, a refusal writes nothing.
///
/// # Memory ordering
///
/// The word guards its configuration: who changes that parks the word meanwhile, and unparks it on another value
/// than before, so a step that has decided by the old one finds another word and starts again. Whoever finds
/// the word parked waits at the lock of those who change. A refusal looks at the word a second time, since it
/// does not write. The word is sequentially consistent for the sake of the [line](crate::gate::Line) of waiters.
#[derive(Debug)]
pub struct Word {
    // Hot, on lines of its own.
    full_at: Padded<AtomicU64>,
    config: Config,
    changing: Mutex<()>,
}

impl Word {
    /// The word and its pace, once nobody is changing them.
    #[inline]
    fn read(&self) -> (u64, Pace) {
        loop {
            let (seen, pace) = self.config.read(|| self.full_at.0.load(SeqCst));
            if seen != PARKED {
                return (seen, pace);
            }
            self.wait();
        }
    }

    /// The refusal of `cost` permits, or of as many as there ever are; `None` if they are there.
    pub(super) fn refusal(&self, by: Name, cost: u32, now: Instant) -> Option<Rejected> {
        let (seen, pace) = self.read();
        let cost = cost.min(pace.whole(pace.full));
        pace.admit(seen, cost, now).is_none().then(|| pace.refusal(seen, by, cost, now))
    }

    /// Changes configuration and state together; `carry` makes the new state of what stood before.
    pub(super) fn replace_by(
        &self,
        bucket: TokenBucket,
        carry: impl FnOnce(&TokenBucket, FullAt) -> FullAt,
    ) -> TokenBucket {
        let _changing = self.changing.lock();
        let (pace, quota) = self.config.get();
        let before = TokenBucket { pace, quota };
        let seen = self.full_at.0.swap(PARKED, SeqCst);
        let FullAt(mut next) = carry(&before, FullAt(seen));
        if next == seen && bucket != before {
            // A tick later, never earlier.
            next += 1;
        }
        self.config.set(bucket.pace, bucket.quota);
        self.full_at.0.store(next, SeqCst);
        before
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) {
        drop(self.changing.lock());
    }
}

impl Cell<TokenBucket> for Word {
    fn new(TokenBucket { pace, quota }: TokenBucket) -> Self {
        Self {
            full_at: Padded(AtomicU64::new(0)),
            config: Config::new(pace, quota),
            changing: Mutex::new(()),
        }
    }

    #[inline]
    fn take(&self, cost: u32, now: Instant) -> bool {
        loop {
            let (seen, pace) = self.read();
            let Some(next) = pace.admit(seen, cost, now) else { return cost == 0 };
            if cost == 0 || self.full_at.0.compare_exchange_weak(seen, next, SeqCst, SeqCst).is_ok() {
                return true;
            }
        }
    }

    #[inline]
    fn admit(&self, by: Name, cost: u32, now: Instant) -> Result<(), Rejected> {
        if cost == 0 {
            return Ok(());
        }
        loop {
            let (seen, pace) = self.read();
            match pace.admit(seen, cost, now) {
                Some(next) if self.full_at.0.compare_exchange(seen, next, SeqCst, SeqCst).is_ok() => {
                    return Ok(());
                }
                None if self.full_at.0.load(SeqCst) == seen => return Err(pace.refusal(seen, by, cost, now)),
                _ => {}
            }
        }
    }

    #[inline]
    fn update<T>(&self, mut step: impl FnMut(&TokenBucket, &mut FullAt) -> T) -> T {
        loop {
            let (seen, pace) = self.read();
            // The quota is only told, never decided by.
            let (_, quota) = self.config.get();
            let mut state = FullAt(seen);
            let answer = step(&TokenBucket { pace, quota }, &mut state);
            let unchanged = if state.0 == seen {
                self.full_at.0.load(SeqCst) == seen
            } else {
                self.full_at.0.compare_exchange(seen, state.0, SeqCst, SeqCst).is_ok()
            };
            if unchanged {
                return answer;
            }
        }
    }

    fn replace(&self, algorithm: TokenBucket, carry: Carry, now: Instant) -> TokenBucket {
        self.replace_by(algorithm, |before, state| algorithm.carry(before, &state, carry, now))
    }
}
