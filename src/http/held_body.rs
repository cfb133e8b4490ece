use super::grpc;
use crate::class::Class;
use crate::gate::{Gate, Permit};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The body of an answer whose call has not ended yet: the permit of the call ends with it.
    ///
    /// At its end the call is settled, with the class of the head or, of a gRPC answer whose status stands there,
    /// of the trailers; at an error of its own as [`Transient`](Class::Transient). Dropped before its end, the call
    /// is abandoned.
    pub struct HeldBody<B, P>
    where
        P: Gate,
    {
        // Before the permit: what it holds goes first, the slot last.
        #[pin]
        body: B,
        held: Option<Held<P>>,
    }
}

/// A permit, and what its call is settled with.
pub(super) struct Held<P: Gate> {
    pub(super) permit: Permit<P>,
    pub(super) head: Class,
    /// Whether the status of the call stands in the trailers.
    pub(super) trailing: bool,
}

impl<P: Gate> Held<P> {
    /// The body is at its end.
    pub(super) fn end(self, trailers: Option<&HeaderMap>) {
        let class = match self.head {
            Class::Success if self.trailing => grpc::ended(trailers),
            head => head,
        };
        self.permit.settle(class);
    }
}

impl<B, P: Gate> HeldBody<B, P> {
    pub(super) const fn new(body: B, held: Option<Held<P>>) -> Self {
        Self { body, held }
    }
}

impl<B: Body, P: Gate> Body for HeldBody<B, P> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let polled = ready!(this.body.as_mut().poll_frame(cx));
        match &polled {
            None => {
                if let Some(held) = this.held.take() {
                    held.end(None);
                }
            }
            Some(Err(_)) => {
                if let Some(held) = this.held.take() {
                    held.permit.settle(Class::Transient);
                }
            }
            // Whoever reads a body that says it is at its end does not ask again.
            Some(Ok(frame)) if frame.is_trailers() || this.body.is_end_stream() => {
                if let Some(held) = this.held.take() {
                    held.end(frame.trailers_ref());
                }
            }
            Some(Ok(_)) => {}
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: fmt::Debug, P: Gate> fmt::Debug for HeldBody<B, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldBody")
            .field("body", &self.body)
            .field("held", &self.held.is_some())
            .finish_non_exhaustive()
    }
}
