use super::slots::{Denied, Slots};
use crate::error::Rejected;
use crate::gate::{Gate, Line};
use crate::ratio::Ratio;
use crate::sync::Padded;
use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};
use crate::telemetry::{Kind, Telemetry, What};

/// The slots in one word, the line of those who wait for one, and who hears of it: what every limit on calls in flight
/// shares.
///
/// Taking is one compare-and-swap, by the limit in force at that moment; giving back is one subtraction and a
/// look at the line. Both are `SeqCst`, as [`Line`] asks, or a wake-up could be lost.
#[derive(Debug)]
pub(super) struct Slip {
    // Limit and number in flight stand on lines of their own, apart from what is only read.
    word: Padded<AtomicU64>,
    line: Line,
    kind: Kind,
    telemetry: Telemetry,
}

impl Slip {
    pub(super) fn new(kind: Kind, telemetry: impl Into<Telemetry>, limit: u32) -> Self {
        let word = Padded(AtomicU64::new(Slots { limit, in_flight: 0 }.pack()));
        Self { word, line: Line::new(), kind, telemetry: telemetry.into() }
    }

    #[inline]
    pub(super) const fn line(&self) -> &Line {
        &self.line
    }

    pub(super) const fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    #[inline]
    pub(super) fn slots(&self) -> Slots {
        Slots::unpack(self.word.load(SeqCst))
    }

    /// Takes `weight` slots for a newcomer, who passes nobody, of the lower part of the limit if a share is named; the number
    /// in flight then. A refusal has been told.
    #[inline]
    pub(super) fn take_new(&self, weight: u32, share: Option<Ratio>) -> Result<u32, Rejected> {
        let taken = if self.line.is_empty() {
            self.take(weight, share)
        } else {
            Err(self.slots().admit(weight).err().unwrap_or(Denied::Full))
        };
        taken.map_err(|denied| self.refuse(denied))
    }

    /// Takes them at the head of the line. Nobody has been told of a refusal.
    #[inline]
    pub(super) fn take_head(&self, weight: u32, share: Option<Ratio>) -> Result<u32, Rejected> {
        self.take(weight, share).map_err(|denied| self.rejected(denied))
    }

    #[inline]
    fn take(&self, weight: u32, share: Option<Ratio>) -> Result<u32, Denied> {
        match share {
            None => self.update(|slots| slots.admit(weight)),
            Some(share) => self.update(|slots| slots.admit_within(weight, share)),
        }
        .map(|slots| slots.in_flight)
    }

    fn rejected(&self, denied: Denied) -> Rejected {
        Rejected::new(self.telemetry.name(), denied.reason())
    }

    #[cold]
    #[inline(never)]
    fn refuse(&self, denied: Denied) -> Rejected {
        let rejected = self.rejected(denied);
        self.telemetry.tell_refused(self.kind, &rejected);
        rejected
    }

    /// A refusal that nobody was told of has been given to a caller.
    pub(super) fn refused(&self, rejected: &Rejected) {
        if rejected.by() == self.telemetry.name() {
            self.telemetry.tell_refused(self.kind, rejected);
        }
    }

    #[inline]
    pub(super) fn admitted<G: Gate<Pass: Copy>>(&self, gate: G, pass: G::Pass, weight: u32) {
        self.telemetry.note_admitted(self.kind, gate, pass, weight);
    }

    /// Tells of an ending.
    #[inline]
    pub(super) fn note(&self, what: impl FnOnce() -> What) {
        self.telemetry.note(self.kind, what);
    }

    pub(super) fn tell(&self, what: What) {
        self.telemetry.tell(self.kind, what);
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

#[cfg(all(test, not(any(seawall_loom, seawall_shuttle))))]
mod tests {
    use super::*;

    /// Beside it stand the two counts of its `Arc`, on lines of their own.
    #[test]
    fn a_limit_takes_few_bytes() {
        assert_eq!(size_of::<Slip>(), 256);
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
            let (slip, running) =
                (Arc::new(Slip::new(Kind::ConcurrencyLimit, "model", 2)), Arc::new(AtomicU32::new(0)));
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
