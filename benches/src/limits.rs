//! Rate limits: one decision by each algorithm, keyed and not, beside the field's best; and the layers.

use crate::{Bare, Visit, ended, expect, serve, unexpected};
use axum::body::Body;
use axum::extract::ConnectInfo;
use governor::clock::MonotonicClock;
use http::{Request, Response};
use seawall::http::{ClientAddress, Respond};
use seawall::rate_limit::{
    FixedWindow, KeyedRateLimiter, LeasedRateLimiter, Quota, SlidingWindowCounter, SlidingWindowLog,
    TokenBucket,
};
use seawall::{Gate, Instant, Lift, RateLimiter};
use std::convert::Infallible;
use std::hint::black_box;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::{Layer, Service};
use tower_governor::{GovernorLayer, governor::GovernorConfigBuilder};
use tower_resilience::ratelimiter::{RateLimiterLayer, WindowType};

/// Never reached, so that only admissions are measured.
const PLENTY: u32 = u32::MAX / 2;
const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn rows(visit: &mut impl Visit) {
    direct(visit);
    refused(visit);
    algorithms(visit);
    one_key(visit);
    many_keys(visit);
    layers(visit);
    http_layers(visit);
}

fn direct(visit: &mut impl Visit) {
    const GROUP: &str = "limiter check";
    let ours = RateLimiter::new("api", Quota::per_second(PLENTY));
    visit.row(GROUP, "seawall", || || expect(ours.check().is_ok()));
    visit.row(GROUP, "seawall, caller's now", || {
        let mut now = Instant::now();
        let ours = &ours;
        move || {
            now += Duration::from_nanos(10);
            expect(ours.check_at(now).is_ok());
        }
    });
    let leased = LeasedRateLimiter::new("api", Quota::per_second(PLENTY));
    visit.row(GROUP, "seawall, leased", || || expect(leased.check().is_ok()));

    let quota = governor::Quota::per_second(NonZeroU32::MAX);
    let governor_tsc = governor::RateLimiter::direct(quota);
    visit.row(GROUP, "governor, its TSC clock", || || expect(governor_tsc.check().is_ok()));
    let governor_std = governor::RateLimiter::direct_with_clock(quota, MonotonicClock);
    visit.row(GROUP, "governor, std clock", || || expect(governor_std.check().is_ok()));

    let ratelimit =
        ratelimit::Ratelimiter::builder(PLENTY.into()).initial_available(PLENTY.into()).build().unwrap();
    visit.row(GROUP, "ratelimit", || || expect(ratelimit.try_wait().is_ok()));

    let leaky = leaky_bucket::RateLimiter::builder().max(PLENTY as usize).initial(PLENTY as usize).build();
    visit.row(GROUP, "leaky-bucket", || || expect(leaky.try_acquire(1)));
}

fn refused(visit: &mut impl Visit) {
    const GROUP: &str = "limiter refuses";
    let ours = RateLimiter::new("api", Quota::per_hour(1));
    let _ = ours.check();
    visit.row(GROUP, "seawall", || || expect(ours.check().is_err()));
    visit.row(GROUP, "seawall, caller's now", || {
        let mut now = Instant::now();
        let ours = &ours;
        move || {
            now += Duration::from_nanos(10);
            expect(ours.check_at(now).is_err());
        }
    });
    let leased = LeasedRateLimiter::new("api", Quota::per_hour(1));
    let _ = leased.check();
    visit.row(GROUP, "seawall, leased", || || expect(leased.check().is_err()));
    let keyed = KeyedRateLimiter::new("per user", Quota::per_hour(1), 1000);
    let _ = keyed.check(&7_u64);
    visit.row(GROUP, "seawall, keyed", || || expect(keyed.check(&black_box(7_u64)).is_err()));

    let quota = governor::Quota::per_hour(NonZeroU32::MIN);
    let governor_tsc = governor::RateLimiter::direct(quota);
    let _ = governor_tsc.check();
    visit.row(GROUP, "governor, its TSC clock", || || expect(governor_tsc.check().is_err()));
    let governor = governor::RateLimiter::direct_with_clock(quota, MonotonicClock);
    let _ = governor.check();
    visit.row(GROUP, "governor, std clock", || || expect(governor.check().is_err()));
    let governor = governor::RateLimiter::dashmap_with_clock(quota, MonotonicClock);
    let _ = governor.check_key(&7);
    visit.row(GROUP, "governor, keyed, std clock", || {
        || expect(governor.check_key(&black_box(7_u64)).is_err())
    });

    let ratelimit = ratelimit::Ratelimiter::builder(1).period(SECOND * 3600).build().unwrap();
    let _ = ratelimit.try_wait();
    visit.row(GROUP, "ratelimit", || || expect(ratelimit.try_wait().is_err()));
}

fn algorithms(visit: &mut impl Visit) {
    const GROUP: &str = "limiter algorithm";
    let fixed = RateLimiter::with("api", FixedWindow::new(PLENTY, SECOND));
    visit.row(GROUP, "seawall, fixed window", || || expect(fixed.check().is_ok()));
    let counter = RateLimiter::with("api", SlidingWindowCounter::new(PLENTY, SECOND));
    visit.row(GROUP, "seawall, sliding window counter", || || expect(counter.check().is_ok()));
    // As many a second as there are calls in a few milliseconds; the rest is refused.
    let log = RateLimiter::with("api", SlidingWindowLog::new(1000, SECOND));
    visit.row(GROUP, "seawall, sliding window log", || {
        || {
            black_box(log.check()).ok();
        }
    });
    let two = [Quota::per_second(PLENTY), Quota::per_minute(PLENTY)].map(TokenBucket::new);
    let two = RateLimiter::with("api", two);
    visit.row(GROUP, "seawall, two limits together", || || expect(two.check().is_ok()));

    let quota = governor::Quota::per_second(NonZeroU32::MAX);
    let two = [quota; 2].map(|quota| governor::RateLimiter::direct_with_clock(quota, MonotonicClock));
    // One after the other, not all or nothing: it has no other way.
    visit.row(GROUP, "governor, two limits in turn, std clock", || {
        || expect(two.iter().all(|limiter| limiter.check().is_ok()))
    });
}

fn one_key(visit: &mut impl Visit) {
    const GROUP: &str = "keyed limiter, one key";
    let ours = KeyedRateLimiter::new("per user", Quota::per_second(PLENTY), 10_000);
    visit.row(GROUP, "seawall, u64", || || expect(ours.check(&black_box(7_u64)).is_ok()));
    visit.row(GROUP, "seawall, u64, caller's now", || {
        let mut now = Instant::now();
        let ours = &ours;
        move || {
            now += Duration::from_nanos(10);
            expect(ours.check_at(&black_box(7_u64), now).is_ok());
        }
    });
    visit.row(GROUP, "seawall, text", || || expect(ours.check(black_box("0123456789abcdef")).is_ok()));

    let quota = governor::Quota::per_second(NonZeroU32::MAX);
    let tsc = governor::RateLimiter::dashmap(quota);
    visit.row(GROUP, "governor, u64, its TSC clock", || || expect(tsc.check_key(&black_box(7_u64)).is_ok()));
    let std = governor::RateLimiter::dashmap_with_clock(quota, MonotonicClock);
    visit.row(GROUP, "governor, u64, std clock", || || expect(std.check_key(&black_box(7_u64)).is_ok()));
    let text = governor::RateLimiter::dashmap_with_clock(quota, MonotonicClock);
    let key = String::from("0123456789abcdef");
    visit.row(GROUP, "governor, text, std clock", || || expect(text.check_key(black_box(&key)).is_ok()));

    // It counts, and leaves the deciding to others.
    let pingora = pingora_limits::rate::Rate::new(SECOND);
    visit.row(GROUP, "pingora-limits, u64", || || expect(pingora.observe(&black_box(7_u64), 1) > 0));
}

/// A million keys in no order.
const MANY: u64 = 1 << 20;

fn key(call: u64) -> u64 {
    call.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - MANY.trailing_zeros())
}

/// Made when first asked for: the rows before them cost nothing by it.
static OURS: LazyLock<KeyedRateLimiter> = LazyLock::new(|| {
    let limiter = KeyedRateLimiter::new("per user", Quota::per_hour(100_000_000), 1_310_720);
    (0..MANY).for_each(|user| expect(limiter.check(&user).is_ok()));
    limiter
});

type Dashed = governor::RateLimiter<
    u64,
    governor::state::keyed::DashMapStateStore<u64>,
    MonotonicClock,
    governor::middleware::NoOpMiddleware<std::time::Instant>,
>;

static DASHED: LazyLock<Dashed> = LazyLock::new(|| {
    let quota = governor::Quota::per_hour(NonZeroU32::new(100_000_000).unwrap());
    let limiter = governor::RateLimiter::dashmap_with_clock(quota, MonotonicClock);
    (0..MANY).for_each(|user| expect(limiter.check_key(&user).is_ok()));
    limiter
});

fn many_keys(visit: &mut impl Visit) {
    const GROUP: &str = "keyed limiter, a million keys";
    visit.row(GROUP, "seawall, u64", || {
        let (ours, mut calls) = (&*OURS, 0);
        move || {
            calls += 1;
            expect(ours.check(&key(calls)).is_ok());
        }
    });
    visit.row(GROUP, "governor, u64, std clock", || {
        let (governor, mut calls) = (&*DASHED, 0);
        move || {
            calls += 1;
            expect(governor.check_key(&key(calls)).is_ok());
        }
    });
}

fn layers(visit: &mut impl Visit) {
    const GROUP: &str = "rate limit layer";
    let limiter = RateLimiter::new("api", Quota::per_second(PLENTY)).layer();
    visit.row(GROUP, "seawall", || serve(limiter.layer(Lift::new(Bare))));
    let limiter = LeasedRateLimiter::new("api", Quota::per_second(PLENTY)).layer();
    visit.row(GROUP, "seawall, leased", || serve(limiter.layer(Lift::new(Bare))));
    let limiter = RateLimiter::with("api", SlidingWindowCounter::new(PLENTY, SECOND)).layer();
    visit.row(GROUP, "seawall, sliding window counter", || serve(limiter.layer(Lift::new(Bare))));
    let limiter = KeyedRateLimiter::new("per user", Quota::per_second(PLENTY), 10_000);
    let limiter = limiter.by(|user: &u64| *user).layer();
    visit.row(GROUP, "seawall, keyed", || serve(limiter.layer(Lift::new(Bare))));
    // It cannot be shared: each thread has one of its own.
    let tower = tower::limit::RateLimitLayer::new(PLENTY.into(), SECOND);
    visit.row(GROUP, "tower", || serve(tower.layer(Bare)));
    for (name, window) in [
        ("tower-resilience", WindowType::Fixed),
        ("tower-resilience, sliding window counter", WindowType::SlidingCounter),
    ] {
        let resilience = RateLimiterLayer::builder()
            .limit_for_period(PLENTY as usize)
            .refresh_period(SECOND)
            .window_type(window)
            .build()
            .unwrap()
            .layer(Bare);
        visit.row(GROUP, name, || serve(resilience.clone()));
    }
}

/// An HTTP service whose answer is there at once.
#[derive(Clone, Copy, Debug)]
struct BareHttp;

impl Service<Request<()>> for BareHttp {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, _: Request<()>) -> Self::Future {
        std::future::ready(Ok(Response::new(Body::empty())))
    }
}

/// One request of a client whose address is known, made anew each time.
fn serve_http<S, B>(mut service: S) -> impl FnMut()
where
    S: Service<Request<()>, Response = Response<B>>,
{
    move || {
        let mut cx = Context::from_waker(Waker::noop());
        let mut request = Request::new(());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711))));
        let Poll::Ready(Ok(())) = service.poll_ready(&mut cx) else { unexpected("not ready") };
        let Ok(answer) = ended(service.call(black_box(request))) else { unexpected("an error") };
        expect(answer.status() == 200);
    }
}

fn http_layers(visit: &mut impl Visit) {
    const GROUP: &str = "limit per address over HTTP";
    visit.row(GROUP, "bare", || serve_http(BareHttp));
    let clients = ClientAddress::peer()
        .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0));
    let limiter = KeyedRateLimiter::new("per client", Quota::per_second(PLENTY), 10_000);
    let limit = Respond(clients.limit(limiter).layer());
    visit.row(GROUP, "seawall", || serve_http(limit.layer(BareHttp)));

    let config = GovernorConfigBuilder::default().per_nanosecond(1).burst_size(PLENTY).finish().unwrap();
    let governor = GovernorLayer::new(config);
    visit.row(GROUP, "tower_governor", || serve_http(governor.layer(BareHttp)));
}
