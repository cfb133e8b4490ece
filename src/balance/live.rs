use super::back_off;
use super::calls::{Calls, Reserved, Seen};
use super::latency::{Decay, Latency, Sample};
use super::pick::{Heard, Report, Reported};
use super::streak::Streak;
use crate::class::Class;
use crate::health::Health;
use crate::outlier::{Counted, Ejection, Outliers};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::time::Instant;
use std::time::Duration;

/// What changes at an endpoint while it is used. It belongs to the id, and survives every rebuild.
///
/// On cache lines of its own, apart from what is only read. Each word decides alone, so no order between them
/// is needed: everything is relaxed.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Live {
    calls: Calls,
    streak: AtomicU64,
    latency: AtomicU64,
    /// Failures in a row, and what was counted since the last sweep, where outliers are looked for.
    run: AtomicU32,
    successes: AtomicU32,
    failures: AtomicU32,
    /// Until when it is ejected, in nanoseconds; 0 is not.
    ejected_until: AtomicU64,
    // Guarded: taken only to eject.
    ejection: Mutex<Ejection>,
    health: AtomicU8,
    /// Until when it is out, in nanoseconds; 0 is in.
    out_until: AtomicU64,
    /// Since when it may be called without a break, in nanoseconds.
    ready_since: AtomicU64,
    /// What it has reported of its load, where that is asked for. Apart, because it is seldom looked at.
    // Guarded: taken to report, and once in a while to look.
    reported: Option<Box<Mutex<Option<Heard>>>>,
    gone: AtomicBool,
    serial: u32,
}

impl Live {
    pub(super) fn new(serial: u32, now: Instant, reports: bool) -> Self {
        Self {
            calls: Calls::default(),
            streak: AtomicU64::new(0),
            latency: AtomicU64::new(0),
            run: AtomicU32::new(0),
            successes: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            ejection: Mutex::new(Ejection::default()),
            health: AtomicU8::new(Health::Healthy as u8),
            out_until: AtomicU64::new(0),
            ready_since: AtomicU64::new(now.as_nanos()),
            reported: reports.then(|| Box::new(Mutex::new(None))),
            gone: AtomicBool::new(false),
            serial,
        }
    }

    #[inline]
    pub(super) const fn serial(&self) -> u32 {
        self.serial
    }

    /// The calls in flight, and what is to be known beside them.
    #[inline]
    pub(super) fn look(&self) -> Seen {
        self.calls.look()
    }

    #[inline]
    pub(super) fn in_flight(&self) -> u32 {
        self.look().in_flight()
    }

    /// What the failures of `seen` weigh, if there are any.
    #[inline]
    pub(super) fn failures_weigh(&self, seen: Seen, now: impl FnOnce() -> Instant) -> u32 {
        if seen.is_failing() { self.streak().weight(now()) } else { 0 }
    }

    #[inline]
    pub(super) fn streak(&self) -> Streak {
        Streak::from_word(self.streak.load(Relaxed))
    }

    #[inline]
    pub(super) fn latency(&self) -> Latency {
        Latency::from_word(self.latency.load(Relaxed))
    }

    /// Counts how long a call took.
    #[inline]
    pub(super) fn timed(&self, sample: Sample, now: Instant, decay: Decay) {
        let mut latency = self.latency();
        while let Err(actual) = self.latency.compare_exchange_weak(
            latency.word(),
            latency.sampled(sample, now, decay).word(),
            Relaxed,
            Relaxed,
        ) {
            latency = Latency::from_word(actual);
        }
    }

    /// Whether it could not be reached the last time, has rested, and nobody is trying.
    pub(super) fn is_unready(&self, now: Instant) -> bool {
        let seen = self.look();
        seen.attempts() > 0 && !seen.is_probed() && self.rests_until(now).is_none()
    }

    /// Takes a slot, if there is one below `limit` and nobody else is trying whether it is ready again.
    #[inline]
    pub(super) fn reserve(&self, limit: u32) -> Option<Reserved> {
        self.calls.reserve(limit)
    }

    #[inline]
    pub(super) fn give_back(&self) {
        self.calls.give_back();
    }

    /// A call went so, and its slot comes back. A success at an endpoint without failures does nothing else, and
    /// reads no clock.
    #[inline]
    pub(super) fn settle(&self, class: Class, now: impl FnOnce() -> Instant) {
        if class.is_failure() {
            // Before the slot comes back: in no moment does a failing endpoint look idle.
            self.failed(class, now());
        }
        if self.calls.give_back().is_failing() && class == Class::Success {
            self.recovered();
        }
    }

    #[cold]
    #[inline(never)]
    fn failed(&self, class: Class, now: Instant) {
        let mut streak = self.streak();
        while let Err(actual) = self.streak.compare_exchange_weak(
            streak.word(),
            streak.settled(class, now).word(),
            Relaxed,
            Relaxed,
        ) {
            streak = Streak::from_word(actual);
        }
        self.calls.set_failing();
    }

    #[cold]
    fn recovered(&self) {
        self.calls.clear_failing();
        self.streak.store(Streak::default().word(), Relaxed);
    }

    /// It became ready: whatever failures to do so there were are over.
    #[inline]
    pub(super) fn became_ready(&self) {
        self.calls.became_ready();
    }

    /// It failed to become ready, and rests.
    #[cold]
    pub(super) fn back_off(&self, now: Instant, sample: f64) -> Duration {
        let attempts = self.look().attempts() + 1;
        let rest = back_off::rest(attempts, sample);
        // Out before open to the next one who tries, so that nobody tries in between.
        self.out_until.fetch_max((now + rest).as_nanos(), Relaxed);
        self.calls.set_attempts(attempts);
        rest
    }

    /// The one who tried whether it is ready again left without finding out.
    #[cold]
    pub(super) fn probe_abandoned(&self) {
        self.calls.probe_abandoned();
    }

    /// Until when it rests because it could not be reached, if it does at `now`.
    pub(super) fn rests_until(&self, now: Instant) -> Option<Instant> {
        later(&self.out_until, now)
    }

    /// Until when it is ejected, if it is at `now`.
    #[inline]
    pub(super) fn ejected_until(&self, now: Instant) -> Option<Instant> {
        later(&self.ejected_until, now)
    }

    #[inline]
    pub(super) fn is_ejected(&self, now: Instant) -> bool {
        self.ejected_until(now).is_some()
    }

    /// Until when it is out for whatever reason that passes with time.
    pub(super) fn out_until(&self, now: Instant) -> Option<Instant> {
        self.rests_until(now).max(self.ejected_until(now))
    }

    /// Counts how a call ended, and says how many have failed in a row.
    #[inline]
    pub(super) fn counted(&self, failed: bool) -> u32 {
        if failed {
            self.failures.fetch_add(1, Relaxed);
            return self.run.fetch_add(1, Relaxed).saturating_add(1);
        }
        self.successes.fetch_add(1, Relaxed);
        if self.run.load(Relaxed) != 0 {
            self.run.store(0, Relaxed);
        }
        0
    }

    /// What was counted since this was asked last.
    pub(super) fn take_counted(&self) -> Counted {
        Counted { successes: self.successes.swap(0, Relaxed), failures: self.failures.swap(0, Relaxed) }
    }

    /// Ejects it from `now` on, and says for how long.
    pub(super) fn eject(&self, config: &Outliers, now: Instant) -> Duration {
        let mut ejection = self.ejection.lock();
        *ejection = ejection.again(config, now);
        self.ejected_until.store(ejection.until().as_nanos(), Relaxed);
        ejection.until() - now
    }

    pub(super) fn health(&self) -> Health {
        match self.health.load(Relaxed) {
            word if word == Health::Unhealthy as u8 => Health::Unhealthy,
            word if word == Health::Draining as u8 => Health::Draining,
            word if word == Health::Degraded as u8 => Health::Degraded,
            _ => Health::Healthy,
        }
    }

    /// Sets what is known of its health, and gives out what was.
    pub(super) fn set_health(&self, health: Health) -> Health {
        let before = self.health();
        self.health.store(health as u8, Relaxed);
        before
    }

    /// Whether it was out and its time is up; told once.
    pub(super) fn returns(&self, now: Instant) -> bool {
        let rested = expires(&self.out_until, now);
        let released = expires(&self.ejected_until, now);
        if released {
            self.run.store(0, Relaxed);
            self.take_counted();
        }
        let returns = (rested || released) && self.out_until(now).is_none();
        if returns {
            self.ready_again(now);
        }
        returns
    }

    /// It may be called again from `now` on, and warms up anew.
    pub(super) fn ready_again(&self, now: Instant) {
        self.ready_since.store(now.as_nanos(), Relaxed);
    }

    pub(super) fn ready_since(&self) -> Instant {
        Instant::from_nanos(self.ready_since.load(Relaxed))
    }

    /// Ends the rest after a connection that failed; `false` if there is none.
    pub(super) fn reached(&self, now: Instant) -> bool {
        let until = self.out_until.load(Relaxed);
        let rests = until > now.as_nanos()
            && self.out_until.compare_exchange(until, now.as_nanos(), Relaxed, Relaxed).is_ok();
        if rests {
            self.became_ready();
        }
        rests
    }

    /// Ends an ejection; `false` if there is none.
    pub(super) fn uneject(&self, now: Instant) -> bool {
        let until = self.ejected_until.load(Relaxed);
        until > now.as_nanos()
            && self.ejected_until.compare_exchange(until, now.as_nanos(), Relaxed, Relaxed).is_ok()
    }

    /// Hears what it reports.
    pub(super) fn hear(&self, rules: Reported, report: Report, now: Instant) {
        if let Some(reported) = &self.reported {
            let mut heard = reported.lock();
            *heard = rules.heard(*heard, report, now);
        }
    }

    /// What it has reported.
    pub(super) fn heard(&self) -> Option<Heard> {
        self.reported.as_ref().and_then(|reported| *reported.lock())
    }

    #[inline]
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    pub(super) fn set_gone(&self, gone: bool) {
        self.gone.store(gone, Relaxed);
    }
}

/// The time in `word`, if it is later than `now`.
#[inline]
fn later(word: &AtomicU64, now: Instant) -> Option<Instant> {
    let until = Instant::from_nanos(word.load(Relaxed));
    (until > now).then_some(until)
}

/// Whether the time in `word` has come; it is taken out, so that one caller hears it.
fn expires(word: &AtomicU64, now: Instant) -> bool {
    let until = word.load(Relaxed);
    until != 0 && until <= now.as_nanos() && word.compare_exchange(until, 0, Relaxed, Relaxed).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fills_its_own_lines_and_no_more() {
        assert_eq!((size_of::<Live>(), align_of::<Live>()), (128, 128));
    }

    #[test]
    fn after_a_rest_one_of_many_tries() {
        let live = Live::new(1, Instant::ZERO, false);
        let now = Instant::from_nanos(1);
        let rest = live.back_off(now, 0.5);
        assert_eq!(rest, Duration::from_millis(100));
        assert_eq!(live.out_until(now), Some(now + rest));
        assert!(live.returns(now + rest) && !live.returns(now + rest), "told once");
        assert_eq!(live.reserve(9), Some(Reserved { probe: true }));
        assert!(live.look().is_probed());
        assert_eq!((live.reserve(9), live.in_flight()), (None, 1));
        live.probe_abandoned();
        assert_eq!(live.reserve(9), Some(Reserved { probe: true }));
        live.became_ready();
        assert_eq!(live.reserve(9), Some(Reserved { probe: false }));
        // Nothing is left of it: the next rest is a first one.
        assert_eq!(live.back_off(now, 0.5), rest);
    }
}
