use crate::retry::Token;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

/// A further attempt under way. Its future is boxed: it exists only once a call is already slow.
pub(super) struct Further<S: Service<Req>, Req> {
    stage: Stage<S, Req>,
    // Goes back if the attempt is dropped before it was handed over.
    pub(super) token: Option<Token>,
}

enum Stage<S: Service<Req>, Req> {
    Readying { service: S, request: Option<Req> },
    Calling(Pin<Box<S::Future>>),
}

/// How a further attempt ended.
pub(super) enum End<T, E> {
    /// Its instance of the service did not become ready.
    Unready(E),
    /// It was handed over, and came back so.
    Came(Result<T, E>),
}

impl<S: Service<Req>, Req> Further<S, Req> {
    pub(super) const fn new(service: S, request: Req, token: Option<Token>) -> Self {
        Self { stage: Stage::Readying { service, request: Some(request) }, token }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End<S::Response, S::Error>> {
        loop {
            match &mut self.stage {
                Stage::Readying { service, request } => {
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        return Poll::Ready(End::Unready(error));
                    }
                    let Some(request) = request.take() else { return Poll::Pending };
                    if let Some(token) = &mut self.token {
                        token.hand_over();
                    }
                    self.stage = Stage::Calling(Box::pin(service.call(request)));
                }
                Stage::Calling(call) => return call.as_mut().poll(cx).map(End::Came),
            }
        }
    }
}
