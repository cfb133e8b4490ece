//! A budget that threads pay into and take from at once.

use super::{Budget, RetryBudget};
use crate::sync::model::{check, thread};
use crate::{Instant, Ratio};

const NOW: Instant = Instant::from_nanos(1);

fn empty() -> RetryBudget {
    RetryBudget::new(Budget::ratio(Ratio::ONE).reserve(0).hold(10))
}

/// Takes one token for good, if there is one.
fn spend(budget: &RetryBudget) -> u32 {
    budget.withdraw_at(NOW).map_or(0, |token| {
        token.spend();
        1
    })
}

#[test]
fn every_deposit_buys_one_retry_and_no_more() {
    check(|| {
        let budget = empty();
        let other = thread::spawn({
            let budget = budget.clone();
            move || {
                budget.deposit();
                spend(&budget)
            }
        });
        budget.deposit();
        let mine = spend(&budget);
        let theirs = other.join().unwrap();
        assert_eq!(mine + theirs + spend(&budget) + spend(&budget), 2);
    });
}

#[test]
fn a_token_that_was_not_used_is_there_for_another() {
    check(|| {
        let budget = empty();
        budget.deposit();
        let other = thread::spawn({
            let budget = budget.clone();
            move || drop(budget.withdraw_at(NOW))
        });
        let mine = spend(&budget);
        other.join().unwrap();
        assert_eq!(mine + spend(&budget), 1);
    });
}
