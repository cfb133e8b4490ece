//! A body that can be sent again.

use super::attempt::{Attempt, BoxError, Polled};
use super::kept::Kept;
use bytes::Bytes;
use http_body::{Body, SizeHint};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A request body that several attempts can send, one after the other.
///
/// Frames are kept as they pass, up to a cap, shared and not copied; an attempt that is answered early leaves
/// the rest for the next, which sends what was kept and then goes on reading the original. Nothing is kept unless
/// a copy was made, so a request that is sent once costs no memory.
///
/// # Examples
///
/// ```
/// use axum::body::Body;
/// use http::Request;
/// use seawall::http::ReplayBody;
///
/// let request = Request::new(Body::from("hello")).map(ReplayBody::new);
/// let copy = request.body().copy();
/// assert!(copy.is_some());
/// ```
///
/// # Memory
///
/// At most the cap per request in flight ([`CAP`](Self::CAP) by default), and 32 KiB for the list of frames. An empty
/// body keeps nothing and allocates nothing.
pub struct ReplayBody<B> {
    kind: Kind<B>,
}

enum Kind<B> {
    /// Passes once, untouched.
    Once(B),
    /// At its end from the start: any number of attempts send it.
    Empty,
    Many(Attempt<B>),
}

impl ReplayBody<()> {
    /// How many bytes of a body are kept by default: 64 KiB, linkerd's number.
    pub const CAP: usize = 64 * 1024;
}

impl<B: Body> ReplayBody<B> {
    /// A body of which up to [`CAP`](ReplayBody::CAP) bytes are kept.
    ///
    /// ```
    /// let body = seawall::http::ReplayBody::new(axum::body::Body::from("hello"));
    /// assert!(body.copy().is_some());
    /// ```
    #[must_use]
    pub fn new(body: B) -> Self {
        Self::capped(body, ReplayBody::CAP)
    }

    /// A body of which up to `cap` bytes are kept. One that is known to be longer passes once, untouched; with 0,
    /// that is every one that is not empty.
    ///
    /// ```
    /// use axum::body::Body;
    /// use seawall::http::ReplayBody;
    /// assert!(ReplayBody::capped(Body::from("hello"), 4).copy().is_none());
    /// assert!(ReplayBody::capped(Body::empty(), 0).copy().is_some());
    /// ```
    #[must_use]
    pub fn capped(body: B, cap: usize) -> Self {
        let hint = body.size_hint();
        let kind = if body.is_end_stream() {
            Kind::Empty
        } else if cap == 0 || hint.lower() > cap as u64 {
            Kind::Once(body)
        } else {
            Kind::Many(Attempt::first(body, hint, cap))
        };
        Self { kind }
    }
}

impl<B> ReplayBody<B> {
    /// The body for a further attempt, and from here on frames are kept; `None` if it can be sent only once.
    ///
    /// ```
    /// let body = seawall::http::ReplayBody::new(axum::body::Body::from("hello"));
    /// let further = body.copy().unwrap();
    /// assert!(further.is_replayable());
    /// ```
    #[must_use]
    pub fn copy(&self) -> Option<Self> {
        self.further(Kept::keep)
    }

    /// The body for a further attempt, of which nothing is kept: it can be sent while nothing of this one has been.
    ///
    /// ```
    /// let body = seawall::http::ReplayBody::new(axum::body::Body::from("hello"));
    /// assert!(body.copy_unsent().unwrap().is_replayable());
    /// ```
    #[must_use]
    pub fn copy_unsent(&self) -> Option<Self> {
        self.further(|_| ())
    }

    /// Whether a copy would still send the whole.
    ///
    /// ```
    /// use axum::body::Body;
    /// use seawall::http::ReplayBody;
    /// assert!(ReplayBody::new(Body::empty()).is_replayable());
    /// assert!(!ReplayBody::capped(Body::from("hello"), 0).is_replayable());
    /// ```
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        match &self.kind {
            Kind::Once(_) => false,
            Kind::Empty => true,
            Kind::Many(attempt) => attempt.is_kept(Kept::is_whole),
        }
    }

    /// Whether the whole is known and kept: only then can two attempts send it at the same time.
    ///
    /// ```
    /// use seawall::http::ReplayBody;
    /// assert!(ReplayBody::new(axum::body::Body::empty()).is_complete());
    /// assert!(!ReplayBody::new(axum::body::Body::from("hello")).is_complete());
    /// ```
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match &self.kind {
            Kind::Once(_) => false,
            Kind::Empty => true,
            Kind::Many(attempt) => attempt.is_kept(Kept::is_complete),
        }
    }

    fn further(&self, prepare: impl FnOnce(&mut Kept)) -> Option<Self> {
        let kind = match &self.kind {
            Kind::Once(_) => return None,
            Kind::Empty => Kind::Empty,
            Kind::Many(attempt) => Kind::Many(attempt.further(prepare)?),
        };
        Some(Self { kind })
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        match &mut self.kind {
            Kind::Once(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            Kind::Empty => Poll::Ready(None),
            Kind::Many(attempt) => attempt.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Once(body) => body.is_end_stream(),
            Kind::Empty => true,
            Kind::Many(attempt) => attempt.is_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Once(body) => body.size_hint(),
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Many(attempt) => attempt.size_hint(),
        }
    }
}

impl<B: Body + Default> Default for ReplayBody<B> {
    fn default() -> Self {
        Self::new(B::default())
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").field("replayable", &self.is_replayable()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Mutex;
    use http::HeaderMap;
    use http_body::Frame;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::task::Waker;

    /// A body that follows a script: `None` pends once.
    #[derive(Debug, Default)]
    struct Script {
        steps: VecDeque<Option<Step>>,
        // Whether it says in time that it is at its end.
        foretold: bool,
        exact: Option<u64>,
    }

    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Step {
        Data(Vec<u8>),
        Trailers,
        Fail,
    }

    impl Script {
        fn of(steps: impl IntoIterator<Item = Option<Step>>) -> Self {
            Self { steps: steps.into_iter().collect(), foretold: true, exact: None }
        }

        fn data(parts: &[&str]) -> Self {
            Self::of(parts.iter().map(|part| Some(Step::Data(part.as_bytes().to_vec()))))
        }
    }

    fn trailers() -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static("checksum"), http::HeaderValue::from(7))])
    }

    impl Body for Script {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
            match self.steps.pop_front() {
                None => Poll::Ready(None),
                Some(None) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Some(Some(Step::Data(data))) => Poll::Ready(Some(Ok(Frame::data(Bytes::from(data))))),
                Some(Some(Step::Trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers())))),
                Some(Some(Step::Fail)) => Poll::Ready(Some(Err("disk".into()))),
            }
        }

        fn is_end_stream(&self) -> bool {
            self.foretold && self.steps.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            self.exact.map_or_else(SizeHint::new, SizeHint::with_exact)
        }
    }

    /// Polls once.
    fn step<B: Body<Data = Bytes, Error = BoxError> + Unpin>(
        body: &mut B,
    ) -> Poll<Option<Result<Step, String>>> {
        Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())).map(|frame| {
            frame.map(|frame| match frame {
                Ok(frame) => Ok(frame.into_data().map_or(Step::Trailers, |data| Step::Data(data.to_vec()))),
                Err(error) => Err(error.to_string()),
            })
        })
    }

    /// Reads to the end.
    fn rest<B: Body<Data = Bytes, Error = BoxError> + Unpin>(body: &mut B) -> Result<Vec<Step>, String> {
        let mut all = Vec::new();
        loop {
            match step(body) {
                Poll::Pending => {}
                Poll::Ready(None) => return Ok(all),
                Poll::Ready(Some(frame)) => all.push(frame?),
            }
        }
    }

    fn texts(steps: &[Step]) -> Vec<&str> {
        steps
            .iter()
            .map(|step| match step {
                Step::Data(data) => std::str::from_utf8(data).unwrap(),
                Step::Trailers => "(trailers)",
                Step::Fail => "(failure)",
            })
            .collect()
    }

    #[test]
    fn an_attempt_answered_early_leaves_the_rest_to_the_next() {
        let mut first = ReplayBody::new(Script::data(&["a", "b", "c"]));
        let mut second = first.copy().unwrap();
        assert_eq!(step(&mut first), Poll::Ready(Some(Ok(Step::Data(b"a".to_vec())))));
        assert_eq!(texts(&rest(&mut second).unwrap()), ["a", "b", "c"]);
        assert!(second.is_end_stream() && second.is_complete());
        // The first one's connection has not let go of it, and needs what is not its any more? It is kept.
        assert_eq!(texts(&rest(&mut first).unwrap()), ["b", "c"]);
    }

    #[test]
    fn an_attempt_that_was_overtaken_reads_no_further() {
        let mut first = ReplayBody::new(Script::data(&["a", "b", "c"]));
        let mut second = first.copy().unwrap();
        assert!(step(&mut first).is_ready());
        assert!(step(&mut second).is_ready());
        assert!(rest(&mut first).is_err());
        assert_eq!(texts(&rest(&mut second).unwrap()), ["b", "c"]);
    }

    #[test]
    fn without_a_copy_nothing_is_kept() {
        let mut only = ReplayBody::new(Script::data(&["a", "b"]));
        assert!(step(&mut only).is_ready());
        assert!(!only.is_replayable() && only.copy().is_none());
        assert_eq!(texts(&rest(&mut only).unwrap()), ["b"]);
        assert!(only.is_end_stream());
    }

    #[test]
    fn what_was_not_begun_can_be_sent_by_another() {
        let mut first = ReplayBody::new(Script::data(&["a", "b"]));
        let mut second = first.copy_unsent().unwrap();
        assert!(second.is_replayable());
        assert_eq!(texts(&rest(&mut second).unwrap()), ["a", "b"]);
        assert!(!first.is_replayable());
        assert!(rest(&mut first).is_err());
    }

    #[test]
    fn beyond_the_cap_the_attempt_goes_on_and_is_the_last() {
        let mut first = ReplayBody::capped(Script::data(&["abc", "def", "g"]), 5);
        let mut second = first.copy().unwrap();
        assert_eq!(texts(&rest(&mut first).unwrap()), ["abc", "def", "g"]);
        assert!(!second.is_replayable());
        assert!(rest(&mut second).is_err());
    }

    #[test]
    fn a_body_known_to_be_too_long_passes_once_untouched() {
        let mut script = Script::data(&["abcdef"]);
        script.exact = Some(6);
        let mut body = ReplayBody::capped(script, 5);
        assert!(body.copy().is_none() && body.copy_unsent().is_none());
        assert_eq!(body.size_hint().exact(), Some(6));
        assert_eq!(texts(&rest(&mut body).unwrap()), ["abcdef"]);
    }

    #[test]
    fn many_tiny_frames_are_not_kept_without_bound() {
        let parts = vec!["a"; 2000];
        let mut first = ReplayBody::new(Script::data(&parts));
        let second = first.copy().unwrap();
        assert_eq!(rest(&mut first).unwrap().len(), 2000);
        assert!(!second.is_replayable());
    }

    #[test]
    fn an_empty_body_is_at_its_end_on_every_attempt() {
        let body = ReplayBody::capped(Script::data(&[]), 0);
        for mut attempt in [body.copy().unwrap(), body] {
            assert!(attempt.is_end_stream() && attempt.is_complete());
            assert_eq!(attempt.size_hint().exact(), Some(0));
            assert_eq!(rest(&mut attempt), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_body_that_fails_ends_the_replaying_with_that_failure() {
        let mut first = ReplayBody::new(Script::of([Some(Step::Data(b"a".to_vec())), Some(Step::Fail)]));
        let second = first.copy().unwrap();
        assert_eq!(rest(&mut first), Err("disk".to_owned()));
        assert!(!second.is_replayable() && second.copy().is_none());
    }

    #[test]
    fn the_size_is_the_originals_on_every_attempt() {
        let mut script = Script::data(&["abc", "de"]);
        script.exact = Some(5);
        let mut first = ReplayBody::new(script);
        let second = first.copy().unwrap();
        assert!(step(&mut first).is_ready());
        assert_eq!((first.size_hint().exact(), second.size_hint().exact()), (Some(2), Some(5)));
        rest(&mut first).unwrap();
        assert_eq!((first.size_hint().exact(), second.size_hint().exact()), (Some(0), Some(5)));
    }

    #[test]
    fn a_panic_of_the_original_does_not_lose_it() {
        struct Panics(bool);

        impl Body for Panics {
            type Data = Bytes;
            type Error = BoxError;

            fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Polled {
                assert!(std::mem::replace(&mut self.0, true), "first");
                Poll::Ready(None)
            }
        }

        let mut first = ReplayBody::new(Panics(false));
        let mut second = first.copy().unwrap();
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| step(&mut first))).is_err());
        assert_eq!(rest(&mut second), Ok(Vec::new()));
    }

    /// While one attempt polls the original, another begins: it waits, and is woken with what was read.
    #[test]
    fn who_comes_while_the_original_is_polled_is_woken_and_misses_nothing() {
        struct Reenters {
            other: Arc<Mutex<Option<ReplayBody<Self>>>>,
            left: u8,
        }

        impl Body for Reenters {
            type Data = Bytes;
            type Error = BoxError;

            fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Polled {
                if let Some(other) = self.other.lock().as_mut() {
                    assert!(step(other).is_pending());
                }
                if self.left == 0 {
                    return Poll::Ready(None);
                }
                self.left -= 1;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![self.left])))))
            }
        }

        for unsent in [false, true] {
            let other = Arc::new(Mutex::new(None));
            let mut first = ReplayBody::capped(Reenters { other: Arc::clone(&other), left: 3 }, 1);
            let second = if unsent { first.copy_unsent() } else { first.copy() };
            *other.lock() = second;
            assert_eq!(step(&mut first), Poll::Ready(Some(Ok(Step::Data(vec![2])))));
            let mut second = other.lock().take().unwrap();
            let all = rest(&mut second).unwrap();
            assert_eq!(all, [2, 1, 0].map(|byte| Step::Data(vec![byte])));
            assert!(rest(&mut first).is_err());
        }
    }

    fn scripts() -> impl Strategy<Value = (Vec<Option<Step>>, bool)> {
        let data = proptest::collection::vec(any::<u8>(), 0..6).prop_map(|data| Some(Step::Data(data)));
        let step = prop_oneof![4 => data, 1 => Just(None)];
        (proptest::collection::vec(step, 0..8), any::<bool>(), any::<bool>()).prop_map(
            |(mut steps, ends, foretold)| {
                if ends {
                    steps.push(Some(Step::Trailers));
                }
                (steps, foretold)
            },
        )
    }

    proptest! {
        /// Against the naive twin that remembers the whole script: attempts begin one after the other, each reads
        /// some of it, and the last one all of it.
        #[test]
        fn every_attempt_sends_the_same((steps, foretold) in scripts(), cap in 1_usize..40, reads in proptest::collection::vec(0_usize..8, 0..4)) {
            let whole: Vec<Step> = steps.iter().flatten().cloned().collect();
            let mut script = Script::of(steps);
            script.foretold = foretold;
            let mut attempt = ReplayBody::capped(script, cap);
            for polls in reads {
                let Some(next) = attempt.copy() else { break };
                let (mut seen, mut ended) = (Vec::new(), false);
                for _ in 0..polls {
                    match step(&mut attempt) {
                        Poll::Pending => {}
                        Poll::Ready(None) => ended = true,
                        Poll::Ready(Some(frame)) => seen.push(frame.unwrap()),
                    }
                }
                prop_assert_eq!(&seen, &whole[..seen.len()]);
                prop_assert!(!(ended || attempt.is_end_stream()) || seen == whole);
                let read: usize = seen.iter().map(|step| match step { Step::Data(data) => data.len(), _ => 0 }).sum();
                prop_assert!(next.is_replayable() || read > cap);
                if !next.is_replayable() { break }
                attempt = next;
            }
            if attempt.is_replayable() {
                let mut last = attempt.copy().unwrap();
                prop_assert_eq!(rest(&mut last).unwrap(), whole);
                prop_assert!(last.is_end_stream());
            }
        }
    }
}
