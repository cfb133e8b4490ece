use super::Terms;
use super::further::{End, Further};
use super::race::{Best, Race};
use crate::class::{Class, Classify};
use crate::clock::Timer;
use crate::deadline;
use crate::error::Fault;
use crate::retry::{Attempt, Cause, Ended, Replay, Token, may_follow};
use crate::telemetry::{Kind, What};
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

pin_project! {
    /// The answer of a [`HedgeService`](super::HedgeService), or of a direct call.
    ///
    /// Dropped at any point, all attempts are dropped.
    #[project = Proj]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, P, R>
    where
        S: Service<Req>,
    {
        // `None` once ended.
        #[pin]
        primary: Option<S::Future>,
        #[pin]
        timer: Timer,
        further: Vec<Further<S, Req>>,
        // For the attempt to come; `None` once there can be none.
        spare: Option<(S, Req)>,
        best: Best<S::Response, S::Error>,
        race: Race,
        begun: Option<Instant>,
        terms: P,
        replay: R,
    }
}

type Outcome<S, Req> = Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>;

impl<S: Service<Req>, Req, P, R> ResponseFuture<S, Req, P, R> {
    #[inline]
    pub(super) const fn new(
        primary: S::Future,
        spare: Option<(S, Req)>,
        further: u32,
        begun: Option<Instant>,
        terms: P,
        replay: R,
    ) -> Self {
        Self {
            primary: Some(primary),
            timer: Timer::unarmed(),
            further: Vec::new(),
            spare,
            best: Best::None,
            race: Race::new(further),
            begun,
            terms,
            replay,
        }
    }
}

impl<S, Req, P, C, R> Future for ResponseFuture<S, Req, P, R>
where
    S: Service<Req> + Clone,
    S::Error: Fault,
    P: Deref<Target = Terms<C>>,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
    R: Replay<Req, S::Response, <S::Error as Fault>::Inner>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(primary) = this.primary.as_mut().as_pin_mut()
            && let Poll::Ready(result) = primary.poll(cx)
        {
            if let Some(answer) = this.ended(result, None) {
                return this.won(answer);
            }
            this.primary.set(None);
        }
        if this.spare.is_none() && this.further.is_empty() {
            return this.left();
        }
        this.poll_further(cx)
    }
}

impl<S, Req, P, C, R> Proj<'_, S, Req, P, R>
where
    S: Service<Req> + Clone,
    S::Error: Fault,
    P: Deref<Target = Terms<C>>,
    C: Classify<S::Response, <S::Error as Fault>::Inner>,
    R: Replay<Req, S::Response, <S::Error as Fault>::Inner>,
{
    /// The further attempts: those under way, then those that may start.
    #[inline(never)]
    fn poll_further(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<S, Req>> {
        let mut next = 0;
        loop {
            while let Some(further) = self.further.get_mut(next) {
                let Poll::Ready(end) = further.poll(cx) else {
                    next += 1;
                    continue;
                };
                // Handed over or not, it is no longer under way.
                let token = self.further.swap_remove(next).token;
                let answer = match end {
                    End::Came(result) => self.ended(result, token),
                    End::Unready(error) => {
                        self.refused(Err(error), token);
                        None
                    }
                };
                if let Some(answer) = answer {
                    return self.won(answer);
                }
            }
            if !self.start(cx) {
                return self.left();
            }
        }
    }

    /// An attempt came back: the answer, if it is acceptable.
    #[inline]
    fn ended(&mut self, result: Outcome<S, Req>, token: Option<Token>) -> Option<Outcome<S, Req>> {
        let (Ended::Answered(class) | Ended::TimedOut(class)) = Ended::of(&self.terms.classifier, &result)
        else {
            self.refused(result, token);
            return None;
        };
        if let Some(budget) = &self.terms.rules.budget {
            budget.settle(class, token.as_ref());
        }
        if !class.is_retryable() {
            return Some(result);
        }
        let again = self.spare.as_ref().is_some_and(|(_, copy)| may_follow(self.replay, copy, &result));
        if again && class == Class::Transient {
            self.race.hurry();
            self.timer.as_mut().disarm();
        } else {
            *self.spare = None;
        }
        self.best.real(result);
        None
    }

    #[cold]
    fn refused(&mut self, result: Outcome<S, Req>, token: Option<Token>) {
        if let Some(token) = token {
            token.give_back();
        }
        *self.spare = None;
        self.best.refusal(result);
    }

    /// The losers are gone before the answer is handed on.
    #[inline]
    fn won(&mut self, answer: Outcome<S, Req>) -> Poll<Outcome<S, Req>> {
        self.primary.set(None);
        *self.spare = None;
        if !self.further.is_empty() {
            self.further.clear();
        }
        self.terms.rules.answered(self.begun.take());
        Poll::Ready(answer)
    }

    /// No attempt has answered yet; if none is under way any more, the best of what came is the answer.
    fn left(&mut self) -> Poll<Outcome<S, Req>> {
        if self.primary.is_some() || !self.further.is_empty() {
            return Poll::Pending;
        }
        // `None`: polled after its end.
        self.best.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Starts a further attempt, if it is time and it may be.
    fn start(&mut self, cx: &mut Context<'_>) -> bool {
        if self.spare.is_none() {
            return false;
        }
        let mut now = None;
        if self.race.is_open() {
            let reading = *now.insert(Instant::now());
            let Some(delay) = self.terms.rules.delay(reading) else {
                *self.spare = None;
                return false;
            };
            if let Some(at) = self.race.set(reading, delay, deadline::in_force()) {
                self.timer.as_mut().arm(at);
            }
        }
        if !self.race.is_due() && self.timer.as_mut().poll_fired(cx).is_pending() {
            return false;
        }
        let now = now.unwrap_or_else(Instant::now);
        let mut token = None;
        if !self.may_start(&mut token, now) {
            *self.spare = None;
            return false;
        }
        let Some((service, mut request)) = self.spare.take() else { return false };
        let number = self.race.start();
        if self.race.may_go_on()
            && let Some(copy) = self.replay.replay(&request)
        {
            *self.spare = Some((service.clone(), copy));
        }
        self.timer.as_mut().disarm();
        self.replay.mark(&mut request, Attempt::new(number, Cause::Hedge));
        self.further.push(Further::new(service, request, token));
        self.terms.rules.telemetry.tell(Kind::Hedge, What::Hedged { attempt: number });
        true
    }

    /// Whether there is time for a further attempt, and a token where one is asked for.
    fn may_start(&self, token: &mut Option<Token>, now: Instant) -> bool {
        if now >= deadline::in_force() {
            return false;
        }
        let Some(budget) = &self.terms.rules.budget else { return true };
        *token = budget.withdraw_at(now);
        let left = || What::BudgetLeft { tokens: budget.available_at(now) };
        self.terms.rules.telemetry.note(Kind::Hedge, left);
        if token.is_none() {
            self.terms.rules.telemetry.tell(Kind::Hedge, What::BudgetExhausted);
        }
        token.is_some()
    }
}

impl<S: Service<Req>, Req, P, R> fmt::Debug for ResponseFuture<S, Req, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("further", &self.further.len()).finish_non_exhaustive()
    }
}
