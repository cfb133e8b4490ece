use super::live::Live;
use super::member::Common;
use crate::outlier::{Outliers, may_eject, outliers};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::telemetry::Outage;
use crate::time::{Instant, nanos};
use std::sync::Arc;
use std::time::Duration;

/// Finds outliers in the calls that are settled, and ejects them.
///
/// A call that goes well costs one count and the reading of the clock that the marks need. The lock is taken only to
/// eject, and once in each interval to compare.
#[derive(Debug)]
pub(super) struct Watch {
    config: Outliers,
    /// The next mark at which to compare, in nanoseconds. Marks are fixed from the start on.
    mark: AtomicU64,
    // Guarded: who is there, in the order of ids. So only one at a time counts who is ejected, and ejects.
    members: Mutex<Vec<Arc<Live>>>,
}

const SHORTEST: Duration = Duration::from_millis(1);

impl Watch {
    pub(super) fn new(config: Outliers, now: Instant) -> Self {
        let config = config.interval(config.interval.max(SHORTEST));
        let mark = AtomicU64::new((now + config.interval).as_nanos());
        Self { config, mark, members: Mutex::new(Vec::new()) }
    }

    pub(super) const fn slow(&self) -> Option<Duration> {
        self.config.slow
    }

    /// Who is there has changed.
    pub(super) fn set_members(&self, members: Vec<Arc<Live>>) {
        let before = std::mem::replace(&mut *self.members.lock(), members);
        drop(before);
    }

    /// A call at `live` ended, well or not.
    #[inline]
    pub(super) fn ended(&self, common: &Common, live: &Live, failed: bool, now: Instant) {
        if !live.is_ejected(now) {
            let run = live.counted(failed);
            if failed && self.config.run > 0 && run >= self.config.run {
                self.eject(common, live, now);
            }
        }
        if now.as_nanos() >= self.mark.load(Relaxed) {
            self.sweep(common, now);
        }
    }

    /// Compares if it is time to, though no call has ended since; and says when it is next.
    pub(super) fn tend(&self, common: &Common, now: Instant) -> Instant {
        if now.as_nanos() >= self.mark.load(Relaxed) {
            self.sweep(common, now);
        }
        Instant::from_nanos(self.mark.load(Relaxed))
    }

    #[cold]
    #[inline(never)]
    fn eject(&self, common: &Common, live: &Live, now: Instant) {
        let members = self.members.lock();
        let rest = self.try_eject(&members, live, now);
        drop(members);
        if let Some(rest) = rest {
            common.went_out(live.serial(), Outage::Ejected, rest);
        }
    }

    fn try_eject(&self, members: &[Arc<Live>], live: &Live, now: Instant) -> Option<Duration> {
        let ejected = members.iter().filter(|member| member.is_ejected(now)).count();
        let allowed =
            !live.is_gone() && !live.is_ejected(now) && may_eject(ejected, members.len(), self.config.most);
        allowed.then(|| live.eject(&self.config, now))
    }

    /// Compares what was counted since the last mark; the first to come after the mark does.
    #[cold]
    #[inline(never)]
    fn sweep(&self, common: &Common, now: Instant) {
        let mark = self.mark.load(Relaxed);
        let interval = nanos(self.config.interval);
        let passed = now.as_nanos().saturating_sub(mark) / interval + 1;
        let next = mark.saturating_add(interval.saturating_mul(passed));
        if now.as_nanos() < mark || self.mark.compare_exchange(mark, next, Relaxed, Relaxed).is_err() {
            return;
        }
        let members = self.members.lock();
        let judged: Vec<_> = members.iter().filter(|member| !member.is_ejected(now)).collect();
        let counted: Vec<_> = judged.iter().map(|member| member.take_counted()).collect();
        let found = outliers(&self.config, &counted).into_iter().map(|index| judged[index]);
        let out: Vec<_> =
            found.filter_map(|live| Some((live.serial(), self.try_eject(&members, live, now)?))).collect();
        drop(members);
        for (serial, rest) in out {
            common.went_out(serial, Outage::Ejected, rest);
        }
    }
}
