use super::algorithm::{Algorithm, Carry};
use super::share::Cell;
use super::token_bucket::{FullAt, Pace};
use super::{Decision, Quota, TokenBucket};
use crate::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release, Ordering::SeqCst};
use crate::sync::{Mutex, Padded};
use crate::time::Instant;

/// A token bucket in one word: a decision is one compare-and-swap, a refusal writes nothing.
///
/// # Memory ordering
///
/// The word is also the sequence lock of its configuration. A step reads the word, then the configuration, and
/// ends with a compare-and-swap or, if it changes nothing, with a second look at the word. Who changes the
/// configuration first parks the word on a value that no bucket has, and unparks it on another than before: a
/// step that saw anything of the change finds another word and starts again. Whoever finds the word parked waits
/// at the lock of those who change. The word is sequentially consistent for the sake of the
/// [line](crate::gate::Line) of waiters.
#[derive(Debug)]
pub struct Word {
    // Hot, on lines of its own.
    full_at: Padded<AtomicU64>,
    // Only read, but for a change of configuration.
    cost: AtomicU64,
    full: AtomicU64,
    horizon: AtomicU64,
    scale: AtomicU64,
    quota: [AtomicU64; 2],
    changing: Mutex<()>,
}

/// Beyond the deepest debt, so no bucket's word.
const PARKED: u64 = u64::MAX;

impl Word {
    #[inline]
    fn pace(&self) -> Pace {
        let scale = self.scale.load(Acquire);
        Pace {
            cost: self.cost.load(Acquire),
            full: self.full.load(Acquire),
            horizon: self.horizon.load(Acquire),
            scale: scale as u32,
            shift: (scale >> 32) as u32,
        }
    }

    fn bucket(&self) -> TokenBucket {
        let quota = self.quota.each_ref().map(|word| word.load(Acquire));
        TokenBucket { pace: self.pace(), quota: Quota::from_words(quota) }
    }

    /// The word once nobody is changing the configuration.
    #[cold]
    #[inline(never)]
    fn unparked(&self) -> u64 {
        drop(self.changing.lock());
        self.full_at.0.load(SeqCst)
    }

    #[cold]
    #[inline(never)]
    fn refused(pace: Pace, full_at: u64, cost: u32, now: Instant) -> Decision {
        pace.answer(full_at, cost, 0, now)
    }
}

impl Cell<TokenBucket> for Word {
    fn new(TokenBucket { pace, quota }: TokenBucket) -> Self {
        Self {
            full_at: Padded(AtomicU64::new(0)),
            cost: AtomicU64::new(pace.cost),
            full: AtomicU64::new(pace.full),
            horizon: AtomicU64::new(pace.horizon),
            scale: AtomicU64::new(pace.scale_word()),
            quota: quota.to_words().map(AtomicU64::new),
            changing: Mutex::new(()),
        }
    }

    #[inline]
    fn admit(&self, cost: u32, now: Instant) -> Result<(), Decision> {
        if cost == 0 {
            return Ok(());
        }
        let mut seen = self.full_at.0.load(SeqCst);
        loop {
            if seen == PARKED {
                seen = self.unparked();
                continue;
            }
            let pace = self.pace();
            let actual = match pace.admit(seen, cost, now) {
                Some(next) => match self.full_at.0.compare_exchange_weak(seen, next, SeqCst, SeqCst) {
                    Ok(_) => return Ok(()),
                    Err(actual) => actual,
                },
                None => match self.full_at.0.load(SeqCst) {
                    same if same == seen => return Err(Self::refused(pace, seen, cost, now)),
                    actual => actual,
                },
            };
            seen = actual;
        }
    }

    fn update<T>(&self, mut step: impl FnMut(&TokenBucket, &mut FullAt) -> T) -> T {
        let mut seen = self.full_at.0.load(SeqCst);
        loop {
            if seen == PARKED {
                seen = self.unparked();
                continue;
            }
            let mut state = FullAt(seen);
            let answer = step(&self.bucket(), &mut state);
            let actual = if state.0 == seen {
                self.full_at.0.load(SeqCst)
            } else {
                match self.full_at.0.compare_exchange(seen, state.0, SeqCst, SeqCst) {
                    Ok(_) => return answer,
                    Err(actual) => actual,
                }
            };
            if actual == seen {
                return answer;
            }
            seen = actual;
        }
    }

    fn replace(&self, algorithm: TokenBucket, carry: Carry, now: Instant) -> TokenBucket {
        let _changing = self.changing.lock();
        let before = self.bucket();
        let seen = self.full_at.0.swap(PARKED, SeqCst);
        let mut state = algorithm.carry(&before, &FullAt(seen), carry, now);
        if state.0 == seen && algorithm != before {
            // A step that has decided by the old quota must not find its word again: a tick later, never earlier.
            state.0 += 1;
        }
        let TokenBucket { pace, quota } = algorithm;
        self.cost.store(pace.cost, Release);
        self.full.store(pace.full, Release);
        self.horizon.store(pace.horizon, Release);
        self.scale.store(pace.scale_word(), Release);
        for (word, value) in self.quota.iter().zip(quota.to_words()) {
            word.store(value, Release);
        }
        self.full_at.0.store(state.0, SeqCst);
        before
    }
}
