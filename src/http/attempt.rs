//! One attempt to send a body that several share.

use super::kept::{Kept, Next};
use crate::sync::Mutex;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;
/// What a body gives.
type Read<B> = Result<Frame<<B as Body>::Data>, <B as Body>::Error>;
pub(super) type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// One attempt: what all share, and how far this one is.
pub(super) struct Attempt<B> {
    shared: Arc<Shared<B>>,
    sent: Sent,
}

/// What one attempt has sent so far of what all attempts share.
#[derive(Debug, Default)]
struct Sent {
    // Its number among those that have begun to send; 0 before that.
    turn: u32,
    frames: usize,
    bytes: u64,
    ended: bool,
}

struct Shared<B> {
    hint: SizeHint,
    state: Mutex<State<B>>,
}

struct State<B> {
    // Guarded by the mutex, and taken out of it while it is polled, so that no user code runs under a lock.
    original: Option<B>,
    kept: Kept,
    // The latest attempt, if it came while an earlier one was polling the original.
    waiting: Option<Waker>,
}

impl<B> Attempt<B> {
    pub(super) fn first(body: B, hint: SizeHint, cap: usize) -> Self {
        let state = State { original: Some(body), kept: Kept::new(cap), waiting: None };
        Self { shared: Arc::new(Shared { hint, state: Mutex::new(state) }), sent: Sent::default() }
    }

    /// Another attempt; `None` if it could not send the whole.
    pub(super) fn further(&self, prepare: impl FnOnce(&mut Kept)) -> Option<Self> {
        let mut state = self.shared.state.lock();
        if !state.kept.is_whole() {
            return None;
        }
        prepare(&mut state.kept);
        drop(state);
        Some(Self { shared: Arc::clone(&self.shared), sent: Sent::default() })
    }

    pub(super) fn is_kept(&self, how: impl FnOnce(&Kept) -> bool) -> bool {
        how(&self.shared.state.lock().kept)
    }

    pub(super) const fn is_ended(&self) -> bool {
        self.sent.ended
    }

    /// The hint of the original, less what this attempt has sent.
    pub(super) fn size_hint(&self) -> SizeHint {
        let mut rest = SizeHint::new();
        if self.sent.ended {
            rest.set_exact(0);
            return rest;
        }
        rest.set_lower(self.shared.hint.lower().saturating_sub(self.sent.bytes));
        if let Some(upper) = self.shared.hint.upper() {
            rest.set_upper(upper.saturating_sub(self.sent.bytes));
        }
        rest
    }
}

impl<B> Attempt<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        let Self { shared, sent } = self;
        let mut state = shared.state.lock();
        if sent.turn == 0 {
            sent.turn = state.kept.begin();
        }
        match state.kept.next(sent.turn, sent.frames) {
            Next::Data(data) => return sent.give(Frame::data(data), &state.kept),
            Next::Trailers(trailers) => return sent.give(Frame::trailers(trailers), &state.kept),
            Next::End => return sent.end(),
            Next::Lost => return Poll::Ready(Some(Err(Lost.into()))),
            Next::Original => {}
        }
        let Some(original) = state.original.take() else {
            // An earlier attempt is in the midst of polling it.
            state.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(state);
        let mut loan = Loan { original: Some(original), shared };
        match loan.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                loan.back(Kept::end);
                sent.end()
            }
            Poll::Ready(Some(Err(error))) => {
                loan.back(Kept::fail);
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(Some(Ok(frame))) => {
                let last = loan.is_at_end();
                loan.back(|kept| {
                    kept.push(&frame, sent.turn);
                    if last {
                        kept.end();
                    }
                    sent.give(frame, kept)
                })
            }
        }
    }
}

impl Sent {
    fn give(&mut self, frame: Frame<Bytes>, kept: &Kept) -> Polled {
        self.frames += 1;
        self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        self.ended = kept.ends_after(self.frames);
        Poll::Ready(Some(Ok(frame)))
    }

    const fn end(&mut self) -> Polled {
        self.ended = true;
        Poll::Ready(None)
    }
}

/// The original on loan, so that it is polled under no lock. It comes back however the poll ends, together with
/// the news of it: whoever waits for it reads on after what was read, never before.
struct Loan<'a, B> {
    original: Option<B>,
    shared: &'a Shared<B>,
}

impl<B> Loan<'_, B> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Read<B>>>
    where
        B: Body + Unpin,
    {
        self.original.as_mut().map_or(Poll::Ready(None), |original| Pin::new(original).poll_frame(cx))
    }

    fn is_at_end(&self) -> bool
    where
        B: Body,
    {
        self.original.as_ref().is_none_or(Body::is_end_stream)
    }

    fn back<R>(&mut self, news: impl FnOnce(&mut Kept) -> R) -> R {
        let mut state = self.shared.state.lock();
        state.original = self.original.take();
        let told = news(&mut state.kept);
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        told
    }
}

impl<B> Drop for Loan<'_, B> {
    fn drop(&mut self) {
        if self.original.is_some() {
            self.back(|_| ());
        }
    }
}

/// A body whose beginning is not there any more: another attempt has taken it over, or it was too long to keep.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the body of this attempt cannot be sent: its beginning was not kept, or a later attempt has taken it over"
)]
struct Lost;
