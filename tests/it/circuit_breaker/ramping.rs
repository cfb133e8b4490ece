//! Ramping: back to full traffic by and by.

use super::*;
use seawall::circuit_breaker::Ramp;

fn ramping() -> (Circuit, Turns) {
    let config = plain(Trip::run_of(2)).ramp(Ramp::over(s(10.0)).from(Ratio::percent(20)));
    let (mut circuit, mut turns) = (Circuit::new(config, Instant::ZERO), Turns::default());
    circuit.open_for(Duration::ZERO, Instant::ZERO, &mut turns);
    let probe = circuit.admit(at(0.0), 0.9, &mut turns).unwrap();
    circuit.settle(probe, S, at(0.0), 0.9, &mut turns);
    assert_eq!(circuit.state(), State::Ramping);
    (circuit, Turns::default())
}

fn at(seconds: f64) -> Instant {
    Instant::ZERO + s(seconds)
}

#[test]
fn a_growing_share_is_admitted() {
    let (mut circuit, mut turns) = ramping();
    for (seconds, admitted, refused) in [(0.0, 0.19, 0.2), (5.0, 0.59, 0.61), (9.9, 0.99, 0.993)] {
        assert!(circuit.admit(at(seconds), admitted, &mut turns).is_ok());
        assert_eq!(circuit.admit(at(seconds), refused, &mut turns), Err(Denied::Ramping));
    }
    assert!(turns.is_empty());
}

#[test]
fn the_first_act_after_it_closes_in_the_same_stay() {
    let (mut circuit, mut turns) = ramping();
    let early = circuit.admit(at(1.0), 0.0, &mut turns).unwrap();
    assert!(circuit.admit(at(10.0), 0.999, &mut turns).is_ok());
    assert_eq!(turns.drain().collect::<Vec<_>>(), [Turn::Closed]);
    // What was admitted on the ramp still counts.
    circuit.settle(early, F, at(11.0), 0.0, &mut turns);
    assert_eq!(circuit.snapshot(at(11.0)).failures, 1);
}

#[test]
fn a_trip_opens_it_as_an_opening_in_the_row() {
    let (mut circuit, mut turns) = ramping();
    for _ in 0..2 {
        let leave = circuit.admit(at(1.0), 0.0, &mut turns).unwrap();
        circuit.settle(leave, F, at(1.0), 0.0, &mut turns);
    }
    assert_eq!((circuit.state(), circuit.snapshot(at(1.0)).openings), (State::Open, 2));
}

#[test]
fn the_handle_draws_its_lots_from_the_seed() {
    let config = plain(Trip::run_of(2)).ramp(Ramp::over(s(10.0)).from(half())).seed(11);
    let lots = |config| {
        let breaker = CircuitBreaker::new("a", config);
        breaker.open_for_at(Duration::ZERO, at(0.0));
        breaker.try_acquire_at(at(0.0)).unwrap().settle_at(S, at(0.0));
        assert_eq!(breaker.state(), State::Ramping);
        (0..64).map(|_| breaker.try_acquire_at(at(0.0)).map(drop).is_ok()).collect::<Vec<_>>()
    };
    assert_eq!(lots(config), lots(config));
    let admitted = lots(config).iter().filter(|admitted| **admitted).count();
    assert!((16..48).contains(&admitted), "{admitted}");
}
