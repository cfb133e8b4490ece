use crate::class::{ByResult, Class};
use crate::error::Fault;
use crate::retry::{Ended, Replay, Retry, Spare, Step};
use tower_service::Service;

/// How often a policy makes a call: [`Once`], or by a [`Retry`].
///
/// Sealed: it is the difference between a service that is called where it stands and one that is taken along.
#[expect(private_interfaces, reason = "sealed by what it speaks of")]
pub trait Repeat<S, Req, T, E>
where
    S: Service<Req, Response = T, Error = E>,
{
    /// What a call in flight keeps for its further attempts.
    #[doc(hidden)]
    type Spare;

    /// Makes the first attempt with the ready service.
    #[doc(hidden)]
    fn first(&self, service: &mut S, request: Req) -> (S::Future, Self::Spare);

    /// Whether an answer of this class ends the call, as nearly all do.
    #[doc(hidden)]
    fn answers(&self, spare: &Self::Spare, class: Class) -> bool;

    /// An attempt ended otherwise.
    #[doc(hidden)]
    fn ended(&self, spare: &mut Self::Spare, ended: Ended, result: &Result<T, E>) -> Step;

    /// What the next attempt will be made with: the service, to be made ready, and the request.
    #[doc(hidden)]
    fn next<'a>(&self, spare: &'a mut Self::Spare) -> Option<(&'a mut S, &'a Req)>;

    /// Makes the next attempt with the ready service.
    #[doc(hidden)]
    fn again(&self, spare: &mut Self::Spare) -> Option<S::Future>;

    /// The next attempt will not be made.
    #[doc(hidden)]
    fn refused(&self, spare: &mut Self::Spare);
}

/// The empty slot of a retry: each call is made once, and nothing is kept of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Once;

#[expect(private_interfaces, reason = "sealed by what it speaks of")]
impl<S, Req, T, E> Repeat<S, Req, T, E> for Once
where
    S: Service<Req, Response = T, Error = E>,
{
    type Spare = ();

    #[inline(always)]
    fn first(&self, service: &mut S, request: Req) -> (S::Future, ()) {
        (service.call(request), ())
    }

    #[inline(always)]
    fn answers(&self, (): &(), _: Class) -> bool {
        true
    }

    fn ended(&self, (): &mut (), _: Ended, _: &Result<T, E>) -> Step {
        Step::Answer
    }

    fn next<'a>(&self, (): &'a mut ()) -> Option<(&'a mut S, &'a Req)> {
        None
    }

    fn again(&self, (): &mut ()) -> Option<S::Future> {
        None
    }

    fn refused(&self, (): &mut ()) {}
}

#[expect(private_interfaces, reason = "sealed by what it speaks of")]
impl<S, Req, T, E, Q> Repeat<S, Req, T, E> for Retry<ByResult, Q>
where
    S: Service<Req, Response = T, Error = E> + Clone,
    E: Fault,
    Q: Replay<Req, T, E::Inner>,
{
    type Spare = Spare<S, Req>;

    #[inline(always)]
    fn first(&self, service: &mut S, request: Req) -> (S::Future, Self::Spare) {
        Spare::first(self.rules(), self.copies(), service, request)
    }

    #[inline(always)]
    fn answers(&self, spare: &Self::Spare, class: Class) -> bool {
        spare.answers(self.rules(), class)
    }

    fn ended(&self, spare: &mut Self::Spare, ended: Ended, result: &Result<T, E>) -> Step {
        spare.ended(self.rules(), self.copies(), ended, result)
    }

    fn next<'a>(&self, spare: &'a mut Self::Spare) -> Option<(&'a mut S, &'a Req)> {
        spare.next()
    }

    fn again(&self, spare: &mut Self::Spare) -> Option<S::Future> {
        spare.again(self.rules(), self.copies())
    }

    fn refused(&self, spare: &mut Self::Spare) {
        spare.refused();
    }
}
