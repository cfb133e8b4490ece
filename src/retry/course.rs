use super::{Attempt, Attempts, Cause, Next, Plan, RetryBudget, Stop, Token};
use crate::class::{Class, Classify};
use crate::error::{Fault, Seen};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::telemetry::{Kind, Telemetry, What};
use crate::time::Instant;
use std::time::Duration;

/// What all calls through one retry go by: everything but the classifier and the replay.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(super) telemetry: Telemetry,
    // Of the plan what every call must know: how many attempts, shifted by one, and whether time counts.
    glance: AtomicU32,
    // Asked only after a failure.
    plan: Mutex<Plan>,
    pub(super) budget: Option<RetryBudget>,
}

impl Rules {
    pub(crate) fn new(telemetry: Telemetry, plan: Plan, budget: Option<RetryBudget>) -> Self {
        Self { telemetry, glance: AtomicU32::new(glance(&plan)), plan: Mutex::new(plan), budget }
    }

    pub(crate) fn plan(&self) -> Plan {
        self.plan.lock().clone()
    }

    pub(crate) fn set_plan(&self, plan: Plan) {
        let glance = glance(&plan);
        *self.plan.lock() = plan;
        self.glance.store(glance, Relaxed);
    }

    #[inline(always)]
    fn attempts(&self) -> u32 {
        self.glance.load(Relaxed) >> 1
    }

    #[inline]
    fn is_timed(&self) -> bool {
        self.glance.load(Relaxed) & TIMED != 0
    }
}

const TIMED: u32 = 1;

fn glance(plan: &Plan) -> u32 {
    plan.max_attempts().min(u32::MAX >> 1) << 1 | if plan.is_timed() { TIMED } else { 0 }
}

/// How an attempt ended, as far as the retrying goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    /// It was never handed over: refused further in.
    Refused,
    /// It was given up on further in.
    TimedOut(Class),
    /// The service answered.
    Answered(Class),
}

impl Ended {
    #[inline(always)]
    pub(crate) fn of<C, T, E>(classifier: &C, result: &Result<T, E>) -> Self
    where
        E: Fault,
        C: Classify<T, E::Inner>,
    {
        match result {
            Ok(answer) => Self::Answered(classifier.classify(Ok(answer))),
            Err(fault) => match fault.see() {
                Seen::Rejected(_) => Self::Refused,
                Seen::TimedOut(_) => Self::TimedOut(classifier.timed_out()),
                Seen::Inner(error) => Self::Answered(classifier.classify(Err(error))),
            },
        }
    }
}

/// What the driver does after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This result is the answer.
    Answer,
    /// The last real result is the answer; this one only if there is none.
    Kept,
    /// This result is kept; so long a wait, then another attempt.
    Wait(Duration),
}

/// The course of one call: its attempts, and the token that the last of them took. A plain value, which holds
/// no service and no future.
///
/// ```text
/// (may_repeat? copy) ► hand_over ► call ► ended ► Wait: wait ► ready ► (may_repeat? copy) ► hand_over ► …
/// ```
///
/// Dropped while waiting, its token goes back.
#[derive(Debug)]
pub(crate) struct Course {
    attempts: Attempts,
    token: Option<Token>,
}

impl Course {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { attempts: Attempts::new(), token: None }
    }

    /// Whether the attempt about to be handed over may be followed by another: only then is a copy asked for.
    #[inline]
    pub(crate) fn may_repeat(&self, rules: &Rules) -> bool {
        self.attempts.made() + 1 < rules.attempts()
    }

    /// The attempt about to be handed over.
    #[inline]
    pub(crate) const fn attempt(&self) -> Attempt {
        Attempt::new(self.attempts.made() + 1, Cause::Retry)
    }

    /// The first attempt starts; and whether it may be followed by another: only then is a copy asked for.
    ///
    /// A value made at once, because one that is changed and then moved costs more than all that it says.
    #[inline(always)]
    pub(crate) fn begin(rules: &Rules) -> (Self, bool) {
        let glance = rules.glance.load(Relaxed);
        if let Some(budget) = &rules.budget {
            budget.deposit();
        }
        let first = if glance & TIMED == 0 { None } else { Some(Instant::now()) };
        (Self { attempts: Attempts::begun(first), token: None }, glance >> 1 > 1)
    }

    /// An attempt starts. Reads the clock only if the plan reckons from the first start.
    #[inline]
    pub(crate) fn hand_over(&mut self, rules: &Rules) {
        if self.attempts.made() > 0 {
            return self.hand_over_again();
        }
        if let Some(budget) = &rules.budget {
            budget.deposit();
        }
        if rules.is_timed() {
            return self.hand_over_timed();
        }
        self.attempts.start();
    }

    #[cold]
    #[inline(never)]
    fn hand_over_timed(&mut self) {
        self.attempts.start_at(Instant::now());
    }

    #[cold]
    #[inline(never)]
    const fn hand_over_again(&mut self) {
        if let Some(token) = &mut self.token {
            token.hand_over();
        }
        self.attempts.start();
    }

    /// Whether an answer of this class ends the call, as nearly all do; if not, see [`ended`](Self::ended).
    #[inline(always)]
    pub(crate) fn answers(&self, rules: &Rules, class: Class) -> bool {
        let is_over = !class.is_retryable();
        if is_over && let Some(budget) = &rules.budget {
            budget.settle(class, self.token.as_ref());
        }
        is_over
    }

    /// An attempt ended. `repeatable` says whether there is a copy that may be sent after this result,
    /// `deadline` when all must be over; both are asked only if it comes to that.
    pub(crate) fn ended(
        &mut self,
        rules: &Rules,
        ended: Ended,
        repeatable: impl FnOnce() -> bool,
        deadline: impl FnOnce() -> Instant,
    ) -> Step {
        let (Ended::Answered(class) | Ended::TimedOut(class)) = ended else {
            self.refused();
            return Step::Kept;
        };
        if self.answers(rules, class) {
            return Step::Answer;
        }
        if let Some(budget) = &rules.budget {
            budget.settle(class, self.token.as_ref());
        }
        if self.attempts.made() >= rules.attempts() {
            return self.stop(rules, Stop::Attempts);
        }
        if !repeatable() {
            return self.stop(rules, Stop::NotReplayable);
        }
        self.again(rules, ended, class, Instant::now(), deadline())
    }

    /// The attempt never reached the peer: its token goes back.
    #[cold]
    pub(crate) fn refused(&mut self) {
        if let Some(token) = self.token.take() {
            token.give_back();
        }
    }

    fn again(&mut self, rules: &Rules, ended: Ended, class: Class, now: Instant, deadline: Instant) -> Step {
        let next = rules.plan.lock().next(&mut self.attempts, class, now, deadline);
        let wait = match next {
            Next::Done => return Step::Answer,
            Next::Stop(why) => return self.stop(rules, why),
            Next::Wait(wait) => wait,
        };
        if let Some(budget) = &rules.budget {
            self.token = match ended {
                Ended::TimedOut(_) => budget.withdraw_after_timeout_at(now),
                Ended::Refused | Ended::Answered(_) => budget.withdraw_at(now),
            };
            let left = || What::BudgetLeft { tokens: budget.available_at(now) };
            rules.telemetry.note(Kind::Retry, left);
            if self.token.is_none() {
                return self.stop(rules, Stop::Budget);
            }
        }
        rules.telemetry.tell(Kind::Retry, What::Retried { attempt: self.attempt().number(), wait });
        Step::Wait(wait)
    }

    fn stop(&self, rules: &Rules, why: Stop) -> Step {
        let attempts = self.attempts.made();
        let what = match why {
            Stop::NotReplayable => What::NotReplayable,
            Stop::Budget => What::BudgetExhausted,
            // Switched off: nobody expected another.
            Stop::Attempts if rules.attempts() == 1 => return Step::Answer,
            Stop::Attempts | Stop::Patience | Stop::Time => What::GaveUp { attempts },
        };
        rules.telemetry.tell(Kind::Retry, what);
        Step::Answer
    }
}
