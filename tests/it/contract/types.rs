//! What may be asked of the public types: auto traits pass through, whatever the permit, and bounds follow the work.

use crate::tools::{Answer, Probe};
use seawall::gate::{Classified, Gated, Line, Permit, ResponseFuture, Run};
use seawall::rate_limit::Quota;
use seawall::telemetry::{Counters, Event, Telemetry};
use seawall::{
    ByResult, Chance, Class, ConcurrencyLimit, Error, Gate, Instant, Lift, LiftFuture, LiftLayer, Name,
    RateLimiter, Ratio, Rejected, TimedOut,
};
use std::fmt::Debug;
use std::future::Ready;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::Arc;
use tower::{Layer, Service, ServiceExt, service_fn};

const fn handle<T: Clone + Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static>() {}
const fn service<T: Clone + Debug + Send + Sync + Unpin>() {}
const fn value<T: Copy + Debug + PartialEq + Send + Sync + Unpin + UnwindSafe + 'static>() {}
const fn error<T: std::error::Error + Clone + PartialEq + Send + Sync + Unpin + 'static>() {}
const fn sends<T: Send>() {}
const fn sends_and_prints<T: Send + Debug>() {}

/// What a layer makes of a probe.
type Made<L> = <L as Layer<Lift<Probe>>>::Service;
type Gates<G> = Arc<Classified<G, ByResult>>;

#[test]
fn auto_traits_pass_through() {
    value::<Class>();
    value::<Instant>();
    value::<Name>();
    value::<Ratio>();
    value::<Rejected>();
    value::<TimedOut>();
    value::<Event>();
    error::<Rejected>();
    error::<TimedOut>();
    error::<Error<std::fmt::Error>>();
    sends_and_prints::<Chance>();
    sends_and_prints::<Counters>();
    sends_and_prints::<Line>();
    sends_and_prints::<Telemetry>();

    handle::<ConcurrencyLimit>();
    handle::<RateLimiter>();
    handle::<LiftLayer>();
    service::<seawall::gate::GateLayer<ConcurrencyLimit>>();
    service::<Made<seawall::gate::GateLayer<ConcurrencyLimit>>>();
    service::<Made<seawall::gate::GateLayer<(ConcurrencyLimit, Option<ConcurrencyLimit>)>>>();
    service::<Gated<Lift<Probe>, &'static Classified<ConcurrencyLimit, ByResult>>>();
    sends_and_prints::<Permit<&ConcurrencyLimit>>();
    sends_and_prints::<Permit<ConcurrencyLimit>>();
    sends_and_prints::<ResponseFuture<LiftFuture<Answer<u32>>, Gates<ConcurrencyLimit>>>();
    sends::<Run<&ConcurrencyLimit, fn() -> Ready<()>, Ready<()>>>();
}

/// A service that is neither `Send` nor `Clone`, holds what is counted without atomics, and borrows its request.
macro_rules! takes_what_is_borrowed {
    ($($name:ident: $layer:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let (text, counted) = (String::from("borrowed"), Rc::new(7));
            let own: Box<dyn std::any::Any> = Box::new(()); // not `Clone`
            let inner = service_fn(|request: &str| {
                let _ = &own;
                let sum = *counted + request.len();
                let counted = Rc::clone(&counted);
                async move { if sum > 0 { Ok(Rc::new(sum)) } else { Err(counted) } }
            });
            let mut service = $layer.layer(Lift::new(inner));
            assert_eq!(service.ready().await.unwrap().call(text.as_str()).await, Ok(Rc::new(15)));
        }
    )+};
}

takes_what_is_borrowed! {
    a_gate_takes_what_is_borrowed: ConcurrencyLimit::new("db", 1).layer();
    a_tuple_of_gates_takes_what_is_borrowed: (RateLimiter::new("api", Quota::per_second(1)), ConcurrencyLimit::new("db", 1), None::<RateLimiter>).layer();
}

#[test]
fn five_fused_gates_make_one_small_future() {
    let limit = || ConcurrencyLimit::new("db", 1);
    let mut service = (limit(), limit(), limit(), limit(), limit()).layer().layer(Lift::new(Probe::new()));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(Service::<u32>::poll_ready(&mut service, &mut cx).is_ready());
    assert!(size_of_val(&service.call(7_u32)) <= size_of::<Answer<u32>>() + 192);
}

#[test]
fn on_and_off_are_one_type_of_one_size() {
    let layer = |on: bool| on.then(|| ConcurrencyLimit::new("db", 1)).layer();
    let (on, off) = (layer(true).layer(Lift::new(Probe::new())), layer(false).layer(Lift::new(Probe::new())));
    assert_eq!(std::any::type_name_of_val(&on), std::any::type_name_of_val(&off));
    assert_eq!(size_of_val(&on), size_of_val(&off));
}
