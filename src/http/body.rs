use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The body of a service's own answer, or of one made in its place.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http_body::Body;
    /// use seawall::http::RespondBody;
    ///
    /// let empty = RespondBody::<axum::body::Body>::made(Bytes::new());
    /// assert!(empty.is_end_stream());
    /// ```
    #[derive(Debug)]
    pub struct RespondBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProj]
    enum Kind<B> {
        Own { #[pin] body: B },
        Made { bytes: Bytes },
    }
}

impl<B> RespondBody<B> {
    /// The service's own body.
    ///
    /// ```
    /// let body = seawall::http::RespondBody::own(axum::body::Body::from("hello"));
    /// # let _ = body;
    /// ```
    #[must_use]
    pub const fn own(body: B) -> Self {
        Self { kind: Kind::Own { body } }
    }

    /// A body of these bytes.
    ///
    /// ```
    /// # use seawall::http::RespondBody;
    /// let body = RespondBody::<axum::body::Body>::made("slow down".into());
    /// # let _ = body;
    /// ```
    #[must_use]
    pub const fn made(bytes: Bytes) -> Self {
        Self { kind: Kind::Made { bytes } }
    }
}

impl<B: Body<Data = Bytes>> Body for RespondBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Own { body } => body.poll_frame(cx),
            KindProj::Made { bytes } if bytes.is_empty() => Poll::Ready(None),
            KindProj::Made { bytes } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Own { body } => body.is_end_stream(),
            Kind::Made { bytes } => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Own { body } => body.size_hint(),
            Kind::Made { bytes } => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}
