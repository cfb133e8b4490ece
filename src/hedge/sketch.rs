use crate::ratio::Ratio;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::time::{Instant, nanos};
use std::time::Duration;

/// How long the calls of the last minute took: a live quantile in less than 4 KiB.
///
/// Each power of two from 8 µs to 137 s is cut into 20 cells, so what is read is never below the nearest-rank
/// quantile and at most 5 % above it; shorter ones count as 8 µs, longer ones as for ever. There are two turns of
/// 30 s each: the last one full, and the one under way.
///
/// A sample is one read-modify-write. At the change of turns, samples that arrive while the old cells are being
/// emptied may be lost; nothing is decided by so few.
#[derive(Debug)]
pub(super) struct Sketch {
    // The number of the turn under way.
    turn: AtomicU64,
    cells: [[AtomicU32; CELLS]; 2],
}

const TURN: u64 = 30_000_000_000;
/// 2¹³ ns and 2³⁷ ns.
const LOWEST: u32 = 13;
const HIGHEST: u32 = 37;
/// The first of 20 is a twentieth wider than where it starts: 5 %.
const PER_OCTAVE: u64 = 20;
// One more for all that is longer.
const CELLS: usize = ((HIGHEST - LOWEST) as usize) * PER_OCTAVE as usize + 1;

impl Sketch {
    pub(super) fn new() -> Self {
        let cells = || std::array::from_fn(|_| AtomicU32::new(0));
        Self { turn: AtomicU64::new(0), cells: [cells(), cells()] }
    }

    /// A call that took so long has ended now.
    pub(super) fn record(&self, took: Duration, now: Instant) {
        let turn = self.turn(now);
        self.cells[(turn % 2) as usize][cell(nanos(took))].fetch_add(1, Relaxed);
    }

    /// How long at most that share of the calls took, if there are at least so many.
    pub(super) fn quantile(&self, share: Ratio, min_samples: u32, now: Instant) -> Option<Duration> {
        self.turn(now);
        let count = |cell: usize| {
            u64::from(self.cells[0][cell].load(Relaxed)) + u64::from(self.cells[1][cell].load(Relaxed))
        };
        let samples: u64 = (0..CELLS).map(count).sum();
        if samples == 0 || samples < u64::from(min_samples) {
            return None;
        }
        let mut below = 0;
        let reaches = |cell: &usize| {
            below += count(*cell);
            // The nearest rank: the first value that at least this share does not exceed.
            below > 0 && share.is_reached(below, samples)
        };
        Some(upper((0..CELLS).find(reaches).unwrap_or(CELLS - 1)))
    }

    /// The turn under way, after emptying what is older than the last.
    #[inline]
    fn turn(&self, now: Instant) -> u64 {
        let (turn, known) = (now.as_nanos() / TURN, self.turn.load(Relaxed));
        if turn > known {
            self.roll(known, turn);
        }
        turn.max(known)
    }

    #[cold]
    fn roll(&self, known: u64, turn: u64) {
        if self.turn.compare_exchange(known, turn, Relaxed, Relaxed).is_err() {
            return; // another is at it
        }
        let empty = |turn: u64| {
            for cell in &self.cells[(turn % 2) as usize] {
                cell.store(0, Relaxed);
            }
        };
        empty(turn);
        if turn - known > 1 {
            empty(turn + 1);
        }
    }
}

/// The cell of a duration.
#[inline]
const fn cell(nanos: u64) -> usize {
    if nanos < 1 << LOWEST {
        return 0;
    }
    let octave = nanos.ilog2();
    if octave >= HIGHEST {
        return CELLS - 1;
    }
    let within = ((nanos - (1 << octave)) * PER_OCTAVE) >> octave;
    ((octave - LOWEST) as u64 * PER_OCTAVE + within) as usize
}

/// The longest duration of a cell.
const fn upper(cell: usize) -> Duration {
    if cell == CELLS - 1 {
        return Duration::MAX;
    }
    let (octave, within) = (LOWEST + (cell as u64 / PER_OCTAVE) as u32, cell as u64 % PER_OCTAVE);
    Duration::from_nanos((1 << octave) + (((within + 1) << octave).div_ceil(PER_OCTAVE) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_fits_four_kibibytes() {
        assert!(size_of::<Sketch>() <= 4096, "{}", size_of::<Sketch>());
    }

    proptest! {
        #[test]
        fn twin_the_quantile_is_never_below_the_nearest_rank_and_hardly_above(
            mut samples in prop::collection::vec(8_192u64..100_000_000_000, 1..300),
            percent in 1u32..=100,
        ) {
            let sketch = Sketch::new();
            for took in &samples {
                sketch.record(Duration::from_nanos(*took), Instant::ZERO);
            }
            samples.sort_unstable();
            let rank = (samples.len() as u64 * u64::from(percent)).div_ceil(100) as usize;
            let exact = Duration::from_nanos(samples[rank - 1]);
            let read = sketch.quantile(Ratio::percent(percent), 1, Instant::ZERO).unwrap();
            prop_assert!(read >= exact && read <= exact.mul_f64(1.05), "{read:?} for {exact:?}");
        }
    }

    #[test]
    fn a_sample_is_forgotten_after_one_to_two_turns() {
        let at = |secs: u64| Instant::from_nanos(secs * 1_000_000_000);
        let sketch = Sketch::new();
        sketch.record(Duration::from_millis(5), at(1_000));
        let known = |secs| sketch.quantile(Ratio::ONE, 1, at(secs)).is_some();
        assert!(known(1_000) && known(1_020) && known(1_045));
        assert!(!known(1_051));
        sketch.record(Duration::from_millis(5), at(1_059));
        assert!(known(1_079));
        assert!(!known(10_000));
    }

    #[test]
    fn what_is_too_short_or_too_long_for_the_cells_is_rounded_up() {
        let sketch = Sketch::new();
        sketch.record(Duration::ZERO, Instant::ZERO);
        assert!(sketch.quantile(Ratio::ONE, 1, Instant::ZERO).unwrap() < Duration::from_micros(9));
        sketch.record(Duration::MAX, Instant::ZERO);
        assert_eq!(sketch.quantile(Ratio::ONE, 1, Instant::ZERO), Some(Duration::MAX));
        assert_eq!(sketch.quantile(Ratio::ZERO, 3, Instant::ZERO), None);
    }
}
