use super::over::Standing;
use crate::error::Fault;
use crate::retry::Replay;
use std::future::{Future, Ready};
use tower_service::Service;

/// What stands in for an outcome: a value, a function of the outcome, or another service.
///
/// The three forms are made by [`Fallback::value`](super::Fallback::value), [`of`](super::Fallback::of) and
/// [`service`](super::Fallback::service); the trait is there to name them.
pub trait Instead<Req, T, E> {
    /// What is kept of the request until the outcome is there.
    type Kept;
    /// The call that stands in.
    type Future: Future<Output = Result<T, E>>;

    /// Before the call.
    fn keep(&self, request: &Req) -> Self::Kept;

    /// After it, if its outcome is to be replaced.
    fn instead(&self, kept: Self::Kept, outcome: Result<T, E>) -> Turn<Self::Future, T, E>;
}

/// How an outcome is replaced.
#[derive(Debug)]
pub enum Turn<F, T, E> {
    /// By this.
    Answer(Result<T, E>),
    /// Not at all: the original outcome passes.
    Pass(Result<T, E>),
    /// By what this call brings, unless that is a refusal and the outcome a real result.
    Call(F, Result<T, E>),
}

/// A value; made by [`Fallback::value`](super::Fallback::value).
#[derive(Clone, Copy, Debug)]
pub struct Value<F>(pub(super) F);

impl<F, Req, T, E> Instead<Req, T, E> for Value<F>
where
    F: Fn() -> T,
{
    type Kept = ();
    type Future = Ready<Result<T, E>>;

    #[inline]
    fn keep(&self, _: &Req) {}

    fn instead(&self, (): (), _: Result<T, E>) -> Turn<Self::Future, T, E> {
        Turn::Answer(Ok((self.0)()))
    }
}

/// A function of the outcome; made by [`Fallback::of`](super::Fallback::of).
#[derive(Clone, Copy, Debug)]
pub struct Of<F>(pub(super) F);

impl<F, Req, T, E> Instead<Req, T, E> for Of<F>
where
    F: Fn(Result<T, E>) -> Result<T, E>,
{
    type Kept = ();
    type Future = Ready<Result<T, E>>;

    #[inline]
    fn keep(&self, _: &Req) {}

    fn instead(&self, (): (), outcome: Result<T, E>) -> Turn<Self::Future, T, E> {
        Turn::Answer((self.0)(outcome))
    }
}

/// Another service; made by [`Fallback::service`](super::Fallback::service).
#[derive(Clone, Copy, Debug)]
pub struct Over<S, R> {
    pub(super) service: S,
    pub(super) replay: R,
}

impl<S, R, Req, T, E> Instead<Req, T, E> for Over<S, R>
where
    S: Service<Req, Response = T, Error = E> + Clone,
    E: Fault,
    R: Replay<Req, T, E::Inner>,
{
    type Kept = Option<Req>;
    type Future = Standing<S, Req>;

    #[inline]
    fn keep(&self, request: &Req) -> Option<Req> {
        self.replay.replay(request)
    }

    fn instead(&self, kept: Option<Req>, outcome: Result<T, E>) -> Turn<Self::Future, T, E> {
        match kept {
            Some(request) => Turn::Call(Standing::new(self.service.clone(), request), outcome),
            None => Turn::Pass(outcome),
        }
    }
}
