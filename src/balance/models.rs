//! An endpoint whose one seat threads reserve at once, and lists that are made again while somebody goes out.

use super::live::Live;
use super::member::Common;
use super::pick::RoundRobin;
use super::picker::Picker;
use super::streak::Streak;
use crate::class::Class;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::model::{check, thread};
use crate::telemetry::Telemetry;
use crate::time::Instant;
use std::sync::Arc;

#[test]
fn a_seat_is_never_taken_twice_and_always_by_somebody() {
    check(|| {
        let (live, seated) = (Arc::new(Live::new(0, Instant::ZERO, false)), Arc::new(AtomicU32::new(0)));
        let sit = |live: &Live, seated: &AtomicU32| {
            let reserved = live.reserve(1).is_some();
            if reserved {
                assert_eq!(seated.fetch_add(1, SeqCst), 0);
                seated.fetch_sub(1, SeqCst);
                live.give_back();
            }
            reserved
        };
        let other = thread::spawn({
            let (live, seated) = (Arc::clone(&live), Arc::clone(&seated));
            move || sit(&live, &seated)
        });
        let mine = sit(&live, &seated);
        assert!(mine | other.join().unwrap());
        assert_eq!(live.in_flight(), 0);
    });
}

#[test]
fn a_failure_is_never_left_unseen_beside_a_success() {
    check(|| {
        let (live, now) = (Arc::new(Live::new(0, Instant::ZERO, false)), Instant::from_nanos(1_000_000_000));
        let _ = (live.reserve(9), live.reserve(9), live.reserve(9));
        live.settle(Class::Transient, || now);
        let other = thread::spawn({
            let live = Arc::clone(&live);
            move || live.settle(Class::Transient, || now)
        });
        live.settle(Class::Success, || now);
        other.join().unwrap();
        let seen = live.look();
        assert_eq!(seen.in_flight(), 0);
        // Whichever came last: what the streak says is looked at.
        assert!(seen.is_failing() || live.streak() == Streak::default());
    });
}

#[test]
fn of_many_at_a_rested_endpoint_one_tries() {
    check(|| {
        let live = Arc::new(Live::new(0, Instant::ZERO, false));
        live.back_off(Instant::from_nanos(1), 0.5);
        let other = thread::spawn({
            let live = Arc::clone(&live);
            move || live.reserve(9)
        });
        let mine = live.reserve(9);
        let theirs = other.join().unwrap();
        assert!(mine.is_some() ^ theirs.is_some());
        assert!(mine.or(theirs).is_some_and(|reserved| reserved.probe));
        assert_eq!(live.in_flight(), 1);
    });
}

#[test]
fn an_outage_told_while_lists_are_made_is_seen_by_them_or_by_the_next() {
    check(|| {
        let common = Common::new(Telemetry::from("pool"), &Picker::from(RoundRobin::new()), None);
        let (common, now) = (Arc::new(common), Instant::from_nanos(1));
        let live = Arc::new(Live::new(0, Instant::ZERO, false));
        let other = thread::spawn({
            let (common, live) = (Arc::clone(&common), Arc::clone(&live));
            move || {
                live.back_off(now, 0.5);
                common.due_now();
            }
        });
        common.begin_rebuild();
        let seen = live.out_until(now).is_some();
        other.join().unwrap();
        assert!(seen || common.may_be_due());
    });
}

#[test]
fn of_two_who_find_the_lists_stale_one_makes_them() {
    check(|| {
        let common = Common::new(Telemetry::from("pool"), &Picker::from(RoundRobin::new()), None);
        let (common, now) = (Arc::new(common), Instant::from_nanos(1));
        common.due_now();
        let other = thread::spawn({
            let common = Arc::clone(&common);
            move || common.claim(now)
        });
        let mine = common.claim(now);
        assert!(mine ^ other.join().unwrap());
        assert!(!common.may_be_due());
    });
}
