//! How long an outage lasts until a breaker opens, and how many calls that costs: the table of the guide, computed
//! by playing each setting through. Run with `cargo run --example breaker_arithmetic`.

use seawall::circuit_breaker::{Circuit, Config, OpenFor, State, Trip, Turns, Window};
use seawall::{Class, Instant, Ratio};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

/// One evenly spaced call after the other, each of no length.
struct Traffic {
    circuit: Circuit,
    turns: Turns,
    now: u64,
    step: u64,
}

impl Traffic {
    fn new(config: Config, per_second: u64) -> Self {
        let circuit = Circuit::new(config, Instant::ZERO);
        Self { circuit, turns: Turns::default(), now: 0, step: SECOND / per_second }
    }

    /// One call; whether it was admitted.
    fn call(&mut self, class: Class) -> bool {
        let now = Instant::from_nanos(self.now);
        self.now += self.step;
        let Ok(leave) = self.circuit.admit(now, 0.0, &mut self.turns) else { return false };
        self.circuit.settle(leave, class, now, 0.0, &mut self.turns);
        true
    }
}

/// After two healthy minutes everything fails: how many calls until the circuit opens, and after how long; `None`
/// if not within an hour.
fn outage(trip: Trip, per_second: u64) -> Option<(u64, Duration)> {
    let mut traffic = Traffic::new(Config::new().trip(trip), per_second);
    (0..120 * per_second).for_each(|_| assert!(traffic.call(Class::Success)));
    let (began, mut failed) = (traffic.now, 0);
    while traffic.circuit.state() == State::Closed {
        traffic.call(Class::Transient);
        failed += 1;
        if failed > 3_600 * per_second {
            return None;
        }
    }
    Some((failed, Duration::from_nanos(traffic.now - traffic.step - began)))
}

/// How many calls an hour of outage costs once the circuit is open.
fn probes_in_an_hour(open_for: OpenFor) -> u64 {
    let mut traffic = Traffic::new(Config::new().trip(Trip::run_of(1)).open_for(open_for), 10);
    (0..3_600 * 10).map(|_| u64::from(traffic.call(Class::Transient))).sum::<u64>() - 1
}

fn main() {
    let (guide, mut rows) = (include_str!("../docs/circuit_breaker.md"), Vec::new());
    let half = Ratio::percent(50);
    let seconds = |n| Window::time(Duration::from_secs(n));
    let settings: [(&str, Trip); 5] = [
        ("the default: `ratio(50 %)` over 30 s, 20 calls", Trip::default()),
        ("`ratio(50 %)` over 10 s, 20 calls", Trip::ratio(half).over(seconds(10)).into()),
        ("`ratio(50 %)` over 100 calls, 20 calls", Trip::ratio(half).over(Window::calls(100)).into()),
        ("`count(10)` within 10 s", Trip::count(10).within(Duration::from_secs(10))),
        ("`run_of(5)`", Trip::run_of(5)),
    ];
    for (name, trip) in settings {
        let cells = [1, 10, 100].map(|per_second| {
            outage(trip, per_second).map_or_else(
                || "never".to_owned(),
                |(failed, after)| format!("{failed} calls, {:.2} s", after.as_secs_f64()),
            )
        });
        let row = format!("| {name} | {} |", cells.join(" | "));
        rows.push(row);
    }

    let growing = OpenFor::exponential(Duration::from_secs(5));
    for (name, open_for) in [
        ("the default: 5 s, doubling, at most 60 s", growing),
        ("`fixed(5 s)`", OpenFor::fixed(Duration::from_secs(5))),
        ("`fixed(60 s)`", OpenFor::fixed(Duration::from_secs(60))),
    ] {
        let row = format!("| {name} | {} |", probes_in_an_hour(open_for));
        rows.push(row);
    }
    rows.iter().for_each(|row| println!("{row}"));
    assert!(rows.iter().all(|row| guide.contains(row)), "the guide says something else");
}
