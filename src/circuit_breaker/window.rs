use crate::stats::{LastN, Slices, Tally};
use crate::time::Instant;
use std::time::Duration;

/// Over which calls a [`Trip`](super::Trip) is judged.
///
/// # Examples
///
/// ```
/// use seawall::circuit_breaker::Window;
/// use std::time::Duration;
///
/// let last_hundred = Window::calls(100);
/// let last_minute = Window::time(Duration::from_secs(60)).slices(6);
/// # let _ = (last_hundred, last_minute);
/// ```
///
/// # Memory
///
/// A call window keeps one bit a call; a time window two counters a slice, however many calls it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Calls(u32),
    Time { length: Duration, slices: u32 },
}

/// Ten slices forget a tenth of the window at a time: fine enough not to jump, and cheap to keep.
const SLICES: u32 = 10;

impl Window {
    /// The last `n` recorded results, truly sliding: each new one pushes the oldest out. 1 to 65 536; a
    /// number outside is read as the nearest.
    ///
    /// ```
    /// use seawall::circuit_breaker::Window;
    /// assert_eq!(Window::calls(0), Window::calls(1));
    /// ```
    #[must_use]
    pub const fn calls(n: u32) -> Self {
        Self(Kind::Calls(clamp(n, 1, 65_536)))
    }

    /// The results of the last `length`, in ten slices. It holds the slice of now and those before it: at
    /// most the last `length` (rounded up to whole slices), always more than that less one slice.
    ///
    /// ```
    /// use seawall::circuit_breaker::Window;
    /// use std::time::Duration;
    /// let window = Window::time(Duration::from_secs(30));
    /// assert_eq!(window, window.slices(10));
    /// ```
    #[must_use]
    pub const fn time(length: Duration) -> Self {
        Self(Kind::Time { length, slices: SLICES })
    }

    /// In how many slices a time window moves on: 2 to 60; a number outside is read as the nearest. More
    /// slices forget more evenly. A call window has none.
    ///
    /// ```
    /// use seawall::circuit_breaker::Window;
    /// use std::time::Duration;
    /// let window = Window::time(Duration::from_secs(60)).slices(6); // ten seconds each
    /// # let _ = window;
    /// ```
    #[must_use]
    pub const fn slices(self, slices: u32) -> Self {
        match self.0 {
            Kind::Calls(_) => self,
            Kind::Time { length, .. } => Self(Kind::Time { length, slices: clamp(slices, 2, 60) }),
        }
    }

    /// The least number of calls that can be asked for: a call window never holds more than its length.
    pub(super) const fn min_calls(self, asked: u32) -> u64 {
        match self.0 {
            Kind::Calls(n) if n < asked => n as u64,
            Kind::Calls(_) | Kind::Time { .. } => asked as u64,
        }
    }
}

impl Default for Window {
    /// The last 30 seconds.
    fn default() -> Self {
        Self::time(Duration::from_secs(30))
    }
}

const fn clamp(n: u32, min: u32, max: u32) -> u32 {
    if n < min {
        min
    } else if n > max {
        max
    } else {
        n
    }
}

/// What a [`Window`] holds.
#[derive(Clone, Debug)]
pub(super) struct History {
    window: Window,
    kept: Kept,
}

#[derive(Clone, Debug)]
enum Kept {
    Calls(LastN),
    Time(Slices),
}

impl History {
    pub(super) fn new(window: Window) -> Self {
        let kept = match window.0 {
            Kind::Calls(n) => Kept::Calls(LastN::new(n)),
            Kind::Time { length, slices } => Kept::Time(Slices::new(length, slices)),
        };
        Self { window, kept }
    }

    pub(super) const fn window(&self) -> Window {
        self.window
    }

    pub(super) fn record(&mut self, now: Instant, marked: bool) {
        match &mut self.kept {
            Kept::Calls(last) => last.push(marked),
            Kept::Time(slices) => slices.record(now, Tally::one(marked)),
        }
    }

    /// Enters as many unmarked results, all in the slice of `now`.
    pub(super) fn record_unmarked(&mut self, now: Instant, count: u64) {
        match &mut self.kept {
            Kept::Calls(last) => last.push_unmarked(count),
            Kept::Time(slices) => slices.record(now, Tally::unmarked(count)),
        }
    }

    pub(super) fn advance(&mut self, now: Instant) {
        if let Kept::Time(slices) = &mut self.kept {
            slices.advance(now);
        }
    }

    /// What is held after [`advance`](Self::advance).
    pub(super) const fn tally(&self) -> Tally {
        match &self.kept {
            Kept::Calls(last) => last.tally(),
            Kept::Time(slices) => slices.tally(),
        }
    }

    /// What would be held at `now`; nothing moves.
    pub(super) fn tally_at(&self, now: Instant) -> Tally {
        match &self.kept {
            Kept::Calls(last) => last.tally(),
            Kept::Time(slices) => slices.tally_at(now),
        }
    }

    /// Until when one more unmarked result may be entered at any time from now on with the same effect.
    pub(super) const fn quiet_until(&self) -> Instant {
        match &self.kept {
            Kept::Calls(_) => Instant::MAX,
            Kept::Time(slices) => slices.slice_end(),
        }
    }

    /// How many unmarked results fill it to the brim, if that is ever so.
    pub(super) const fn brim(&self) -> Option<u32> {
        match self.window.0 {
            Kind::Calls(n) => Some(n),
            Kind::Time { .. } => None,
        }
    }

    pub(super) fn clear(&mut self) {
        match &mut self.kept {
            Kept::Calls(last) => last.clear(),
            Kept::Time(slices) => slices.clear(),
        }
    }
}
