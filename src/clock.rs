//! The one place that reads a clock or arms a timer.
//!
//! Both are tokio's: a paused runtime freezes them together, and outside a runtime the clock is the
//! operating system's monotonic one. A hardware counter would be cheaper and is not monotonic across
//! cores on every machine, so it is not offered.

#![expect(clippy::disallowed_methods, reason = "this is the file that the ban points to")]

use crate::time::{Instant, nanos};
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::Duration;

/// A paused runtime shows the time at which it was paused, which may lie before our first reading;
/// a zero that lies an hour back keeps every such reading above zero.
const SLACK: Duration = Duration::from_secs(3600);

static ZERO: LazyLock<tokio::time::Instant> = LazyLock::new(|| {
    let now = std::time::Instant::now();
    tokio::time::Instant::from_std(now.checked_sub(SLACK).unwrap_or(now))
});

impl Instant {
    /// Reads the clock.
    ///
    /// Inside a tokio runtime whose time is paused this is the paused time; everywhere else it is the
    /// monotonic clock of the operating system. No runtime is needed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use seawall::Instant;
    /// use std::time::Duration;
    ///
    /// let before = Instant::now();
    /// tokio::time::advance(Duration::from_secs(3)).await;
    /// assert_eq!(Instant::now() - before, Duration::from_secs(3));
    /// # }
    /// ```
    #[must_use]
    #[inline]
    pub fn now() -> Self {
        Self::from_nanos(nanos(tokio::time::Instant::now().saturating_duration_since(*ZERO)))
    }
}

pin_project_lite::pin_project! {
    /// A timer that may be armed, moved and disarmed in place; unarmed it costs nothing and never fires.
    #[derive(Debug, Default)]
    pub(crate) struct Timer {
        #[pin]
        sleep: Option<tokio::time::Sleep>,
    }
}

impl Timer {
    pub(crate) const fn unarmed() -> Self {
        Self { sleep: None }
    }

    pub(crate) const fn is_armed(&self) -> bool {
        self.sleep.is_some()
    }

    /// Arms the timer for `at`, whether or not it was armed before. Further off than time can hold is never.
    pub(crate) fn arm(self: Pin<&mut Self>, at: Instant) {
        let mut this = self.project();
        let Some(at) =
            (at < Instant::MAX).then(|| ZERO.checked_add(Duration::from_nanos(at.as_nanos()))).flatten()
        else {
            this.sleep.set(None);
            return;
        };
        match this.sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.reset(at),
            None => this.sleep.set(Some(tokio::time::sleep_until(at))),
        }
    }

    pub(crate) fn disarm(self: Pin<&mut Self>) {
        self.project().sleep.set(None);
    }

    /// Ready once the armed time has come; an unarmed timer is pending and wakes nobody.
    pub(crate) fn poll_fired(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().sleep.as_pin_mut().map_or(Poll::Pending, |sleep| sleep.poll(cx))
    }
}
