use super::passage::Passage;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The rest of a load, for whoever waits for it.
pub(super) type Driving = Pin<Box<dyn Future<Output = ()> + Send>>;
pub(super) type Stream = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

pin_project! {
    /// The body of an answer through a cache: a stored one, or the origin's own.
    pub struct CacheBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<B> {
        Whole { bytes: Bytes },
        Own { #[pin] body: B },
        // What was read before it was known that it is not stored, and the rest.
        Begun { read: VecDeque<Bytes>, rest: Option<Stream> },
        // What is being stored, and what drives that on.
        Passing { passage: Arc<Passage>, load: Option<Driving> },
    }
}

impl<B> CacheBody<B> {
    pub(super) const fn whole(bytes: Bytes) -> Self {
        Self { kind: Kind::Whole { bytes } }
    }

    pub(super) const fn own(body: B) -> Self {
        Self { kind: Kind::Own { body } }
    }

    pub(super) const fn passing(passage: Arc<Passage>, load: Option<Driving>) -> Self {
        Self { kind: Kind::Passing { passage, load } }
    }

    pub(super) const fn begun(read: VecDeque<Bytes>, rest: Option<Stream>) -> Self {
        Self { kind: Kind::Begun { read, rest } }
    }
}

impl<B> Body for CacheBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            KindProj::Whole { bytes } if bytes.is_empty() => Poll::Ready(None),
            KindProj::Whole { bytes } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            KindProj::Own { body } => {
                body.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            KindProj::Begun { read, rest } => match (read.pop_front(), rest) {
                (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                (None, Some(rest)) => rest.as_mut().poll_frame(cx),
                (None, None) => Poll::Ready(None),
            },
            KindProj::Passing { passage, load } => {
                // This client is one of those who wait for the load; what it brings is in the passage.
                if load.as_mut().is_some_and(|load| load.as_mut().poll(cx).is_ready()) {
                    *load = None;
                }
                passage.poll_frame(cx)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole { bytes } => bytes.is_empty(),
            Kind::Own { body } => body.is_end_stream(),
            Kind::Begun { read, rest } => {
                read.is_empty() && rest.as_ref().is_none_or(|rest| rest.is_end_stream())
            }
            Kind::Passing { passage, .. } => passage.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole { bytes } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Own { body } => body.size_hint(),
            Kind::Begun { .. } | Kind::Passing { .. } => SizeHint::default(),
        }
    }
}

impl<B> fmt::Debug for CacheBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBody").finish_non_exhaustive()
    }
}

pin_project! {
    /// A body whose error is anybody's.
    pub(super) struct Erased<B> {
        #[pin]
        pub(super) body: B,
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for Erased<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.project().body.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
