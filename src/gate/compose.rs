//! What is a gate because its parts are.

use super::{Admit, Blocked, Gate, Line, Now, Permit, through};
use crate::class::Class;
use crate::error::Rejected;
use crate::priority::Priority;
use crate::time::Instant;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

macro_rules! pointer {
    ($($pointer:ty),*) => {$(
        impl<G: Gate + ?Sized> Gate for $pointer {
            type Pass = G::Pass;

            through!(Gate: this => (**this));
        }

        impl<G: Admit<Req> + ?Sized, Req: ?Sized> Admit<Req> for $pointer {
            through!(Admit: this => (**this));
            through!(about: this => (**this));
            through!(tenant: this => (**this));
        }
    )*};
}

pointer!(&G, Arc<G>, Rc<G>);

/// A gate that may be switched off: `None` admits everything and costs nothing.
impl<G: Gate> Gate for Option<G> {
    type Pass = Option<G::Pass>;

    #[inline(always)]
    fn refuses(&self, now: &mut Now) -> Option<Rejected> {
        self.as_ref()?.refuses(now)
    }

    fn refused(&self, rejected: &Rejected) {
        if let Some(gate) = self {
            gate.refused(rejected);
        }
    }

    #[inline(always)]
    fn answered(&self, pass: &mut Self::Pass, now: &mut Now) {
        if let (Some(gate), Some(pass)) = (self, pass) {
            gate.answered(pass, now);
        }
    }

    #[inline(always)]
    fn settle(&self, pass: Self::Pass, class: Class, now: &mut Now) {
        if let (Some(gate), Some(pass)) = (self, pass) {
            gate.settle(pass, class, now);
        }
    }

    #[inline(always)]
    fn release(&self, pass: Self::Pass) {
        if let (Some(gate), Some(pass)) = (self, pass) {
            gate.release(pass);
        }
    }

    #[inline(always)]
    fn abandon(&self, pass: Self::Pass) {
        if let (Some(gate), Some(pass)) = (self, pass) {
            gate.abandon(pass);
        }
    }

    fn line(&self) -> Option<&Line> {
        self.as_ref()?.line()
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.as_ref()?.due(now)
    }
}

impl<G: Admit<Req>, Req: ?Sized> Admit<Req> for Option<G> {
    #[inline(always)]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected> {
        self.as_ref().map(|gate| gate.admit(request, now)).transpose()
    }

    fn admit_head(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected> {
        self.as_ref().map(|gate| gate.admit_head(request, now)).transpose()
    }

    fn cost(&self, request: &Req) -> u64 {
        self.as_ref().map_or(0, |gate| gate.cost(request))
    }

    fn rank(&self, request: &Req) -> Option<Priority> {
        self.as_ref()?.rank(request)
    }

    fn tenant(&self, request: &Req) -> Option<u64> {
        self.as_ref()?.tenant(request)
    }

    fn foretell(&self, request: &Req, now: &mut Now) -> Option<Duration> {
        self.as_ref()?.foretell(request, now)
    }

    fn stand(&self, request: &Req) -> Option<Line> {
        self.as_ref()?.stand(request)
    }

    fn admit_in_turn(
        &self,
        request: &Req,
        turn: Option<&Line>,
        now: &mut Now,
    ) -> Result<Self::Pass, Blocked> {
        self.as_ref().map(|gate| gate.admit_in_turn(request, turn, now)).transpose()
    }
}

/// The gate that admits everything.
impl Gate for () {
    type Pass = ();

    #[inline(always)]
    fn settle(&self, (): (), _: Class, _: &mut Now) {}

    #[inline(always)]
    fn release(&self, (): ()) {}

    #[inline(always)]
    fn abandon(&self, (): ()) {}
}

impl<Req: ?Sized> Admit<Req> for () {
    #[inline(always)]
    fn admit(&self, _: &Req, _: &mut Now) -> Result<(), Rejected> {
        Ok(())
    }
}

/// A pass on its way into a tuple: released if a later gate refuses or a key function panics.
struct Taken<'a, G: Gate> {
    pass: Option<G::Pass>,
    gate: &'a G,
}

impl<'a, G: Gate> Taken<'a, G> {
    #[inline(always)]
    const fn new(gate: &'a G, pass: G::Pass) -> Self {
        Self { pass: Some(pass), gate }
    }

    /// The pass, once all gates have admitted; `None` is unreachable and costs a branch, not a panic.
    #[inline(always)]
    fn keep(mut self) -> Option<G::Pass> {
        self.pass.take()
    }
}

impl<G: Gate> Drop for Taken<'_, G> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.gate.release(pass);
        }
    }
}

// Left to right, in and out. On the way out every pass is back in a permit before the first of them ends,
// so an observer that panics in one gate abandons the rest instead of losing them. Each member's pass is an
// `Option` that is always `Some`: it saves an `unwrap` that nobody could explain.
macro_rules! tuple {
    ($($gate:ident $index:tt),+) => {
        impl<$($gate: Gate),+> Gate for ($($gate,)+) {
            type Pass = ($(Option<$gate::Pass>,)+);

            #[inline(always)]
            fn refuses(&self, now: &mut Now) -> Option<Rejected> {
                $(if let Some(rejected) = self.$index.refuses(now) {
                    return Some(rejected);
                })+
                None
            }

            fn refused(&self, rejected: &Rejected) {
                // Names may be shared, so it is the first that refuses still that is told, as it was asked.
                $(if self.$index.refuses(&mut Now::lazy()).is_some() {
                    return self.$index.refused(rejected);
                })+
                // It changed its mind since: whoever bears the name.
                $(self.$index.refused(rejected);)+
            }

            #[inline(always)]
            fn answered(&self, pass: &mut Self::Pass, now: &mut Now) {
                $(if let Some(pass) = &mut pass.$index {
                    self.$index.answered(pass, now);
                })+
            }

            #[inline(always)]
            #[expect(non_snake_case, reason = "each permit is named after its gate's type parameter")]
            fn settle(&self, pass: Self::Pass, class: Class, now: &mut Now) {
                $(let mut $gate = Permit::held(&self.$index, pass.$index);)+
                $($gate.end(class, now);)+
            }

            #[inline(always)]
            #[expect(non_snake_case, reason = "each permit is named after its gate's type parameter")]
            fn release(&self, pass: Self::Pass) {
                $(let $gate = Permit::held(&self.$index, pass.$index);)+
                $($gate.release();)+
            }

            #[inline(always)]
            fn abandon(&self, pass: Self::Pass) {
                let _ = ($(Permit::held(&self.$index, pass.$index),)+);
            }
        }

        impl<Req: ?Sized, $($gate: Admit<Req>),+> Admit<Req> for ($($gate,)+) {
            #[inline(always)]
            #[expect(non_snake_case, reason = "each pass is named after its gate's type parameter")]
            fn admit(&self, request: &Req, now: &mut Now) -> Result<Self::Pass, Rejected> {
                $(let $gate = Taken::new(&self.$index, self.$index.admit(request, now)?);)+
                Ok(($($gate.keep(),)+))
            }

            fn rank(&self, request: &Req) -> Option<Priority> {
                // Of the first who tells them apart.
                None$(.or_else(|| self.$index.rank(request)))+
            }

            fn tenant(&self, request: &Req) -> Option<u64> {
                None$(.or_else(|| self.$index.tenant(request)))+
            }

            #[expect(non_snake_case, reason = "each pass is named after its gate's type parameter")]
            fn admit_in_turn(
                &self,
                request: &Req,
                turn: Option<&Line>,
                now: &mut Now,
            ) -> Result<Self::Pass, Blocked> {
                $(let $gate = Taken::new(&self.$index, self.$index.admit_in_turn(request, turn, now)?);)+
                Ok(($($gate.keep(),)+))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
