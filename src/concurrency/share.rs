use super::slots::{Denied, Slots};
use crate::gate::Line;
use crate::ratio::Ratio;
use crate::sync::Padded;
use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The slots in one word, and the line of those who wait for one: what every limit on calls in flight shares.
///
/// Taking is one compare-and-swap, by the limit in force at that moment; giving back is one subtraction and a
/// look at the line. Both are `SeqCst`, as [`Line`] asks, or a wake-up could be lost.
#[derive(Debug)]
pub(super) struct Slip {
    // Limit and number in flight stand on lines of their own, apart from what is only read.
    word: Padded<AtomicU64>,
    line: Line,
}

impl Slip {
    pub(super) fn new(limit: u32) -> Self {
        Self { word: Padded(AtomicU64::new(Slots { limit, in_flight: 0 }.pack())), line: Line::new() }
    }

    pub(super) const fn line(&self) -> &Line {
        &self.line
    }

    #[inline]
    pub(super) fn slots(&self) -> Slots {
        Slots::unpack(self.word.load(SeqCst))
    }

    /// Takes `weight` slots, of the lower part of the limit if a share is named, past whoever waits; the number in
    /// flight then.
    #[inline]
    pub(super) fn take(&self, weight: u32, share: Option<Ratio>) -> Result<u32, Denied> {
        match share {
            None => self.update(|slots| slots.admit(weight)),
            Some(share) => self.update(|slots| slots.admit_within(weight, share)),
        }
        .map(|slots| slots.in_flight)
    }

    /// Takes them for a newcomer, who passes nobody.
    #[inline]
    pub(super) fn take_new(&self, weight: u32, share: Option<Ratio>) -> Result<u32, Denied> {
        if self.line.is_empty() {
            self.take(weight, share)
        } else {
            Err(self.slots().admit(weight).err().unwrap_or(Denied::Full))
        }
    }

    #[inline]
    fn update(&self, decide: impl Fn(Slots) -> Result<Slots, Denied>) -> Result<Slots, Denied> {
        let mut word = self.word.load(SeqCst);
        loop {
            let next = decide(Slots::unpack(word))?;
            match self.word.compare_exchange_weak(word, next.pack(), SeqCst, SeqCst) {
                Ok(_) => return Ok(next),
                Err(actual) => word = actual,
            }
        }
    }

    #[inline]
    pub(super) fn give_back(&self, weight: u32) {
        if weight > 0 {
            self.word.fetch_sub(u64::from(weight), SeqCst);
            self.line.wake();
        }
    }

    /// Changes the limit; the one before. Whoever grows it must [`wake`](Line::wake) the line, under no lock.
    pub(super) fn set_limit(&self, limit: u32) -> u32 {
        let mut word = self.word.load(SeqCst);
        loop {
            let slots = Slots::unpack(word);
            match self.word.compare_exchange_weak(word, Slots { limit, ..slots }.pack(), SeqCst, SeqCst) {
                Ok(_) => return slots.limit,
                Err(actual) => word = actual,
            }
        }
    }
}

/// Run with `RUSTFLAGS="--cfg seawall_loom" cargo test --lib concurrency::share`.
#[cfg(all(test, seawall_loom))]
mod models {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst as Std};

    /// However takes, returns and a shrink interleave, nobody is admitted above the limit in force, and
    /// what was taken is back in the end.
    #[test]
    fn the_limit_is_hard() {
        loom::model(|| {
            let (slip, running) = (Arc::new(Slip::new(2)), Arc::new(AtomicU32::new(0)));
            let threads: Vec<_> = [2, 1]
                .into_iter()
                .map(|weight| {
                    let (slip, running) = (Arc::clone(&slip), Arc::clone(&running));
                    loom::thread::spawn(move || {
                        if slip.take(weight, None).is_ok() {
                            assert!(running.fetch_add(weight, Std) + weight <= 2);
                            running.fetch_sub(weight, Std);
                            slip.give_back(weight);
                        }
                    })
                })
                .collect();
            assert_eq!(slip.set_limit(1), 2);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(slip.slots(), Slots { limit: 1, in_flight: 0 });
        });
    }
}
