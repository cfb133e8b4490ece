use super::algorithm::Advice;
use super::moving::Moving;
use crate::time::{Instant, nanos};
use std::time::Duration;

/// When the time of an unloaded call was last sure, and whether it is being looked for anew.
///
/// From within, a long jam cannot be told from a slow peer. So a reference that nothing has confirmed for some time is probed:
/// for one window the limit is halved, the peer can work its queue off, and that window's mean is the new reference (as BBR
/// probes its RTT).
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) age: Duration,
    /// Nanoseconds between which a reference is believed.
    pub(super) trusted: (f64, f64),
    /// In no hurry before the first time.
    sure: Instant,
    on: bool,
}

impl Probe {
    /// A probe costs half the limit for about 0.1 s in 30.
    pub(super) const fn new() -> Self {
        Self { age: Duration::from_secs(30), trusted: (0.0, f64::MAX), sure: Instant::MAX, on: false }
    }

    pub(super) const fn between(mut self, least: Duration, most: Duration) -> Self {
        self.trusted = (nanos(least) as f64, nanos(most) as f64);
        self
    }

    /// A mean as a reference.
    pub(super) const fn trust(self, rtt: f64) -> f64 {
        rtt.max(self.trusted.0).min(self.trusted.1)
    }

    pub(super) const fn is_on(self) -> bool {
        self.on
    }

    pub(super) const fn confirm(&mut self, now: Instant) {
        (self.sure, self.on) = (now, false);
    }

    /// The limit, or half of it to probe at.
    pub(super) fn advise(&mut self, limit: Moving, now: Instant) -> Advice {
        self.on |= now - self.sure >= self.age;
        if self.on { Advice::Probe(limit.half()) } else { Advice::Limit(limit.whole()) }
    }
}

/// The setters of every algorithm that goes by a reference.
macro_rules! probes {
    ($algorithm:ident) => {
        impl $algorithm {
            /// How much of each step counts; more than all of it is all of it.
            ///
            /// ```
            #[doc = concat!("use seawall::{Ratio, concurrency::", stringify!($algorithm), "};")]
            #[doc = concat!("let halfway = ", stringify!($algorithm), "::new().smoothing(Ratio::percent(50));")]
            /// # let _ = halfway;
            /// ```
            #[must_use]
            pub const fn smoothing(mut self, share: Ratio) -> Self {
                self.smoothing = share;
                self
            }

            /// How long the time of an unloaded call is believed once no window confirms it any more.
            ///
            /// ```
            #[doc = concat!("let restless = seawall::concurrency::", stringify!($algorithm), "::new()")]
            ///     .baseline_age(std::time::Duration::from_secs(10));
            /// # let _ = restless;
            /// ```
            #[must_use]
            pub const fn baseline_age(mut self, age: Duration) -> Self {
                self.probe.age = age;
                self
            }

            /// Keeps the time of an unloaded call within what is known of the peer.
            ///
            /// ```
            /// use std::time::Duration;
            #[doc = concat!("let informed = seawall::concurrency::", stringify!($algorithm), "::new()")]
            ///     .baseline_between(Duration::from_millis(5), Duration::from_millis(20));
            /// # let _ = informed;
            /// ```
            #[must_use]
            pub const fn baseline_between(mut self, least: Duration, most: Duration) -> Self {
                self.probe = self.probe.between(least, most);
                self
            }
        }
    };
}
pub(super) use probes;
