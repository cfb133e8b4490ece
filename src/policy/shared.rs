use super::Once;
use crate::error::{Reason, Rejected, TimedOut};
use crate::gate::Gate;
use crate::telemetry::{Kind, Telemetry, What};
use crate::timeout::{Limits, NEVER};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What all calls through one policy share, but for the drivers around them.
pub struct Shared<G, C, R, T> {
    pub(super) telemetry: Telemetry,
    pub(super) gates: G,
    pub(super) classifier: C,
    pub(super) repeat: R,
    pub(super) limits: T,
}

impl<G, C, R, T> Shared<G, C, R, T> {
    pub(super) fn gates<H>(self, change: impl FnOnce(G) -> H) -> Shared<H, C, R, T> {
        let Self { telemetry, gates, classifier, repeat, limits } = self;
        Shared { telemetry, gates: change(gates), classifier, repeat, limits }
    }

    pub(super) fn classifier<D>(self, classifier: D) -> Shared<G, D, R, T> {
        let Self { telemetry, gates, repeat, limits, .. } = self;
        Shared { telemetry, gates, classifier, repeat, limits }
    }

    pub(super) fn repeat<Q>(self, repeat: Q) -> Shared<G, C, Q, T> {
        let Self { telemetry, gates, classifier, limits, .. } = self;
        Shared { telemetry, gates, classifier, repeat, limits }
    }

    pub(super) fn limits<L>(self, limits: L) -> Shared<G, C, R, L> {
        let Self { telemetry, gates, classifier, repeat, .. } = self;
        Shared { telemetry, gates, classifier, repeat, limits }
    }
}

impl<G: Clone, C: Clone, R: Clone, T: Clone> Clone for Shared<G, C, R, T> {
    fn clone(&self) -> Self {
        Self {
            telemetry: self.telemetry.clone(),
            gates: self.gates.clone(),
            classifier: self.classifier.clone(),
            repeat: self.repeat.clone(),
            limits: self.limits.clone(),
        }
    }
}

impl<G, C, R, T> fmt::Debug for Shared<G, C, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.telemetry.name()).finish_non_exhaustive()
    }
}

/// What a call goes by: implemented by pointers to [`Shared`], and by what shows a part of it.
pub trait Parts {
    /// The fused gates.
    type Gates: Gate;
    /// The judge.
    type Classifier;
    /// What makes further attempts.
    type Repeat;
    /// How long an attempt may take.
    type Limits;

    #[doc(hidden)]
    fn telemetry(&self) -> &Telemetry;
    #[doc(hidden)]
    fn gates(&self) -> &Self::Gates;
    #[doc(hidden)]
    fn classifier(&self) -> &Self::Classifier;
    #[doc(hidden)]
    fn repeat(&self) -> &Self::Repeat;
    #[doc(hidden)]
    fn limits(&self) -> &Self::Limits;
}

macro_rules! pointer {
    ($($pointer:ty),*) => {$(
        impl<G: Gate, C, R, T> Parts for $pointer {
            type Gates = G;
            type Classifier = C;
            type Repeat = R;
            type Limits = T;

            fn telemetry(&self) -> &Telemetry {
                &self.telemetry
            }

            #[inline(always)]
            fn gates(&self) -> &G {
                &self.gates
            }

            #[inline(always)]
            fn classifier(&self) -> &C {
                &self.classifier
            }

            #[inline(always)]
            fn repeat(&self) -> &R {
                &self.repeat
            }

            #[inline(always)]
            fn limits(&self) -> &T {
                &self.limits
            }
        }
    )*};
}
pointer!(&Shared<G, C, R, T>, Arc<Shared<G, C, R, T>>);

/// An attempt has had its time.
#[cold]
pub(super) fn timed_out(telemetry: &Telemetry, after: Duration) -> TimedOut {
    telemetry.tell(Kind::Timeout, What::TimedOut { after });
    TimedOut::new(telemetry.name(), after)
}

/// The time of the whole request is over before a further attempt.
#[cold]
pub(super) fn overdue(telemetry: &Telemetry) -> Rejected {
    Rejected::new(telemetry.name(), Reason::Deadline)
}

/// Of what `P` shows, that which concerns one attempt: the part of a policy inside its hedge.
#[derive(Clone, Copy, Debug)]
pub struct Inside<P>(pub(super) P);

impl<P: Parts> Parts for Inside<P> {
    type Gates = P::Gates;
    type Classifier = P::Classifier;
    type Repeat = Once;
    type Limits = P::Limits;

    fn telemetry(&self) -> &Telemetry {
        self.0.telemetry()
    }

    #[inline]
    fn gates(&self) -> &P::Gates {
        self.0.gates()
    }

    #[inline]
    fn classifier(&self) -> &P::Classifier {
        self.0.classifier()
    }

    #[inline]
    fn repeat(&self) -> &Once {
        &Once
    }

    #[inline]
    fn limits(&self) -> &P::Limits {
        self.0.limits()
    }
}

/// Of what `P` shows, that which concerns the attempts together: the part of a policy outside its hedge.
#[derive(Clone, Copy, Debug)]
pub struct Outside<P>(pub(super) P);

impl<P: Parts> Parts for Outside<P> {
    type Gates = ();
    type Classifier = P::Classifier;
    type Repeat = P::Repeat;
    type Limits = Unlimited;

    fn telemetry(&self) -> &Telemetry {
        self.0.telemetry()
    }

    #[inline]
    fn gates(&self) -> &() {
        &()
    }

    #[inline]
    fn classifier(&self) -> &P::Classifier {
        self.0.classifier()
    }

    #[inline]
    fn repeat(&self) -> &P::Repeat {
        self.0.repeat()
    }

    #[inline]
    fn limits(&self) -> &Unlimited {
        &Unlimited
    }
}

/// As long as it likes: each attempt has its own limit further in.
#[derive(Clone, Copy, Debug)]
pub struct Unlimited;

impl<Req: ?Sized> Limits<Req> for Unlimited {
    #[inline]
    fn limit(&self, _: &Req) -> Option<Duration> {
        None
    }

    #[inline]
    fn nanos(&self, _: &Req) -> u64 {
        NEVER
    }
}

/// As long as each request is worth.
#[derive(Clone, Copy)]
pub struct PerRequest<W>(pub(super) W);

impl<W, Req: ?Sized> Limits<Req> for PerRequest<W>
where
    W: Fn(&Req) -> Option<Duration>,
{
    #[inline]
    fn limit(&self, request: &Req) -> Option<Duration> {
        (self.0)(request)
    }
}

impl<W> fmt::Debug for PerRequest<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PerRequest")
    }
}
