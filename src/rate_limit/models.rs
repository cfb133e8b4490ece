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
    u32::from(word.try_admit(1, NOW) || word.admit(BY, 1, NOW).is_ok())
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
    if table.try_admit(key, 1, NOW) { Ok(Home::Slot) } else { table.admit(ask).map(|(home, _)| home) }
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
