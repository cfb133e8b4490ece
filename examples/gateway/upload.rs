//! A request's body on its way through.
//!
//! A small one is read whole before anybody is called: a client who sends slowly holds no backend, and a retry can send
//! it again. A large one is passed on as it comes, sent once, and never held whole.

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderMap, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Up to here a body is small.
pub(crate) const KEPT: usize = 64 * 1024;
/// The longest that is let through.
pub(crate) const LONGEST: usize = 8 * 1024 * 1024;
/// How long a client may take to send it, and the backend to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What was read of a body before anybody was called, and the rest of it.
#[derive(Default)]
pub(crate) struct Upload {
    begun: VecDeque<Bytes>,
    rest: Option<Limited<Body>>,
}

impl Upload {
    /// Reads until the body is over, or known to be large.
    pub(crate) async fn begin(headers: &HeaderMap, body: Body) -> Result<Self, StatusCode> {
        if announced(headers).is_some_and(|length| length > LONGEST as u64) {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let (mut begun, mut rest, mut length) = (VecDeque::new(), Limited::new(body, LONGEST), 0);
        let reading = async {
            while length <= KEPT {
                let Some(frame) = rest.frame().await else { return Ok::<_, StatusCode>(true) };
                if let Ok(data) =
                    frame.map_err(|error| fault(&*error).unwrap_or(StatusCode::BAD_REQUEST))?.into_data()
                {
                    length += data.len();
                    begun.push_back(data);
                }
            }
            Ok(false)
        };
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(is_whole) => Ok(Self { rest: (!is_whole?).then_some(rest), begun }),
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        }
    }
}

/// Whether a request with these headers is going to be streamed, as far as they tell.
pub(crate) fn is_large(headers: &HeaderMap) -> bool {
    announced(headers).map_or_else(|| headers.contains_key(TRANSFER_ENCODING), |length| length > KEPT as u64)
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The answer to a client whose body is behind this error, if it is: then no backend is to blame.
pub(crate) fn fault(error: &(dyn Error + 'static)) -> Option<StatusCode> {
    if error.is::<LengthLimitError>() {
        return Some(StatusCode::PAYLOAD_TOO_LARGE);
    }
    // What axum reads is the client's; what the backends say never is.
    if error.is::<axum::Error>() {
        return Some(error.source().and_then(fault).unwrap_or(StatusCode::BAD_REQUEST));
    }
    fault(error.source()?)
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match (self.begun.pop_front(), &mut self.rest) {
            (Some(data), _) => Poll::Ready(Some(Ok(Frame::data(data)))),
            (None, Some(rest)) => Pin::new(rest).poll_frame(cx),
            (None, None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.begun.is_empty() && self.rest.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let begun = self.begun.iter().map(|data| data.len() as u64).sum::<u64>();
        let mut hint = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint);
        // The upper end first: the lower may not pass it.
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + begun);
        }
        hint.set_lower(hint.lower() + begun);
        hint
    }
}
