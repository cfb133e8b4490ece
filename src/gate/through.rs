/// What a gate made of another passes on as it is.
///
/// In its `impl Gate`, `through!(Gate: this => this.gate)`. In its `impl Admit<Req>`, whichever hold of `Admit` (the asking),
/// `about` (what requests are told apart by) and `tenant`.
macro_rules! through {
    (Gate: $this:ident => $gate:expr) => {
        #[inline(always)]
        fn refuses(&self, now: &mut $crate::gate::Now) -> Option<$crate::Rejected> {
            let $this = self;
            $gate.refuses(now)
        }

        fn refused(&self, rejected: &$crate::Rejected) {
            let $this = self;
            $gate.refused(rejected);
        }

        #[inline(always)]
        fn answered(&self, pass: &mut Self::Pass, now: &mut $crate::gate::Now) {
            let $this = self;
            $gate.answered(pass, now);
        }

        #[inline(always)]
        fn settle(&self, pass: Self::Pass, class: $crate::Class, now: &mut $crate::gate::Now) {
            let $this = self;
            $gate.settle(pass, class, now);
        }

        #[inline(always)]
        fn release(&self, pass: Self::Pass) {
            let $this = self;
            $gate.release(pass);
        }

        #[inline(always)]
        fn abandon(&self, pass: Self::Pass) {
            let $this = self;
            $gate.abandon(pass);
        }

        #[inline(always)]
        fn line(&self) -> Option<&$crate::gate::Line> {
            let $this = self;
            $gate.line()
        }

        fn due(&self, now: $crate::Instant) -> Option<$crate::Instant> {
            let $this = self;
            $gate.due(now)
        }
    };
    (Admit: $this:ident => $gate:expr) => {
        #[inline(always)]
        fn admit(&self, request: &Req, now: &mut $crate::gate::Now) -> Result<Self::Pass, $crate::Rejected> {
            let $this = self;
            $gate.admit(request, now)
        }

        fn admit_head(
            &self,
            request: &Req,
            now: &mut $crate::gate::Now,
        ) -> Result<Self::Pass, $crate::Rejected> {
            let $this = self;
            $gate.admit_head(request, now)
        }

        #[inline(always)]
        fn admit_in_turn(
            &self,
            request: &Req,
            turn: Option<&$crate::gate::Line>,
            now: &mut $crate::gate::Now,
        ) -> Result<Self::Pass, $crate::gate::Blocked> {
            let $this = self;
            $gate.admit_in_turn(request, turn, now)
        }
    };
    (about: $this:ident => $gate:expr) => {
        fn cost(&self, request: &Req) -> u64 {
            let $this = self;
            $gate.cost(request)
        }

        fn rank(&self, request: &Req) -> Option<$crate::Priority> {
            let $this = self;
            $gate.rank(request)
        }

        fn foretell(&self, request: &Req, now: &mut $crate::gate::Now) -> Option<std::time::Duration> {
            let $this = self;
            $gate.foretell(request, now)
        }

        fn stand(&self, request: &Req) -> Option<$crate::gate::Line> {
            let $this = self;
            $gate.stand(request)
        }
    };
    (tenant: $this:ident => $gate:expr) => {
        fn tenant(&self, request: &Req) -> Option<u64> {
            let $this = self;
            $gate.tenant(request)
        }
    };
}
pub(crate) use through;
