use crate::class::ByResult;
use crate::deadline;
use crate::error::Fault;
use crate::retry::{Attempt, Course, Ended, Replay, Retry, Step, may_follow};
use std::mem;
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

    /// An attempt ended.
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

/// What a call in flight keeps: the instance that was called, a copy of the request, and its course so far.
#[derive(Debug)]
pub struct Spare<S, Req> {
    // `None` when no further attempt can follow.
    again: Option<(S, Req)>,
    course: Course,
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
    fn first(&self, service: &mut S, mut request: Req) -> (S::Future, Self::Spare) {
        let copy = if self.rules().may_repeat() { self.copies().replay(&request) } else { None };
        self.copies().mark(&mut request, Attempt::FIRST);
        let course = Course::begin(self.rules());
        let Some(copy) = copy else {
            return (service.call(request), Spare { again: None, course });
        };
        // The ready instance goes along with the call, an unready clone stays.
        let clone = service.clone();
        let mut ready = mem::replace(service, clone);
        (ready.call(request), Spare { again: Some((ready, copy)), course })
    }

    #[inline(always)]
    fn ended(&self, spare: &mut Self::Spare, ended: Ended, result: &Result<T, E>) -> Step {
        let Spare { again, course } = spare;
        let copy = again.as_ref().map(|(_, copy)| copy);
        let repeatable = || may_follow(self.copies(), copy, result);
        course.ended(self.rules(), ended, repeatable, deadline::in_force)
    }

    fn next<'a>(&self, spare: &'a mut Self::Spare) -> Option<(&'a mut S, &'a Req)> {
        spare.again.as_mut().map(|(service, request)| (service, &*request))
    }

    fn again(&self, spare: &mut Self::Spare) -> Option<S::Future> {
        let (mut service, mut request) = spare.again.take()?;
        let copy = if spare.course.may_repeat(self.rules()) { self.copies().replay(&request) } else { None };
        self.copies().mark(&mut request, spare.course.attempt());
        spare.course.hand_over(self.rules());
        let future = service.call(request);
        spare.again = copy.map(|copy| (service, copy));
        Some(future)
    }

    fn refused(&self, spare: &mut Self::Spare) {
        spare.course.refused();
    }
}
