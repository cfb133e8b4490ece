//! An overload that feeds itself: callers give up and ask again, so a server that was slow for two seconds never has
//! time for a call that somebody still waits for. With a limit before it, it ends with its cause.
//!
//! Bronson et al., *Metastable Failures in Distributed Systems*, HotOS 2021.

use seawall::gate::Permit;
use seawall::{Class, ConcurrencyLimit, Instant};
use std::collections::{BTreeMap, VecDeque};

const MILLI: u64 = 1_000_000;
const WORK: u64 = 10 * MILLI;
const WORKERS: usize = 20;
/// A caller gives up on an attempt after this, and asks again at once.
const PATIENCE: u64 = 100 * MILLI;
const ATTEMPTS: u32 = 4;

struct Attempt<'a> {
    came: u64,
    permit: Option<Permit<&'a ConcurrencyLimit>>,
}

/// Answers given in time, in each second of the run.
fn goodput(limit: Option<&ConcurrencyLimit>) -> Vec<u64> {
    let mut answers = vec![0; 20];
    let (mut queue, mut at_work) = (VecDeque::<Attempt<'_>>::new(), Vec::<(u64, Attempt<'_>)>::new());
    // When attempts come: first ones at a steady 1800 a second (nine tenths of the capacity), repeated ones later.
    let mut again = BTreeMap::<u64, Vec<u32>>::new();
    let mut due = 0;
    for now in (0..20_000).map(|millis| millis * MILLI) {
        let slow = (5_000..7_000).contains(&(now / MILLI));
        at_work.retain_mut(|(ends, attempt)| {
            if *ends > now {
                return true;
            }
            // The server has worked for it in any case.
            if *ends - attempt.came <= PATIENCE {
                answers[(now / MILLI / 1000) as usize] += 1;
            }
            if let Some(permit) = attempt.permit.take() {
                permit.settle_at(Class::Success, Instant::from_nanos(now));
            }
            false
        });
        due += 9;
        let mut comers = again.remove(&now).unwrap_or_default();
        comers.extend(std::iter::repeat_n(1, due / 5));
        due %= 5;
        for number in comers {
            let admitted = limit.map(|limit| limit.try_acquire_at(Instant::from_nanos(now))).transpose();
            // Whoever is refused asks again a little later; whoever is not answered in time, then.
            let (wait, outlook) = match admitted {
                Err(_) => (20 * MILLI, None),
                Ok(permit) => {
                    let ahead = (queue.len() + at_work.len()) as u64 / WORKERS as u64;
                    queue.push_back(Attempt { came: now, permit });
                    (PATIENCE, Some((ahead + 1) * if slow { 2 * WORK } else { WORK }))
                }
            };
            let in_time = outlook.is_some_and(|takes| takes <= PATIENCE);
            if !in_time && number < ATTEMPTS {
                again.entry(now + wait).or_default().push(number + 1);
            }
        }
        while at_work.len() < WORKERS
            && let Some(attempt) = queue.pop_front()
        {
            at_work.push((now + if slow { 4 * WORK } else { WORK }, attempt));
        }
    }
    answers
}

#[test]
fn an_overload_that_does_not_end_by_itself_ends_with_a_limit() {
    let without = goodput(None);
    assert!(without[2] >= 1700, "healthy at first: {without:?}");
    assert!(without[15..].iter().all(|answers| *answers < 180), "it does not recover: {without:?}");

    let limit = ConcurrencyLimit::new("server", 40);
    let with = goodput(Some(&limit));
    assert!(with[2] >= 1700, "healthy at first: {with:?}");
    assert!(with[8..].iter().all(|answers| *answers >= 1700), "a second after the cause is gone: {with:?}");
}
