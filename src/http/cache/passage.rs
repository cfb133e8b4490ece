use super::body::{BoxError, Stream};
use crate::sync::Mutex;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What one load shows to the client whose request it sent: the head as soon as it is there, then the body as it comes.
///
/// Whoever waits for the load reads it from the origin, so this client's pace binds nobody else.
#[derive(Default)]
pub(super) struct Passage(Mutex<State>);

#[derive(Default)]
struct State {
    /// The load began, and the origin answered so.
    told: Told,
    head: Option<Head>,
    parts: VecDeque<Bytes>,
    end: Option<End>,
    waker: Option<Waker>,
}

/// What became of a load, as its client is told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) ran: bool,
    pub(super) status: Option<StatusCode>,
    pub(super) stored: bool,
    /// Why it is not, though HTTP would allow it.
    pub(super) detail: Option<&'static str>,
}

pub(super) type Head = (StatusCode, HeaderMap);

/// How a body ended that was being kept.
pub(super) enum End {
    Whole,
    /// It is too long to be kept; this is what is left of it.
    Rest(Stream),
    Failed(BoxError),
}

/// The load's side.
impl Passage {
    pub(super) fn tell(&self, tell: impl FnOnce(&mut Told)) {
        tell(&mut self.0.lock().told);
    }

    /// The head is there, and a body follows.
    pub(super) fn open(self: &Arc<Self>, head: Head) -> Pouring {
        self.change(|state| state.head = Some(head));
        Pouring(Arc::clone(self))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.0.lock();
            change(&mut state);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A body on its way; dropped before its end, it broke off.
pub(super) struct Pouring(Arc<Passage>);

impl Pouring {
    pub(super) fn push(&self, part: Bytes) {
        self.0.change(|state| state.parts.push_back(part));
    }

    pub(super) fn end(self, end: End) {
        self.0.change(|state| state.end = Some(end));
    }
}

impl Drop for Pouring {
    fn drop(&mut self) {
        self.0.change(|state| {
            let cut = || End::Failed(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            state.end.get_or_insert_with(cut);
        });
    }
}

/// The client's side.
impl Passage {
    pub(super) fn told(&self) -> Told {
        self.0.lock().told
    }

    /// The head, once, if it is there.
    pub(super) fn take_head(&self) -> Option<Head> {
        self.0.lock().head.take()
    }

    /// The head, once, as soon as it is there, and wanted.
    pub(super) fn poll_head(&self, cx: &Context<'_>, wanted: impl FnOnce(&Head) -> bool) -> Poll<Head> {
        // Wakers are the runtime's code: cloned before the lock, dropped after it.
        let waker = cx.waker().clone();
        let mut state = self.0.lock();
        if let Some(head) = state.head.take_if(|head| wanted(head)) {
            return Poll::Ready(head);
        }
        let before = state.waker.replace(waker);
        drop(state);
        drop(before);
        Poll::Pending
    }

    pub(super) fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let waker = cx.waker().clone();
        let mut state = self.0.lock();
        if let Some(part) = state.parts.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        match state.end.take() {
            None => {
                let before = state.waker.replace(waker);
                drop(state);
                drop(before);
                Poll::Pending
            }
            Some(End::Whole) => {
                state.end = Some(End::Whole);
                Poll::Ready(None)
            }
            Some(End::Failed(error)) => {
                state.end = Some(End::Whole);
                Poll::Ready(Some(Err(error)))
            }
            Some(End::Rest(rest)) => {
                drop(state);
                self.poll_rest(rest, cx)
            }
        }
    }

    /// The origin's code runs outside the lock; there is one client, so nobody else looks meanwhile.
    fn poll_rest(
        &self,
        mut rest: Stream,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = rest.as_mut().poll_frame(cx);
        self.0.lock().end = Some(End::Rest(rest));
        polled
    }

    /// Whether the whole body has been given.
    pub(super) fn is_over(&self) -> bool {
        let state = self.0.lock();
        state.parts.is_empty()
            && match &state.end {
                None | Some(End::Failed(_)) => false,
                Some(End::Whole) => true,
                Some(End::Rest(rest)) => rest.is_end_stream(),
            }
    }
}
