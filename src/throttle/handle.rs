use super::odds::{Config, Odds};
use super::window::{Slice, Window};
use crate::chance::Chance;
use crate::class::Class;
use crate::error::{Reason, Rejected};
use crate::gate::{Admit, Gate, Now, verbs};
use crate::ratio::Ratio;
use crate::sync::Padded;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Refuses calls on its own before the peer has to, as many as it lately would have.
///
/// Clones share the counts.
///
/// # Examples
///
/// ```
/// use seawall::{Class, Throttle, throttle::Config};
///
/// let throttle = Throttle::new("payments", Config::new());
/// let mut passed = 0;
/// for _ in 0..1000 {
///     if let Ok(permit) = throttle.try_acquire() {
///         passed += 1;
///         permit.settle(Class::Overload(None)); // the peer refuses everything
///     }
/// }
/// assert!((60..250).contains(&passed));
/// ```
#[derive(Clone)]
pub struct Throttle(Arc<Shared>);

struct Shared {
    window: Padded<Window>,
    // The odds, each part whole in itself.
    k: AtomicU64,
    max: AtomicU64,
    min_calls: AtomicU32,
    telemetry: Telemetry,
}

verbs!(Throttle, "use seawall::{Throttle, throttle::Config};", "Throttle::new(\"payments\", Config::new())");

impl Throttle {
    /// A throttle for one peer.
    ///
    /// ```
    /// use seawall::{Throttle, throttle::Config};
    /// assert!(Throttle::new("payments", Config::new()).try_acquire().is_ok());
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, config: Config) -> Self {
        let Odds { k, min_calls, max } = config.odds;
        Self(Arc::new(Shared {
            window: Padded(Window::new(config.over)),
            k: AtomicU64::new(word(k)),
            max: AtomicU64::new(word(max)),
            min_calls: AtomicU32::new(min_calls),
            telemetry: telemetry.into(),
        }))
    }

    /// Changes when it refuses, for calls to come. A window of another length forgets what was counted before.
    ///
    /// ```
    /// use seawall::{Ratio, Throttle, throttle::Config};
    /// let throttle = Throttle::new("payments", Config::new());
    /// throttle.set(Config::new().max(Ratio::ZERO)); // off
    /// ```
    pub fn set(&self, config: Config) {
        let Odds { k, min_calls, max } = config.odds;
        self.0.k.store(word(k), Relaxed);
        self.0.max.store(word(max), Relaxed);
        self.0.min_calls.store(min_calls, Relaxed);
        self.0.window.set(config.over);
    }

    /// The chance with which the next call is refused.
    ///
    /// ```
    /// use seawall::{Throttle, throttle::Config};
    /// assert_eq!(Throttle::new("payments", Config::new()).refusal(), 0.0);
    /// ```
    #[must_use]
    pub fn refusal(&self) -> f64 {
        self.refusal_at(Instant::now())
    }

    /// [`refusal`](Self::refusal) at a time that the caller already holds.
    ///
    /// ```
    /// use seawall::{Instant, Throttle, throttle::Config};
    /// assert_eq!(Throttle::new("payments", Config::new()).refusal_at(Instant::ZERO), 0.0);
    /// ```
    #[must_use]
    pub fn refusal_at(&self, now: Instant) -> f64 {
        let (requests, accepts) = self.0.window.counts(self.0.window.slice(now));
        self.odds().refusal(requests, accepts)
    }

    #[inline]
    fn odds(&self) -> Odds {
        Odds {
            k: ratio(self.0.k.load(Relaxed)),
            min_calls: self.0.min_calls.load(Relaxed),
            max: ratio(self.0.max.load(Relaxed)),
        }
    }

    #[cold]
    #[inline(never)]
    fn refuse(&self) -> Rejected {
        let rejected = Rejected::new(self.0.telemetry.name(), Reason::Throttled);
        self.refused(&rejected);
        rejected
    }
}

/// What a call must remember: in which slice of time it was counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted(Slice);

impl Gate for Throttle {
    type Pass = Counted;

    fn refused(&self, rejected: &Rejected) {
        if rejected.by() == self.0.telemetry.name() {
            self.0.telemetry.tell(Kind::Throttle, What::Refused(*rejected));
        }
    }

    #[inline]
    fn settle(&self, Counted(slice): Counted, class: Class, _: &mut Now) {
        if matches!(class, Class::Success | Class::Neutral | Class::Permanent) {
            self.0.window.accept(slice);
        }
        self.0.telemetry.note(Kind::Throttle, || What::Settled(class));
    }

    #[inline]
    fn release(&self, Counted(slice): Counted) {
        self.0.window.take_back(slice);
        self.0.telemetry.note(Kind::Throttle, || What::Released);
    }

    #[inline]
    fn abandon(&self, Counted(slice): Counted) {
        self.0.window.take_back(slice);
        self.0.telemetry.note(Kind::Throttle, || What::Abandoned);
    }
}

impl<Req: ?Sized> Admit<Req> for Throttle {
    #[inline]
    fn admit(&self, _: &Req, now: &mut Now) -> Result<Counted, Rejected> {
        let slice = self.0.window.slice(now.get());
        let (requests, accepts) = self.0.window.counts(slice);
        let counted = Counted(self.0.window.request(slice));
        let refusal = self.odds().refusal(requests, accepts);
        // A refusal of our own is a request, too: it stays counted.
        if refusal > 0.0 && Chance::new().sample() < refusal {
            return Err(self.refuse());
        }
        self.0.telemetry.note_admitted(Kind::Throttle, self, counted, 1);
        Ok(counted)
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("name", &self.0.telemetry.name())
            .field("odds", &self.odds())
            .finish_non_exhaustive()
    }
}

fn word(ratio: Ratio) -> u64 {
    u64::from(ratio.parts()) << 32 | u64::from(ratio.whole().get())
}

#[inline]
fn ratio(word: u64) -> Ratio {
    Ratio::of((word >> 32) as u32, NonZeroU32::new(word as u32).unwrap_or(NonZeroU32::MIN))
}
