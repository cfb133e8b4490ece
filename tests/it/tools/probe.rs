//! An inner service that trusts nobody.

use parking_lot::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tower::Service;

/// How one call goes: pending so many times, then this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Answer {
        pend: u32,
    },
    Fail {
        pend: u32,
    },
    PanicInPoll {
        pend: u32,
    },
    PanicInCall,
    /// Pending for ever; [`Probe::wake`] wakes whoever polled last.
    Never,
}

/// The probe's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the probe failed")
    }
}

impl std::error::Error for Failed {}

/// Whether and how a probe becomes ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Always,
    /// Pending once on each way to readiness.
    Slowly,
    Never,
    Broken,
}

#[derive(Debug)]
struct State {
    script: VecDeque<Step>,
    otherwise: Step,
    readiness: Readiness,
    /// Units that a ready instance or a call in flight holds; `None` is without end.
    free: Option<u32>,
    wakers: Vec<Waker>,
    calls: u32,
    ready_polls: u32,
    in_flight: u32,
}

/// An inner service that panics when called unready and carries no readiness to its clones.
///
/// It answers each request with the request, follows a script, and may hold one unit of capacity while ready,
/// as tower's `ConcurrencyLimit` does.
#[derive(Debug)]
pub(crate) struct Probe {
    state: Arc<Mutex<State>>,
    ready: Option<Unit>,
    asked: bool,
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self::script([])
    }

    /// The calls go by `steps`, later ones answer at once.
    pub(crate) fn script(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::with(steps, Step::Answer { pend: 0 }, Readiness::Always, None)
    }

    /// Every call goes so.
    pub(crate) fn always(step: Step) -> Self {
        Self::with([], step, Readiness::Always, None)
    }

    pub(crate) fn never_ready() -> Self {
        Self::with([], Step::PanicInCall, Readiness::Never, None)
    }

    /// `poll_ready` is an error.
    pub(crate) fn broken() -> Self {
        Self::with([], Step::PanicInCall, Readiness::Broken, None)
    }

    /// Pending once before each readiness, and at most `units` instances are ready or calls in flight.
    pub(crate) fn holding(units: u32, step: Step) -> Self {
        Self::with([], step, Readiness::Slowly, Some(units))
    }

    fn with(
        script: impl IntoIterator<Item = Step>,
        otherwise: Step,
        readiness: Readiness,
        free: Option<u32>,
    ) -> Self {
        let state = State {
            script: script.into_iter().collect(),
            otherwise,
            readiness,
            free,
            wakers: Vec::new(),
            calls: 0,
            ready_polls: 0,
            in_flight: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), ready: None, asked: false }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Calls made so far, by all clones.
    pub(crate) fn calls(&self) -> u32 {
        self.state().calls
    }

    pub(crate) fn ready_polls(&self) -> u32 {
        self.state().ready_polls
    }

    /// Answers that are neither finished nor dropped.
    pub(crate) fn in_flight(&self) -> u32 {
        self.state().in_flight
    }

    /// Wakes every waiter once.
    pub(crate) fn wake(&self) {
        let wakers = std::mem::take(&mut self.state().wakers);
        for waker in wakers {
            waker.wake();
        }
    }
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), ready: None, asked: false }
    }
}

impl<Req> Service<Req> for Probe {
    type Response = Req;
    type Error = Failed;
    type Future = Answer<Req>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        let mut state = self.state.lock();
        state.ready_polls += 1;
        if self.ready.is_some() {
            return Poll::Ready(Ok(()));
        }
        match state.readiness {
            Readiness::Broken => return Poll::Ready(Err(Failed)),
            Readiness::Never => {
                state.wakers.push(cx.waker().clone());
                return Poll::Pending;
            }
            Readiness::Slowly if !std::mem::replace(&mut self.asked, true) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Readiness::Always | Readiness::Slowly => {}
        }
        match &mut state.free {
            Some(0) => {
                state.wakers.push(cx.waker().clone());
                return Poll::Pending;
            }
            Some(free) => *free -= 1,
            None => {}
        }
        drop(state);
        self.asked = false;
        self.ready = Some(Unit(Arc::clone(&self.state)));
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Answer<Req> {
        let unit = self.ready.take().expect("called unready");
        let mut state = self.state();
        state.calls += 1;
        let step = state.script.pop_front().unwrap_or(state.otherwise);
        drop(state);
        assert_ne!(step, Step::PanicInCall, "the probe panics in call");
        self.state().in_flight += 1;
        Answer { request: Some(request), step, unit: Some(unit) }
    }
}

/// The readiness of one instance, and then its call.
#[derive(Debug)]
struct Unit(Arc<Mutex<State>>);

impl Drop for Unit {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let Some(free) = &mut state.free {
            *free += 1;
            let wakers = std::mem::take(&mut state.wakers);
            drop(state);
            for waker in wakers {
                waker.wake();
            }
        }
    }
}

/// The probe's answer: the request, sent back.
#[derive(Debug)]
pub(crate) struct Answer<Req> {
    request: Option<Req>,
    step: Step,
    // `None` once ended.
    unit: Option<Unit>,
}

// Nothing here is pinned.
impl<Req> Unpin for Answer<Req> {}

impl<Req> Answer<Req> {
    fn end(&mut self) {
        if let Some(unit) = self.unit.take() {
            unit.0.lock().in_flight -= 1;
        }
    }
}

impl<Req> Future for Answer<Req> {
    type Output = Result<Req, Failed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.step {
            Step::Never => {
                let unit = self.unit.as_ref().expect("polled after its end");
                // The last waker wins.
                unit.0.lock().wakers = vec![cx.waker().clone()];
                return Poll::Pending;
            }
            Step::Answer { pend } | Step::Fail { pend } | Step::PanicInPoll { pend } if *pend > 0 => {
                *pend -= 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            _ => {}
        }
        let step = self.step;
        assert!(!matches!(step, Step::PanicInPoll { .. }), "the probe panics in poll");
        self.end();
        let request = self.request.take().expect("polled after its end");
        Poll::Ready(if matches!(step, Step::Fail { .. }) { Err(Failed) } else { Ok(request) })
    }
}

impl<Req> Drop for Answer<Req> {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
#[should_panic(expected = "called unready")]
fn a_probe_called_unready_panics() {
    drop(Probe::new().call(()));
}

#[test]
#[should_panic(expected = "called unready")]
fn a_clone_of_a_ready_probe_is_not_ready() {
    let mut probe = Probe::new();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Service::<()>::poll_ready(&mut probe, &mut cx).is_ready());
    drop(probe.clone().call(()));
}

#[test]
fn a_ready_probe_holds_a_unit_until_its_call_ends() {
    let mut cx = Context::from_waker(Waker::noop());
    let mut ready = |probe: &mut Probe| (0..2).any(|_| Service::<()>::poll_ready(probe, &mut cx).is_ready());
    let mut first = Probe::holding(1, Step::Answer { pend: 0 });
    let mut second = first.clone();
    assert!(ready(&mut first));
    assert!(!ready(&mut second));
    let answer = first.call(());
    assert!(!ready(&mut second));
    drop(answer);
    assert!(ready(&mut second));
}
