//! What every layer, service and future of the crate must pass: one suite, run over all of them.
//!
//! To put a new service under it, implement [`Subject`] in `subjects.rs` and list it in the `contract!` below.
//! A test reads the `pub struct …Layer` lines of `src/`: a layer that is not listed fails the build.

mod balanced;
#[cfg(feature = "cache")]
mod cached;
mod cancel;
mod drivers;
mod errors;
mod readiness;
mod shared;
mod spending;
mod state;
mod subjects;
mod types;
mod wakes;

use crate::tools::{Failed, Probe};
use seawall::Error;
use seawall::telemetry::Telemetry;
use std::time::Duration;
use tower::{Layer, Service};

/// A service under the contract, with the settings that its items need.
pub(crate) trait Subject: Clone + Send + Sync + 'static {
    /// The name of its layer's type.
    const LAYER: &'static str;

    /// Admits far more calls than the suite makes.
    fn roomy(telemetry: Telemetry) -> Self;

    /// Admits one call, and refuses the next while it runs. `None` if nothing is ever refused.
    fn narrow(_: Telemetry) -> Option<Self> {
        None
    }

    /// Refuses every call, and foresees it. `None` if nothing is foreseen.
    fn shut(_: Telemetry) -> Option<Self> {
        None
    }

    /// The layer, over the one that lifts the probe's error.
    fn layer(&self) -> impl Layer<Probe, Service: Served> + Clone + use<Self>;

    /// A service over `probe`.
    fn over(&self, probe: &Probe) -> impl Served + use<Self> {
        self.layer().layer(probe.clone())
    }

    /// Slots, places, probes and flights that calls hold now.
    fn held(&self) -> u64 {
        0
    }

    /// Tokens that calls have spent for good, where there are any.
    fn spent(&self) -> Option<u64> {
        None
    }

    /// Calls of the inner service for one call that fails at first.
    const ATTEMPTS: u32 = 1;

    /// Whether it refuses, instead of waiting, what the inner service is not ready for.
    const SHEDS: bool = false;

    /// Bytes that its future may be larger than the inner one.
    const EXTRA: usize = 64;
}

/// What a layer of the suite makes out of a lifted probe.
pub(crate) trait Served:
    Service<u32, Response = u32, Error = Error<Failed>, Future: Future<Output = Result<u32, Error<Failed>>>>
    + Clone
{
}

impl<S> Served for S where S: Service<u32, Response = u32, Error = Error<Failed>> + Clone {}

macro_rules! items {
    ($subject:ty: $($file:ident::$item:ident),+ $(,)?) => {
        $(#[test]
        fn $item() {
            crate::contract::$file::$item::<$subject>();
        })+
    };
}
macro_rules! contract {
    ($($name:ident: $subject:ident),+ $(,)?) => {
        $(mod $name {
            use super::subjects::*;

            items! { $subject:
                state::services_of_one_layer_share,
                state::a_layer_keeps_nothing_of_the_services_it_made,
                readiness::nothing_unready_is_called,
                readiness::asking_for_readiness_consumes_nothing,
                readiness::an_idle_ready_clone_holds_nothing,
                readiness::a_shut_gate_answers_though_the_inner_service_is_not_ready,
                readiness::a_foreseen_refusal_is_counted_once_where_it_is_given,
                readiness::an_inner_error_of_readiness_passes_unchanged,
                cancel::a_drop_at_any_poll_loses_nothing,
                cancel::two_drops_at_any_pair_of_polls_lose_nothing,
                cancel::a_panic_of_the_inner_service_is_a_drop_and_reaches_the_caller,
                cancel::a_panic_of_an_observer_loses_nothing,
                wakes::nobody_wakes_itself,
                wakes::the_last_waker_wins,
                wakes::a_spurious_poll_changes_nothing,
                wakes::an_observer_may_ask_back,
                spending::success_allocates_nothing,
                spending::an_answer_that_is_there_needs_no_runtime,
                spending::a_future_is_small,
                errors::a_refusal_says_who_and_why_and_costs_nothing,
                errors::an_inner_error_is_one_level_deep,
            }
        })+

        /// The layers under the contract.
        pub(crate) const LAYERS: &[&str] = &[$(<subjects::$subject as Subject>::LAYER),+];
    };
}

contract! {
    lift: Lifted,
    deadline: Due,
    fallback: FallenBack,
    hedge: Hedged,
    throttle: Throttled,
    retry: Retried,
    retry_at_once: RetriedAtOnce,
    timeout: Timed,
    concurrency_limit: Limited,
    rate_limiter: Metered,
    rate_limiter_by_key: MeteredByKey,
    rate_limiter_by_lease: MeteredByLease,
    circuit_breaker: Broken,
    switched_off: Off,
    tuple_of_gates: Fused,
    balance: Balanced,
    queued: Queueing,
    queued_by_turns: TakingTurns,
    overload_guard: Guarded,
    policy: Stacked,
    policy_with_every_driver: Whole,
    shed: Shedding,
    cache: Uncached,
    shared_rate_limiter: SharedAlone,
}

/// Runs a test of the suite in paused time, where a century is over at once: what hangs, fails.
fn in_paused_time<T>(test: impl Future<Output = T>) -> T {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async { tokio::time::timeout(CENTURY, test).await.expect("it hangs") })
}
