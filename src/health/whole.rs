use bytes::Buf;
use http::header::HeaderMap;
use http::{Request, Response, StatusCode};
use http_body::Body;
use std::future::poll_fn;
use std::pin::pin;
use tower_service::Service;

/// An answer to a check: all of it, if it is not too long.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) trailers: HeaderMap,
}

/// Asks, and reads the answer until it ends, breaks or is longer than `longest`: an end that is read leaves the
/// connection for others.
pub(super) async fn answer<S, B, R>(mut service: S, request: Request<B>, longest: usize) -> Option<Answer>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    poll_fn(|cx| service.poll_ready(cx)).await.ok()?;
    let (head, body) = service.call(request).await.ok()?.into_parts();
    let (mut read, mut trailers, mut body) = (Vec::new(), HeaderMap::new(), pin!(body));
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(frame) = frame else { break };
        match frame.into_data() {
            Ok(mut data) if read.len() + data.remaining() <= longest => {
                while data.has_remaining() {
                    let chunk = data.chunk();
                    read.extend_from_slice(chunk);
                    let length = chunk.len();
                    data.advance(length);
                }
            }
            Ok(_) => break,
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    Some(Answer { status: head.status, headers: head.headers, body: read, trailers })
}
