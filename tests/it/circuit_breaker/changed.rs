//! Settings changed while it runs.

use super::*;
use seawall::circuit_breaker::Window;

fn ratio(percent: u32, window: Window) -> Config {
    plain(Trip::ratio(Ratio::percent(percent)).over(window).min_calls(4))
}

impl Pair {
    fn set(&mut self, config: Config) -> &mut Self {
        self.by_hand(|circuit, _, _| circuit.set(config), |breaker, _| breaker.set(config))
    }
}

#[test]
fn a_threshold_applies_from_the_next_result() {
    let mut pair = Pair::new(ratio(90, Window::calls(10)));
    pair.calls([S, F, S, F]).set(ratio(50, Window::calls(10))).is(State::Closed);
    pair.call(S).is(State::Closed).call(F).is(State::Open);
    assert!(pair.breaker.config() == ratio(50, Window::calls(10)));
}

#[test]
fn a_window_that_changed_starts_empty_and_the_others_keep_their_counts() {
    let both =
        |window| ratio(90, window).trip(Trip::ratio(Ratio::percent(90)).over(window).or(Trip::run_of(3)));
    let mut pair = Pair::new(both(Window::calls(10)));
    pair.calls([S, F, F]).set(both(Window::calls(20)));
    assert_eq!((pair.snapshot().failures, pair.snapshot().successes), (0, 0));
    // The run goes on.
    pair.call(F).is(State::Open);
}

#[test]
fn a_call_in_flight_still_counts() {
    let mut pair = Pair::new(plain(Trip::run_of(1)));
    let before = pair.admit().unwrap();
    pair.set(plain(Trip::run_of(2))).settle(before, F).is(State::Closed).call(F).is(State::Open);
    assert_eq!(pair.snapshot().late, 0);
}

#[test]
fn an_open_circuit_keeps_its_time_and_a_half_open_one_its_probes() {
    let mut pair = Pair::new(plain(Trip::run_of(1)).probes(Probes::of(2)));
    pair.call(F).set(plain(Trip::run_of(1)).open_for(OpenFor::fixed(s(99.0)))).refuses_for(5.0);
    pair.set(plain(Trip::run_of(1)).probes(Probes::of(2))).at(5.0).call(S).is(State::HalfOpen);
    pair.set(plain(Trip::run_of(1)).probes(Probes::of(9))).call(S).is(State::Closed);
}

#[test]
fn a_slow_limit_may_come_change_and_go_under_calls_in_flight() {
    let slow = |seconds| plain(Trip::slow(s(seconds), half()).min_calls(3));
    let mut pair = Pair::new(plain(Trip::run_of(9)));
    let free = pair.admit().unwrap();
    pair.set(slow(4.0));
    let watched = pair.at(1.0).admit().unwrap();
    // Admitted before anybody looked at the clock: of unknown length, so not slow.
    pair.at(9.0).settle(free, S);
    assert_eq!((pair.snapshot().slow, pair.snapshot().overdue), (0, 1));
    // With another limit the flights begin anew, and what ends is still measured.
    pair.set(slow(2.0));
    assert_eq!(pair.snapshot().overdue, 0);
    pair.settle(watched, S);
    assert_eq!((pair.snapshot().slow, pair.snapshot().overdue), (1, 0));
    pair.set(plain(Trip::run_of(9))).calls([S, F]).is(State::Closed);
}
