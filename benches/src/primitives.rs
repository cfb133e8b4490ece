//! Direct use: one decision, beside the field's best.

use crate::{Visit, ended, expect, unexpected};
use backon::BackoffBuilder;
use seawall::circuit_breaker::{CircuitBreaker, Config, Trip, Window};
use seawall::retry::Backoff;
use seawall::{Class, ConcurrencyLimit, Instant, Ratio, RetryBudget};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tower::retry::budget::{Budget as _, TpsBudget};

pub(crate) fn rows(visit: &mut impl Visit) {
    floors(visit);
    breaker(visit);
    breaker_open(visit);
    permit(visit);
    backoff(visit);
    deposit(visit);
}

/// What nobody gets below.
fn floors(visit: &mut impl Visit) {
    const GROUP: &str = "floor";
    visit.row(GROUP, "std clock", || {
        || {
            black_box(std::time::Instant::now());
        }
    });
    visit.row(GROUP, "seawall clock", || {
        || {
            black_box(Instant::now());
        }
    });
    let word = AtomicU64::new(0);
    visit.row(GROUP, "fetch_add on one word", || {
        || {
            black_box(word.fetch_add(1, SeqCst));
        }
    });
}

fn breaker(visit: &mut impl Visit) {
    const GROUP: &str = "breaker closed";
    let ours = CircuitBreaker::new("db", Config::default());
    visit.row(GROUP, "seawall, default", || {
        || {
            let Ok(permit) = ours.try_acquire() else { unexpected("refused") };
            permit.settle(Class::Success);
        }
    });
    let last_n = CircuitBreaker::new("db", Trip::ratio(Ratio::percent(50)).over(Window::calls(100)));
    visit.row(GROUP, "seawall, last 100 calls", || {
        || {
            let Ok(permit) = last_n.try_acquire() else { unexpected("refused") };
            permit.settle(Class::Success);
        }
    });
    // One failure in a full window: it is no longer only the number of successes that matters.
    let marred = CircuitBreaker::new("db", Trip::ratio(Ratio::percent(50)).over(Window::calls(65_536)));
    (0..100).for_each(|_| marred.try_acquire().unwrap().settle(Class::Success));
    marred.try_acquire().unwrap().settle(Class::Transient);
    visit.row(GROUP, "seawall, failures among the last 65536 calls", || {
        || {
            let Ok(permit) = marred.try_acquire() else { unexpected("refused") };
            permit.settle(Class::Success);
        }
    });
    let slow = Trip::slow(Duration::from_secs(2), Ratio::percent(80));
    let slow = CircuitBreaker::new("db", Trip::ratio(Ratio::percent(50)).or(slow));
    visit.row(GROUP, "seawall, slow calls too", || {
        || {
            let Ok(permit) = slow.try_acquire() else { unexpected("refused") };
            permit.settle(Class::Success);
        }
    });
    for (name, breaker) in [
        ("seawall, default, caller's now", CircuitBreaker::new("db", Config::default())),
        ("seawall, slow calls too, caller's now", slow.clone()),
    ] {
        visit.row(GROUP, name, || {
            let (mut now, breaker) = (Instant::now(), breaker.clone());
            move || {
                now += Duration::from_nanos(10);
                let Ok(permit) = breaker.try_acquire_at(now) else { unexpected("refused") };
                permit.settle_at(Class::Success, now);
            }
        });
    }
    // Two at a time: neither's end is in the way of the other's.
    let pair = CircuitBreaker::new("db", Config::default());
    visit.row(GROUP, "seawall, default, another in flight", || {
        let mut other = pair.try_acquire().ok();
        let pair = &pair;
        move || {
            let Ok(permit) = pair.try_acquire() else { unexpected("refused") };
            if let Some(other) = other.replace(permit) {
                other.settle(Class::Success);
            }
        }
    });
    let run_of = CircuitBreaker::new("db", Trip::run_of(5));
    visit.row(GROUP, "seawall, run of 5", || {
        || {
            let Ok(permit) = run_of.try_acquire() else { unexpected("refused") };
            permit.settle(Class::Success);
        }
    });
    visit.row(GROUP, "seawall, run(..)", || {
        || expect(ended(ours.run(|| std::future::ready(Ok::<_, crate::Never>(())))).is_ok())
    });

    let recloser = recloser::Recloser::custom().closed_len(100).build();
    visit.row(GROUP, "recloser, last 100 calls", || || expect(recloser.call(|| Ok::<_, ()>(())).is_ok()));
    let failsafe = failsafe::Config::new().build();
    visit.row(GROUP, "failsafe, default", || {
        || expect(failsafe::CircuitBreaker::call(&failsafe, || Ok::<_, ()>(())).is_ok())
    });
}

fn breaker_open(visit: &mut impl Visit) {
    const GROUP: &str = "breaker open";
    let ours = CircuitBreaker::new("db", Config::default());
    ours.open_for(Duration::from_secs(86_400));
    visit.row(GROUP, "seawall", || || expect(ours.try_acquire().is_err()));

    let recloser = recloser::Recloser::custom()
        .closed_len(1)
        .open_wait(Duration::from_secs(86_400))
        .error_rate(0.1)
        .build();
    while !matches!(recloser.call(|| Err::<(), _>(())), Err(recloser::Error::Rejected)) {}
    visit.row(GROUP, "recloser", || || expect(recloser.call(|| Ok::<_, ()>(())).is_err()));

    let day = failsafe::backoff::constant(Duration::from_secs(86_400));
    let failsafe = failsafe::Config::new()
        .failure_policy(failsafe::failure_policy::consecutive_failures(1, day))
        .build();
    let _ = failsafe::CircuitBreaker::call(&failsafe, || Err::<(), _>(()));
    visit.row(GROUP, "failsafe", || {
        || expect(failsafe::CircuitBreaker::call(&failsafe, || Ok::<_, ()>(())).is_err())
    });
}

fn permit(visit: &mut impl Visit) {
    const GROUP: &str = "concurrency permit";
    let ours = ConcurrencyLimit::new("db", 1 << 16);
    visit.row(GROUP, "seawall", || {
        || {
            let Ok(permit) = ours.try_acquire() else { unexpected("refused") };
            permit.settle(Class::Success);
        }
    });
    let semaphore = tokio::sync::Semaphore::new(1 << 16);
    visit.row(GROUP, "tokio Semaphore", || {
        || {
            let Ok(permit) = semaphore.try_acquire() else { unexpected("refused") };
            drop(black_box(permit));
        }
    });
}

fn backoff(visit: &mut impl Visit) {
    const GROUP: &str = "backoff step, jittered";
    let (base, cap) = (Duration::from_millis(50), Duration::from_secs(10));
    visit.row(GROUP, "seawall", || {
        let mut waits = Backoff::exponential(base).cap(cap);
        move || expect(black_box(waits.next()).is_some())
    });
    visit.row(GROUP, "backon", || {
        let waits = backon::ExponentialBuilder::default().with_min_delay(base).with_max_delay(cap);
        let mut waits = waits.with_jitter().without_max_times().build();
        move || expect(black_box(waits.next()).is_some())
    });
}

fn deposit(visit: &mut impl Visit) {
    const GROUP: &str = "retry budget deposit";
    let ours = RetryBudget::default();
    visit.row(GROUP, "seawall", || || ours.deposit());
    let tower = TpsBudget::default();
    visit.row(GROUP, "tower", || || tower.deposit());
}
