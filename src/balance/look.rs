use super::ask::Ask;
use super::tried::Tried;

/// What a balancer reads off a request: what was tried for it before.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Look, Tried};
///
/// struct Request {
///     tried: Tried,
/// }
///
/// struct Attempts;
///
/// impl Look<Request> for Attempts {
///     fn tried<'r>(&self, request: &'r Request) -> Option<&'r Tried> {
///         Some(&request.tried)
///     }
/// }
/// # let _ = Attempts.tried(&Request { tried: Tried::new() });
/// ```
pub trait Look<Req: ?Sized> {
    /// The set that the attempts of this request share, if it carries one.
    fn tried<'r>(&self, request: &'r Req) -> Option<&'r Tried> {
        let _ = request;
        None
    }
}

#[inline]
pub(super) fn ask<'r, Req: ?Sized>(look: &impl Look<Req>, request: &'r Req) -> Ask<'r> {
    match look.tried(request) {
        Some(tried) => Ask::new().tried(tried),
        None => Ask::new(),
    }
}

/// Does not look at requests: the default.
///
/// ```
/// use seawall::balance::{Blind, Look};
/// assert!(Blind.tried("a request").is_none());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Blind;

impl<Req: ?Sized> Look<Req> for Blind {}

/// Finds the [`Tried`] of a request by a function; made by [`Balance::tried`](super::Balance::tried).
#[derive(Clone, Copy, Debug)]
pub struct TriedBy<F>(pub(super) F);

impl<Req: ?Sized, F: Fn(&Req) -> Option<&Tried>> Look<Req> for TriedBy<F> {
    #[inline]
    fn tried<'r>(&self, request: &'r Req) -> Option<&'r Tried> {
        self.0(request)
    }
}

/// Makes the copy of a request that goes to another endpoint when the first one's own gate has refused it.
///
/// Functions and closures `Fn(&Req) -> Option<Req>` are such.
///
/// # Examples
///
/// ```
/// use seawall::balance::Spare;
/// let spare = |request: &u32| Some(*request);
/// assert_eq!(spare.spare(&7), Some(7));
/// ```
pub trait Spare<Req> {
    /// A copy, or `None` if this request cannot be copied.
    fn spare(&self, request: &Req) -> Option<Req>;
}

impl<Req, F: Fn(&Req) -> Option<Req>> Spare<Req> for F {
    #[inline]
    fn spare(&self, request: &Req) -> Option<Req> {
        self(request)
    }
}

/// Copies no request: the default.
///
/// ```
/// use seawall::balance::{NoSpare, Spare};
/// assert_eq!(NoSpare.spare(&7), None);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSpare;

impl<Req> Spare<Req> for NoSpare {
    #[inline]
    fn spare(&self, _: &Req) -> Option<Req> {
        None
    }
}
