use crate::time::Instant;
use std::time::Duration;

/// The attempts of one call: how many have started, and when the next is due.
#[derive(Debug)]
pub(super) struct Race {
    started: u32,
    left: u32,
    next: Next,
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Nobody has asked yet.
    Unset,
    /// At a time for which a timer is set; or not by time at all.
    Later,
    /// An attempt failed.
    Hurried,
    /// At once.
    Now,
}

impl Race {
    /// The first attempt has started; there may be so many more.
    #[inline]
    pub(super) const fn new(further: u32) -> Self {
        Self { started: 1, left: further, next: Next::Unset }
    }

    /// Whether the delay has to be known.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.next, Next::Unset | Next::Hurried)
    }

    pub(super) fn is_due(&self) -> bool {
        self.next == Next::Now
    }

    /// The next attempt is due `delay` from now, or at once if one has failed: the time for a timer, unless it is at once or would be too late.
    pub(super) fn set(&mut self, now: Instant, delay: Duration, deadline: Instant) -> Option<Instant> {
        let at = now + delay;
        let at_once = self.next == Next::Hurried || delay.is_zero();
        self.next = if at_once { Next::Now } else { Next::Later };
        (self.next == Next::Later && at < deadline).then_some(at)
    }

    /// An attempt failed: the next is due at once.
    pub(super) const fn hurry(&mut self) {
        self.next = Next::Hurried;
    }

    /// The next attempt starts: its number.
    pub(super) const fn start(&mut self) -> u32 {
        self.started += 1;
        self.left = self.left.saturating_sub(1);
        self.next = Next::Unset;
        self.started
    }

    pub(super) const fn may_go_on(&self) -> bool {
        self.left > 0
    }
}

/// What to answer if no attempt wins: the last real result, else the first refusal.
#[derive(Debug)]
pub(super) enum Best<T, E> {
    None,
    Refusal(Result<T, E>),
    Real(Result<T, E>),
}

impl<T, E> Best<T, E> {
    pub(super) fn real(&mut self, result: Result<T, E>) {
        *self = Self::Real(result);
    }

    pub(super) fn refusal(&mut self, result: Result<T, E>) {
        if let Self::None = self {
            *self = Self::Refusal(result);
        }
    }

    pub(super) fn take(&mut self) -> Option<Result<T, E>> {
        match std::mem::replace(self, Self::None) {
            Self::None => None,
            Self::Refusal(result) | Self::Real(result) => Some(result),
        }
    }
}
