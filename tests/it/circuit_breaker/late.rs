//! A result of a stay that is over decides nothing. Known of breakers whose permits name no stay: an answer from
//! before the outage closes the circuit after it. gobreaker has generations for it (`TestGeneration`).

use super::*;

#[test]
fn a_late_answer_does_not_close_the_circuit() {
    let mut pair = Pair::new(plain(Trip::run_of(1)));
    let early = pair.admit().unwrap();
    pair.call(F).is(State::Open);
    let probe = pair.at(5.0).admit().unwrap();
    pair.settle(early, S).is(State::HalfOpen);
    assert_eq!((pair.snapshot().late, pair.snapshot().probing), (1, 1));
    pair.refuses(Denied::ProbesTaken).settle(probe, S).is(State::Closed);
}

#[test]
fn a_late_failure_does_not_open_it_again() {
    let mut pair = Pair::new(plain(Trip::run_of(1)));
    let early = pair.admit().unwrap();
    pair.call(F).at(5.0).call(S).is(State::Closed).settle(early, F).is(State::Closed);
    assert_eq!(opened(pair.turns()), 1);
}

#[test]
fn whatever_ends_late_frees_no_slot_of_a_later_stay() {
    let mut pair = Pair::new(plain(Trip::run_of(1)).probes(Probes::of(1)));
    let [a, b, c] = [(); 3].map(|()| pair.admit().unwrap());
    pair.call(F).at(5.0);
    let _probe = pair.admit().unwrap();
    pair.release(a).abandon(b).settle(c, N).refuses(Denied::ProbesTaken);
    assert_eq!((pair.snapshot().late, pair.snapshot().abandoned), (0, 1));
}
