use super::ask::Ask;
use super::id::Id;
use super::member::Member;
use super::pick::Probe;
use super::pool::Pool;
use super::seat::View;
use super::ticket::Ticket;
use super::tried::Passed;
use crate::clock::Timer;
use crate::error::Rejected;
use crate::gate::Now;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// A pick that asks a few endpoints first; made by [`Pool::pick_probed`].
    ///
    /// Nothing is reserved before it is done: dropped, only probes are given up.
    #[must_use = "futures do nothing unless polled"]
    pub struct PickProbed<'a, S, F, Fut> {
        pool: &'a Pool<S>,
        ask: Ask<'a>,
        probe: F,
        state: State<S, Fut>,
        #[pin]
        timer: Timer,
    }
}

enum State<S, Fut> {
    Fresh,
    Asking { probes: Vec<(Arc<Member<S>>, Pin<Box<Fut>>)>, answers: Vec<(Arc<Member<S>>, Probe)> },
    Done,
}

impl<'a, S, F, Fut> PickProbed<'a, S, F, Fut> {
    pub(super) const fn new(pool: &'a Pool<S>, ask: Ask<'a>, probe: F) -> Self {
        Self { pool, ask, probe, state: State::Fresh, timer: Timer::unarmed() }
    }
}

impl<S, F, Fut> Future for PickProbed<'_, S, F, Fut>
where
    F: FnMut(&Id, &S) -> Fut,
    Fut: Future<Output = Option<Probe>>,
{
    type Output = Result<Ticket<S>, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state {
                State::Fresh => {
                    let (drawn, patience) = this.pool.to_ask(*this.ask);
                    this.timer.as_mut().arm(Instant::now() + patience);
                    let ask = |member: Arc<Member<S>>| {
                        let probe = Box::pin((this.probe)(&member.endpoint.id, &member.endpoint.service));
                        (member, probe)
                    };
                    let probes = drawn.into_iter().map(ask).collect();
                    *this.state = State::Asking { probes, answers: Vec::new() };
                }
                State::Asking { probes, answers } => {
                    probes.retain_mut(|(member, probe)| match probe.as_mut().poll(cx) {
                        Poll::Ready(answer) => {
                            answers.extend(answer.map(|answer| (Arc::clone(member), answer)));
                            false
                        }
                        Poll::Pending => true,
                    });
                    // The last one is not waited for.
                    let waits = probes.len() > 1 || probes.len() == 1 && answers.is_empty();
                    if waits && this.timer.as_mut().poll_fired(cx).is_pending() {
                        return Poll::Pending;
                    }
                    let answers = std::mem::take(answers);
                    *this.state = State::Done;
                    return Poll::Ready(this.pool.pick_of(*this.ask, answers));
                }
                State::Done => return Poll::Pending, // polled after its end
            }
        }
    }
}

impl<S> Pool<S> {
    /// Whom to ask before this call, and for how long to wait for them.
    fn to_ask(&self, ask: Ask<'_>) -> (Vec<Arc<Member<S>>>, Duration) {
        let rules = self.probes().map(|probes| probes.rules);
        let Some((rules, count)) = rules.and_then(|rules| Some((rules, rules.before()?))) else {
            return (Vec::new(), Duration::ZERO);
        };
        if ask.token.is_some() {
            return (Vec::new(), Duration::ZERO);
        }
        let passed = Passed::default();
        let view = View::new(&ask, &passed, 0, Now::lazy());
        let drawn = self.0.current.load().drawn(count.into(), &mut self.chance(), &view);
        (drawn, rules.patience())
    }

    /// The best of those who answered who can still be called, or else anybody.
    fn pick_of(
        &self,
        ask: Ask<'_>,
        mut answers: Vec<(Arc<Member<S>>, Probe)>,
    ) -> Result<Ticket<S>, Rejected> {
        let now = Instant::now();
        while let Some(probes) = self.probes().filter(|_| !answers.is_empty()) {
            let weighed: Vec<_> =
                answers.iter().map(|(member, probe)| (*probe, member.live.streak().weight(now))).collect();
            let Some(best) = probes.answers.lock().best_of(probes.rules, &weighed) else { break };
            let (member, _) = answers.swap_remove(best);
            if let Some(ticket) = self.hold(&member, now).filter(|_| !member.live.is_gone()) {
                if let Some(tried) = ask.tried {
                    tried.add(ticket.serial());
                }
                return Ok(ticket);
            }
        }
        self.pick_for(ask)
    }
}

impl<S, F, Fut> fmt::Debug for PickProbed<'_, S, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PickProbed").field("pool", &self.pool).finish_non_exhaustive()
    }
}
