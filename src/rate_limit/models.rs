//! Every interleaving of a few threads, by loom: `RUSTFLAGS="--cfg seawall_loom" cargo test --lib --release models`.

use super::ask::Ask;
use super::share::Cell;
use super::table::{Home, Table};
use super::{Carry, Quota, TokenBucket, WhenFull, Word};
use crate::error::Rejected;
use crate::name::Name;
use crate::time::Instant;
use loom::sync::Arc;
use loom::thread;
use std::time::Duration;

const BY: Name = Name::new("model");
const NOW: Instant = Instant::from_nanos(1_000);

fn quota(permits: u32, burst: u32) -> Quota {
    Quota::per(permits, Duration::from_nanos(1_000)).burst(burst)
}

/// Two threads and this one; answers what the three counted.
fn three<T: Send + Sync + 'static>(shared: &Arc<T>, step: [fn(&T) -> u32; 3]) -> u32 {
    let others = [step[1], step[2]].map(|step| {
        let shared = Arc::clone(shared);
        thread::spawn(move || step(&shared))
    });
    let own = step[0](shared);
    others.into_iter().map(|other| other.join().unwrap()).sum::<u32>() + own
}

fn take(word: &Word) -> u32 {
    u32::from(word.admit(BY, 1, NOW).is_ok())
}

fn left(word: &Word) -> u32 {
    word.update(|bucket, state| super::Algorithm::peek(bucket, state, 0, 0, NOW)).remaining()
}

#[test]
fn at_one_instant_exactly_the_burst_is_admitted() {
    loom::model(|| {
        let word = Arc::new(Word::new(TokenBucket::new(quota(1, 2))));
        assert_eq!(three(&word, [take, take, take]), 2);
    });
}

#[test]
fn what_is_given_back_is_neither_lost_nor_doubled() {
    loom::model(|| {
        let word = Arc::new(Word::new(TokenBucket::new(quota(1, 2))));
        assert_eq!(take(&word), 1);
        let admitted = three(
            &word,
            [take, take, |word| {
                word.update(|bucket, state| super::Algorithm::give_back(bucket, state, 1, NOW));
                0
            }],
        );
        assert!((1..=2).contains(&admitted));
        assert_eq!(left(&word), 2 - admitted);
    });
}

#[test]
fn a_step_sees_the_old_quota_or_the_new_one_and_is_charged_by_it() {
    loom::model(|| {
        let word = Arc::new(Word::new(TokenBucket::new(quota(1, 2))));
        // Other ticks, and a refusal among those who take: it must not be given by half a quota.
        let other = Arc::clone(&word);
        let changing = thread::spawn(move || {
            other.replace(TokenBucket::new(quota(3, 2)), Carry::Keep, NOW);
        });
        let admitted = take(&word) + take(&word) + take(&word);
        changing.join().unwrap();
        assert_eq!(admitted, 2);
        assert_eq!(left(&word), 0);
    });
}

fn ask(table: &Table, key: u64) -> Result<Home, Rejected> {
    let ask = Ask { by: BY, key, cost: 1, own: None, full: WhenFull::Refuse, now: NOW, charge: false };
    match table.try_admit(BY, key, 1, NOW) {
        Some(answer) => answer.map(|()| Home::Slot),
        None => table.admit(ask).map(|(home, _)| home),
    }
}

#[test]
fn the_first_use_of_a_key_is_no_race() {
    loom::model(|| {
        let table = Arc::new(Table::new(quota(1, 1), 2));
        let once: fn(&Table) -> u32 = |table| u32::from(ask(table, 7).is_ok());
        assert_eq!(three(&table, [once, once, |_| 0]), 1);
    });
}

#[test]
fn a_slot_is_used_by_its_key_or_taken_by_another() {
    loom::model(|| {
        let table = Arc::new(Table::new(quota(1, 1), 1));
        let then = Ask {
            by: BY,
            key: 7,
            cost: 1,
            own: None,
            full: WhenFull::Refuse,
            now: Instant::ZERO,
            charge: false,
        };
        // Its bucket is full again at this very instant.
        assert!(table.admit(then).is_ok());
        let admitted = three(
            &table,
            [|table| u32::from(ask(table, 7).is_ok()), |table| u32::from(ask(table, 8).is_ok()), |_| 0],
        );
        assert_eq!(admitted, 1, "there is one slot and one permit in it");
    });
}

#[test]
fn a_quota_changes_for_all_keys_at_once() {
    loom::model(|| {
        let table = Arc::new(Table::new(quota(1, 2), 1));
        assert!(ask(&table, 7).is_ok());
        let admitted = three(
            &table,
            [
                |table| u32::from(ask(table, 7).is_ok()),
                |table| {
                    table.replace(quota(3, 2), |old, new, state| new.carry(old, state, Carry::Keep, NOW));
                    0
                },
                |_| 0,
            ],
        );
        assert_eq!(admitted, 1);
        assert_eq!(table.peek(7, 0, None, NOW).remaining(), 0);
    });
}

/// Three lines of which a key may stand in two: the first bits of a fingerprint say which is its home, the bits from
/// the seventeenth on which is the other.
const fn fingerprint(home: u64, other: u64, number: u64) -> u64 {
    const LINE: u64 = 1 << 14;
    (home * 4 + 1) * LINE / 12 * 4 << 48 | (other * 4 + 1) * LINE / 12 * 4 << 32 | number
}

/// A whole table is read where a key finds no room.
fn many_steps(scene: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 20_000;
    builder.check(scene);
}

#[test]
fn a_key_that_moves_is_never_doubled() {
    many_steps(|| {
        let table = Arc::new(Table::with_ways(quota(1, 2), 12, 2));
        // Two full lines, and one key that may go from the first to the third.
        let keys = [[0, 2], [0, 1], [0, 1], [0, 1], [1, 0], [1, 0], [1, 0], [1, 0]];
        for (number, [home, other]) in keys.into_iter().enumerate() {
            assert_eq!(ask(&table, fingerprint(home, other, number as u64 + 1)), Ok(Home::Slot));
        }
        const MOVED: u64 = fingerprint(0, 2, 1);
        let admitted = three(
            &table,
            [
                |table| u32::from(ask(table, MOVED).is_ok()),
                |table| {
                    assert_eq!(ask(table, fingerprint(0, 1, 9)), Ok(Home::Slot));
                    0
                },
                |_| 0,
            ],
        );
        // Caught between its charge and the look at the key, a call may be charged twice, never admitted twice.
        let left = table.peek(MOVED, 0, None, NOW).remaining();
        assert!(admitted + left <= 1);
        assert_eq!(table.live(NOW), 9, "each key stands in one slot");
        // And it is given back to where it now stands.
        table.give_back(MOVED, Home::Slot, 1, None);
        assert_eq!(table.peek(MOVED, 0, None, NOW).remaining(), left + 1);
    });
}

#[test]
fn what_is_given_back_finds_a_key_that_moves() {
    many_steps(|| {
        let table = Arc::new(Table::with_ways(quota(1, 1), 12, 2));
        let keys = [[0, 2], [0, 1], [0, 1], [0, 1], [1, 0], [1, 0], [1, 0], [1, 0]];
        for (number, [home, other]) in keys.into_iter().enumerate() {
            assert_eq!(ask(&table, fingerprint(home, other, number as u64 + 1)), Ok(Home::Slot));
        }
        const MOVED: u64 = fingerprint(0, 2, 1);
        three(
            &table,
            [
                |table| {
                    table.give_back(MOVED, Home::Slot, 1, None);
                    0
                },
                |table| u32::from(ask(table, fingerprint(0, 1, 9)).is_ok()),
                |_| 0,
            ],
        );
        assert_eq!(table.peek(MOVED, 0, None, NOW).remaining(), 1);
    });
}
