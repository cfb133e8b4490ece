use super::course::{Course, Ended, Rules, Step};
use super::{Attempt, Replay, may_follow};
use crate::class::Class;
use crate::deadline;
use crate::error::Fault;
use std::mem;
use tower_service::Service;

/// What a call in flight keeps for its further attempts: its course so far and, if another may follow, the instance
/// that was called and a copy of the request.
#[derive(Debug)]
pub struct Spare<S, Req> {
    again: Option<(S, Req)>,
    course: Course,
}

impl<S, Req> Spare<S, Req> {
    /// Of a call that has not begun.
    #[inline]
    pub(super) const fn asleep(service: S, request: Req) -> Self {
        Self { again: Some((service, request)), course: Course::new() }
    }

    /// Makes the first attempt with the ready service.
    #[inline(always)]
    pub(crate) fn first<T, E, R>(
        rules: &Rules,
        replay: &R,
        service: &mut S,
        mut request: Req,
    ) -> (S::Future, Self)
    where
        S: Service<Req, Response = T, Error = E> + Clone,
        E: Fault,
        R: Replay<Req, T, E::Inner>,
    {
        let (course, may_repeat) = Course::begin(rules);
        let copy = if may_repeat { replay.replay(&request) } else { None };
        replay.mark(&mut request, Attempt::FIRST);
        let Some(copy) = copy else {
            return (service.call(request), Self { again: None, course });
        };
        // The ready instance goes along with the call, an unready clone stays.
        let clone = service.clone();
        let mut ready = mem::replace(service, clone);
        (ready.call(request), Self { again: Some((ready, copy)), course })
    }

    /// Whether an answer of this class ends the call, as nearly all do; if not, see [`ended`](Self::ended).
    #[inline(always)]
    pub(crate) fn answers(&self, rules: &Rules, class: Class) -> bool {
        self.course.answers(rules, class)
    }

    /// An attempt ended.
    pub(crate) fn ended<T, E, R>(
        &mut self,
        rules: &Rules,
        replay: &R,
        ended: Ended,
        result: &Result<T, E>,
    ) -> Step
    where
        E: Fault,
        R: Replay<Req, T, E::Inner>,
    {
        let Self { again, course } = self;
        let repeatable = || again.as_ref().is_some_and(|(_, copy)| may_follow(replay, copy, result));
        course.ended(rules, ended, repeatable, deadline::in_force)
    }

    /// What the next attempt will be made with: the service, to be made ready, and the request. `None` if there is
    /// none to come.
    pub(crate) fn next(&mut self) -> Option<(&mut S, &Req)> {
        self.again.as_mut().map(|(service, request)| (service, &*request))
    }

    /// Makes the next attempt with the ready service.
    pub(crate) fn again<T, E, R>(&mut self, rules: &Rules, replay: &R) -> Option<S::Future>
    where
        S: Service<Req, Response = T, Error = E>,
        E: Fault,
        R: Replay<Req, T, E::Inner>,
    {
        let (mut service, mut request) = self.again.take()?;
        let copy = if self.course.may_repeat(rules) { replay.replay(&request) } else { None };
        replay.mark(&mut request, self.course.attempt());
        self.course.hand_over(rules);
        let future = service.call(request);
        self.again = copy.map(|copy| (service, copy));
        Some(future)
    }

    /// The next attempt will not be made.
    pub(crate) fn refused(&mut self) {
        self.again = None;
        self.course.refused();
    }
}
