use super::affinity::Token;
use super::ask::Ask;
use super::pick::Key;
use super::tried::Tried;

/// What a balancer reads off a request: what was tried for it before, and by what key it goes.
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

    /// The key by which a [`Hashed`](super::Hashed) pool picks for this request.
    fn key<'r>(&self, request: &'r Req) -> Option<Key<'r>> {
        let _ = request;
        None
    }

    /// The token of the endpoint that this request shall go back to.
    fn token(&self, request: &Req) -> Option<Token> {
        let _ = request;
        None
    }
}

#[inline]
pub(super) fn ask<'r, Req: ?Sized>(look: &impl Look<Req>, request: &'r Req) -> Ask<'r> {
    Ask { tried: look.tried(request), key: look.key(request), token: look.token(request) }
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
pub struct TriedBy<F, L>(pub(super) F, pub(super) L);

impl<Req: ?Sized, F: Fn(&Req) -> Option<&Tried>, L: Look<Req>> Look<Req> for TriedBy<F, L> {
    #[inline]
    fn tried<'r>(&self, request: &'r Req) -> Option<&'r Tried> {
        self.0(request)
    }

    #[inline]
    fn key<'r>(&self, request: &'r Req) -> Option<Key<'r>> {
        self.1.key(request)
    }

    #[inline]
    fn token(&self, request: &Req) -> Option<Token> {
        self.1.token(request)
    }
}

/// Finds the [`Key`] of a request by a function; made by [`Balance::key`](super::Balance::key).
#[derive(Clone, Copy, Debug)]
pub struct KeyBy<F, L>(pub(super) F, pub(super) L);

impl<Req: ?Sized, F: Fn(&Req) -> Option<Key<'_>>, L: Look<Req>> Look<Req> for KeyBy<F, L> {
    #[inline]
    fn tried<'r>(&self, request: &'r Req) -> Option<&'r Tried> {
        self.1.tried(request)
    }

    #[inline]
    fn key<'r>(&self, request: &'r Req) -> Option<Key<'r>> {
        self.0(request)
    }

    #[inline]
    fn token(&self, request: &Req) -> Option<Token> {
        self.1.token(request)
    }
}

/// Finds the [`Token`] of a request by a function; made by [`Balance::sticky`](super::Balance::sticky).
#[derive(Clone, Copy, Debug)]
pub struct TokenBy<F, L>(pub(super) F, pub(super) L);

impl<Req: ?Sized, F: Fn(&Req) -> Option<Token>, L: Look<Req>> Look<Req> for TokenBy<F, L> {
    #[inline]
    fn tried<'r>(&self, request: &'r Req) -> Option<&'r Tried> {
        self.1.tried(request)
    }

    #[inline]
    fn key<'r>(&self, request: &'r Req) -> Option<Key<'r>> {
        self.1.key(request)
    }

    #[inline]
    fn token(&self, request: &Req) -> Option<Token> {
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
