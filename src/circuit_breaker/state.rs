use super::trip::Cause;
use std::fmt;
use std::time::Duration;

/// In which state a circuit is.
///
/// Exhaustive on purpose: a state more would be news to whoever shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Admitting, and watching.
    Closed,
    /// Refusing for a time.
    Open,
    /// Admitting a few probes.
    HalfOpen,
    /// Admitting a growing share.
    Ramping,
    /// Refusing until somebody says otherwise.
    #[doc(alias = "isolated")]
    ForcedOpen,
    /// Admitting and counting nothing until somebody says otherwise.
    #[doc(alias = "disabled")]
    ForcedClosed,
    /// Admitting, watching, and only telling when it would have opened.
    #[doc(alias = "metrics_only")]
    #[doc(alias = "shadow")]
    ObserveOnly,
}

impl State {
    /// All states, each once: for a gauge that is 1 on one of them and 0 on the rest.
    pub const ALL: [Self; 7] = [
        Self::Closed,
        Self::Open,
        Self::HalfOpen,
        Self::Ramping,
        Self::ForcedOpen,
        Self::ForcedClosed,
        Self::ObserveOnly,
    ];

    /// The state as metrics and logs spell it.
    ///
    /// ```
    /// assert_eq!(seawall::circuit_breaker::State::HalfOpen.as_str(), "half_open");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Ramping => "ramping",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
            Self::ObserveOnly => "observe_only",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a [`Circuit`](super::Circuit) refuses a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denied {
    /// Open.
    Open {
        /// For so long still.
        retry_after: Duration,
    },
    /// Half-open, and all probes are out: they end when they end.
    ProbesTaken,
    /// Ramping, and this call drew the other lot.
    Ramping,
    /// Opened by hand.
    ForcedOpen,
}

/// What happened to a circuit.
///
/// Non-exhaustive: there may be more to tell one day.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Turn {
    /// It opened.
    Opened {
        /// Why.
        cause: Cause,
        /// For how long.
        period: Duration,
        /// Failures held then; bad ones, if it was the probes.
        failures: u64,
        /// Slow calls held then, and those overdue.
        slow: u64,
        /// Results held then.
        recorded: u64,
    },
    /// It lets probes through.
    HalfOpened,
    /// It lets a growing share through.
    Ramping,
    /// It closed.
    Closed,
    /// It was forced into a state by hand.
    Forced(State),
    /// It was emptied by hand.
    Reset,
    /// It only observes, and would have opened.
    WouldOpen {
        /// Why.
        cause: Cause,
    },
}

impl Turn {
    /// The state after it, if it changed the state.
    ///
    /// ```
    /// use seawall::circuit_breaker::{State, Turn};
    /// assert_eq!(Turn::HalfOpened.state(), Some(State::HalfOpen));
    /// assert_eq!(Turn::Reset.state(), None);
    /// ```
    #[must_use]
    pub const fn state(&self) -> Option<State> {
        match self {
            Self::Opened { .. } => Some(State::Open),
            Self::HalfOpened => Some(State::HalfOpen),
            Self::Ramping => Some(State::Ramping),
            Self::Closed => Some(State::Closed),
            Self::Forced(state) => Some(*state),
            Self::Reset | Self::WouldOpen { .. } => None,
        }
    }
}

/// What happened in one act, in order: two turns at most.
///
/// ```
/// use seawall::circuit_breaker::{Circuit, Config, Turn, Turns};
/// use seawall::{Class, Instant};
///
/// let (mut circuit, mut turns) = (Circuit::new(Config::new(), Instant::ZERO), Turns::default());
/// circuit.reset(&mut turns);
/// assert_eq!(turns.drain().collect::<Vec<_>>(), [Turn::Reset]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turns([Option<Turn>; 2]);

impl Turns {
    /// Takes them out.
    pub fn drain(&mut self) -> impl Iterator<Item = Turn> + use<> {
        std::mem::take(&mut self.0).into_iter().flatten()
    }

    /// Whether nothing happened.
    ///
    /// ```
    /// assert!(seawall::circuit_breaker::Turns::default().is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    /// Turns that nobody drains give way to the newest.
    pub(super) const fn push(&mut self, turn: Turn) {
        match self.0 {
            [None, _] => self.0[0] = Some(turn),
            [_, None] => self.0[1] = Some(turn),
            [_, second] => self.0 = [second, Some(turn)],
        }
    }
}
