use crate::error::{Fault, Seen};

/// Makes the copies of a request that later attempts are made with.
///
/// Functions and closures `Fn(&Req) -> Option<Req>` are replays; [`Cloned`] clones; HTTP requests have their own
/// in the `http` module. A copy is asked for before an attempt that may be followed by another, never before the
/// last one permitted. `None` means exactly this one attempt, untouched.
///
/// # Examples
///
/// ```
/// use seawall::retry::{Plan, Retry};
///
/// struct Job { idempotent: bool, body: Vec<u8> }
///
/// let retry = Retry::new("jobs", Plan::new()).replay(|job: &Job| {
///     job.idempotent.then(|| Job { idempotent: true, body: job.body.clone() })
/// });
/// # let _ = retry;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` makes no copies of requests of type `{Req}`",
    label = "a further attempt needs a copy of the request",
    note = "`Clone` requests are cloned; for others give `.replay(|request: &Req| -> Option<Req> {{ .. }})`"
)]
pub trait Replay<Req, T: ?Sized, E: ?Sized> {
    /// A copy of the request; `None` if it may not or cannot be sent twice.
    fn replay(&self, request: &Req) -> Option<Req>;

    /// Whether `copy` may be sent after this result: by default yes. A refusal is never shown, there is no
    /// attempt after one.
    ///
    /// This is for requests that may be repeated only if they were *never sent*: a POST after a refused
    /// connection, say.
    fn again(&self, copy: &Req, result: Result<&T, Seen<'_, E>>) -> bool {
        let _ = (copy, result);
        true
    }

    /// Marks a request with the attempt that it is sent by, the first one too: by default not at all.
    fn mark(&self, request: &mut Req, attempt: Attempt) {
        let _ = (request, attempt);
    }
}

/// Whether the copy may be sent after this result.
pub(crate) fn may_follow<R, Req, T, E>(replay: &R, copy: &Req, result: &Result<T, E>) -> bool
where
    E: Fault,
    R: Replay<Req, T, E::Inner>,
{
    match result {
        Ok(answer) => replay.again(copy, Ok(answer)),
        Err(fault) => match fault.see() {
            Seen::Rejected(_) => false,
            seen @ (Seen::TimedOut(_) | Seen::Inner(_)) => replay.again(copy, Err(seen)),
        },
    }
}

impl<F, Req, T: ?Sized, E: ?Sized> Replay<Req, T, E> for F
where
    F: Fn(&Req) -> Option<Req>,
{
    #[inline]
    fn replay(&self, request: &Req) -> Option<Req> {
        self(request)
    }
}

/// The default replay: every request is cloned, and every one may be sent twice.
///
/// # Examples
///
/// ```
/// use seawall::retry::{Cloned, Replay};
/// assert_eq!(Replay::<_, (), ()>::replay(&Cloned, &7), Some(7));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cloned;

impl<Req: Clone, T: ?Sized, E: ?Sized> Replay<Req, T, E> for Cloned {
    #[inline]
    fn replay(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

/// Which attempt of a call a request is sent by: what [`Replay::mark`] is told.
///
/// # Examples
///
/// ```
/// use seawall::retry::{Attempt, Cause};
/// let first = Attempt::FIRST;
/// assert_eq!((first.number(), first.cause()), (1, Cause::First));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    number: u32,
    cause: Cause,
}

/// Why an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It is the first.
    First,
    /// The one before it failed.
    Retry,
    /// The one before it has not answered yet.
    Hedge,
}

impl Attempt {
    /// The first attempt of a call.
    pub const FIRST: Self = Self { number: 1, cause: Cause::First };

    pub(crate) const fn new(number: u32, cause: Cause) -> Self {
        if number <= 1 { Self::FIRST } else { Self { number, cause } }
    }

    /// Counted from 1.
    ///
    /// ```
    /// assert_eq!(seawall::retry::Attempt::FIRST.number(), 1);
    /// ```
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }

    /// Why it is made.
    ///
    /// ```
    /// use seawall::retry::{Attempt, Cause};
    /// assert_eq!(Attempt::FIRST.cause(), Cause::First);
    /// ```
    #[must_use]
    pub const fn cause(self) -> Cause {
        self.cause
    }
}
