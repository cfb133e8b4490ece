use super::Quota;
use super::pace::Pace;
use crate::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};

/// The configuration beside words of state, read without a lock and never torn.
///
/// # Memory ordering
///
/// The words of state guard it. Who changes it, alone, first parks each of them on a value that no bucket has, then
/// writes the stamp, then the rest, then unparks them. Who reads takes the stamp, the state, the rest, and the stamp
/// once more: if nothing was parked and the stamp is the same, state and configuration belong together. What
/// becomes of the state is then written by a compare-and-swap, which fails if anything has come between.
#[derive(Debug)]
pub(super) struct Config {
    // How many changes there were, and the scale and shift, in one word.
    stamp: AtomicU64,
    cost: AtomicU64,
    full: AtomicU64,
    horizon: AtomicU64,
    quota: [AtomicU64; 2],
}

/// Beyond the deepest debt, so no bucket's word.
pub(super) const PARKED: u64 = u64::MAX;

impl Config {
    pub(super) fn new(pace: Pace, quota: Quota) -> Self {
        Self {
            stamp: AtomicU64::new(stamp(0, pace)),
            cost: AtomicU64::new(pace.cost),
            full: AtomicU64::new(pace.full),
            horizon: AtomicU64::new(pace.horizon),
            quota: quota.to_words().map(AtomicU64::new),
        }
    }

    /// A state as `load` reads it, and the pace that belongs to it.
    #[inline]
    pub(super) fn read(&self, load: impl Fn() -> u64) -> (u64, Pace) {
        loop {
            let stamp = self.stamp.load(Acquire);
            let state = load();
            let pace = self.pace(stamp);
            if self.stamp.load(Acquire) == stamp {
                return (state, pace);
            }
        }
    }

    /// All of it, for who keeps changes away.
    pub(super) fn get(&self) -> (Pace, Quota) {
        let quota = self.quota.each_ref().map(|word| word.load(Acquire));
        (self.pace(self.stamp.load(Acquire)), Quota::from_words(quota))
    }

    /// Changes it; the caller is alone and has parked every state.
    pub(super) fn set(&self, pace: Pace, quota: Quota) {
        let changes = self.stamp.load(Acquire) >> CHANGES;
        self.stamp.store(stamp(changes + 1, pace), Release);
        self.cost.store(pace.cost, Release);
        self.full.store(pace.full, Release);
        self.horizon.store(pace.horizon, Release);
        for (word, value) in self.quota.iter().zip(quota.to_words()) {
            word.store(value, Release);
        }
    }

    #[inline]
    fn pace(&self, stamp: u64) -> Pace {
        Pace {
            cost: self.cost.load(Acquire),
            full: self.full.load(Acquire),
            horizon: self.horizon.load(Acquire),
            scale: stamp as u8,
            shift: (stamp >> 8) as u8,
        }
    }
}

/// Scale and shift take eight bits each; the changes have 48, which at a million a second is nine years.
const CHANGES: u32 = 16;

const fn stamp(changes: u64, pace: Pace) -> u64 {
    changes << CHANGES | (pace.shift as u64) << 8 | pace.scale as u64
}
