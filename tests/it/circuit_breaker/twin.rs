//! The deciding value against a naive twin that remembers everything and works each answer out from scratch,
//! and the shared handle against the deciding value.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use seawall::circuit_breaker::{Cause, Ramp, Start, Verdict, Window};

/// A window as the rules put it: the last n, or the slices of the last while.
#[derive(Clone, Copy, Debug)]
enum Over {
    Calls(u32),
    Time(u64, u32),
}

impl Over {
    const fn window(self) -> Window {
        match self {
            Self::Calls(n) => Window::calls(n),
            Self::Time(length, slices) => Window::time(Duration::from_nanos(length)).slices(slices),
        }
    }

    /// What of `entries` (time, marked) is held at `now`: how many, and how many of them marked.
    fn held(self, entries: &[(u64, bool)], now: u64) -> (u64, u64) {
        let held: Vec<_> = match self {
            Self::Calls(n) => entries.iter().rev().take(n as usize).collect(),
            Self::Time(length, slices) => {
                let Some((first, _)) = entries.first() else { return (0, 0) };
                let width = length.div_ceil(u64::from(slices)).max(1);
                let number = |at: u64| (at - first) / width;
                entries.iter().filter(|(at, _)| number(*at) + u64::from(slices) > number(now)).collect()
            }
        };
        (held.len() as u64, held.iter().filter(|(_, marked)| *marked).count() as u64)
    }

    fn least(self, asked: u32) -> u64 {
        match self {
            Self::Calls(n) => n.min(asked).into(),
            Self::Time(..) => asked.into(),
        }
    }
}

#[derive(Clone, Debug)]
struct Settings {
    ratio: Option<(u32, Over, u32)>,
    slow: Option<(u64, u32, Over, u32)>,
    count: Option<(u32, u64)>,
    run: Option<u32>,
    base: u64,
    probes: (u32, u32, u64, bool),
    ramp: Option<u64>,
    start: Start,
}

impl Settings {
    fn trip(&self) -> Trip {
        // A run that is never reached, so that there is something to join the others to.
        let mut trip = Trip::run_of(self.run.unwrap_or(u32::MAX));
        if let Some((ratio, over, least)) = self.ratio {
            trip = trip.or(Trip::ratio(Ratio::percent(ratio)).over(over.window()).min_calls(least));
        }
        if let Some((limit, ratio, over, least)) = self.slow {
            let limit = Duration::from_nanos(limit);
            trip = trip.or(Trip::slow(limit, Ratio::percent(ratio)).over(over.window()).min_calls(least));
        }
        if let Some((failures, length)) = self.count {
            trip = trip.or(Trip::count(failures).within(Duration::from_nanos(length)));
        }
        trip
    }

    fn config(&self) -> Config {
        let (of, need, max_wait, closes) = self.probes;
        let hung = if closes { Verdict::Close } else { Verdict::Open };
        let open_for = OpenFor::exponential(Duration::from_nanos(self.base)).cap(Duration::from_nanos(900));
        let probes = Probes::of(of).need(need).max_wait(Duration::from_nanos(max_wait)).hung(hung);
        let config = Config::new().trip(self.trip()).open_for(open_for).probes(probes).start(self.start);
        self.ramp.map_or(config, |length| config.ramp(Ramp::over(Duration::from_nanos(length))))
    }

    /// As [`OpenFor`] has it: doubled at each opening in the row, at most 900; an overload may ask for more.
    fn period(&self, row: u32, after: Option<Duration>) -> u64 {
        let grown = (0..row).fold(self.base, |period, _| (period * 2).min(900)).min(900);
        grown.max(after.map_or(0, |after| after.as_nanos() as u64))
    }
}

struct Twin {
    settings: Settings,
    state: State,
    stay: u32,
    latest: u64,
    /// Of this stay: failed or not; and every call that was slow or not.
    results: Vec<(u64, bool)>,
    speeds: Vec<(u64, bool)>,
    /// In flight in this stay: what was admitted when.
    flights: Vec<(usize, u64)>,
    until: u64,
    row: u32,
    probes: (u32, u32, u32, u64),
    since: u64,
    told: bool,
    late: u64,
    abandoned: u64,
    turns: Vec<Turn>,
}

/// A leave of the twin's: its number, its stay, when it began.
#[derive(Clone, Copy, Debug)]
struct Held(usize, u32, u64);

impl Twin {
    fn new(settings: Settings) -> Self {
        let state = match settings.start {
            Start::Closed => State::Closed,
            Start::Open => State::Open,
            Start::ForcedOpen => State::ForcedOpen,
            Start::ForcedClosed => State::ForcedClosed,
            Start::ObserveOnly => State::ObserveOnly,
        };
        let (until, row) = if state == State::Open { (settings.period(0, None), 1) } else { (0, 0) };
        Self {
            settings,
            state,
            stay: 0,
            latest: 0,
            results: Vec::new(),
            speeds: Vec::new(),
            flights: Vec::new(),
            until,
            row,
            probes: (0, 0, 0, 0),
            since: 0,
            told: false,
            late: 0,
            abandoned: 0,
            turns: Vec::new(),
        }
    }

    fn go(&mut self, state: State, turn: Turn) {
        self.state = state;
        self.turns.push(turn);
        self.stay += 1;
        (self.results, self.speeds, self.flights) = (Vec::new(), Vec::new(), Vec::new());
        self.probes = (0, 0, 0, 0);
        self.told = false;
        if state == State::Closed {
            self.row = 0;
        }
    }

    const fn watching(&self) -> bool {
        matches!(self.state, State::Closed | State::Ramping | State::ObserveOnly)
    }

    fn overdue(&self, now: u64) -> u64 {
        let Some((limit, ..)) = self.settings.slow else { return 0 };
        let width = 1 << (limit / 8).max(1).ilog2();
        let beyond = |(_, began): &&(usize, u64)| (began / width + 1) * width + limit <= now;
        self.flights.iter().filter(beyond).count() as u64
    }

    fn too_slow(&self, now: u64) -> bool {
        let Some((_, ratio, over, least)) = self.settings.slow else { return false };
        let (held, slow) = over.held(&self.speeds, now);
        let overdue = self.overdue(now);
        let of = held + overdue;
        of > 0 && of >= over.least(least) && (slow + overdue) * 100 >= of * u64::from(ratio)
    }

    fn verdict(&self, now: u64) -> Option<Cause> {
        let failures: Vec<_> = self.results.iter().filter(|(_, failed)| *failed).copied().collect();
        let run = self.results.iter().rev().take_while(|(_, failed)| *failed).count();
        if self.settings.run.is_some_and(|k| run >= k as usize) {
            return Some(Cause::Run);
        }
        if let Some((k, length)) = self.settings.count
            && Over::Time(length, 10).held(&failures, now).0 >= u64::from(k)
        {
            return Some(Cause::Count);
        }
        if let Some((ratio, over, least)) = self.settings.ratio {
            let (of, failed) = over.held(&self.results, now);
            if of > 0 && of >= over.least(least) && failed * 100 >= of * u64::from(ratio) {
                return Some(Cause::Ratio);
            }
        }
        self.too_slow(now).then_some(Cause::Slow)
    }

    fn counts(&self, now: u64) -> (u64, u64, u64) {
        let (recorded, failures) = match (self.settings.ratio, self.settings.count) {
            (Some((_, over, _)), _) => over.held(&self.results, now),
            (None, Some((_, length))) => {
                let failures: Vec<_> = self.results.iter().filter(|(_, failed)| *failed).copied().collect();
                let held = Over::Time(length, 10).held(&failures, now).0;
                (held, held)
            }
            (None, None) => {
                let run = self.results.iter().rev().take_while(|(_, failed)| *failed).count() as u64;
                (run, run)
            }
        };
        let slow = self.settings.slow.map_or(0, |(_, _, over, _)| over.held(&self.speeds, now).1);
        (recorded, failures, slow)
    }

    fn open(&mut self, cause: Cause, now: u64, period: u64) {
        let (recorded, failures, slow) = if self.state == State::HalfOpen {
            (u64::from(self.probes.1 + self.probes.2), u64::from(self.probes.2), 0)
        } else {
            let (recorded, failures, slow) = self.counts(now);
            (recorded, failures, slow + self.overdue(now))
        };
        self.latest = self.latest.max(now);
        self.until = now + period;
        let period = Duration::from_nanos(period);
        let row = self.row + 1;
        self.go(State::Open, Turn::Opened { cause, period, failures, slow, recorded });
        self.row = row;
    }

    fn trip(&mut self, cause: Option<Cause>, now: u64, after: Option<Duration>) {
        match cause {
            Some(cause) if self.state == State::ObserveOnly => {
                if !self.told {
                    self.turns.push(Turn::WouldOpen { cause });
                }
                self.told = true;
            }
            Some(cause) => self.open(cause, now, self.settings.period(self.row, after)),
            None => {}
        }
    }

    fn close(&mut self, now: u64) {
        if self.settings.ramp.is_some() {
            self.go(State::Ramping, Turn::Ramping);
            self.since = now;
        } else {
            self.go(State::Closed, Turn::Closed);
        }
    }

    fn end_ramp(&mut self, now: u64) {
        if self.state == State::Ramping && self.settings.ramp.is_some_and(|length| now >= self.since + length)
        {
            (self.state, self.row) = (State::Closed, 0);
            self.turns.push(Turn::Closed);
        }
    }

    fn admit(&mut self, number: usize, now: u64, u: f64) -> Result<Held, Denied> {
        let now = now.max(self.latest);
        self.end_ramp(now);
        let (of, _, max_wait, closes) = self.settings.probes;
        let (taken, good, bad, last) = self.probes;
        if self.state == State::HalfOpen && taken + good + bad == of && now >= last + max_wait {
            if closes {
                self.close(now);
                return Ok(self.leave(number, now));
            }
            self.open(Cause::Hung, now, self.settings.period(self.row, None));
        } else if self.watching() && self.too_slow(now) {
            self.trip(Some(Cause::Slow), now, None);
        }
        match self.state {
            State::ForcedOpen => return Err(Denied::ForcedOpen),
            State::Open if now < self.until => {
                return Err(Denied::Open { retry_after: Duration::from_nanos(self.until - now) });
            }
            State::Open => {
                self.go(State::HalfOpen, Turn::HalfOpened);
                self.probes = (1, 0, 0, now);
            }
            State::HalfOpen if taken + good + bad == of => return Err(Denied::ProbesTaken),
            State::HalfOpen => self.probes = (taken + 1, good, bad, now),
            State::Ramping => {
                let length = self.settings.ramp.unwrap();
                let share = 0.9f64.mul_add((now - self.since) as f64 / length as f64, 0.1);
                if u >= share {
                    return Err(Denied::Ramping);
                }
            }
            _ => {}
        }
        Ok(self.leave(number, now))
    }

    fn leave(&mut self, number: usize, now: u64) -> Held {
        self.latest = now;
        if self.watching() && self.settings.slow.is_some() {
            self.flights.push((number, now));
        }
        Held(number, self.stay, now)
    }

    fn probed(&mut self, good: bool, now: u64, after: Option<Duration>) {
        self.probes.0 -= 1;
        if good {
            self.probes.1 += 1;
        } else {
            self.probes.2 += 1;
        }
        let (of, need, ..) = self.settings.probes;
        if self.probes.1 >= need {
            self.close(now);
        } else if self.probes.2 > of - need {
            self.open(Cause::Probes, now, self.settings.period(self.row, after));
        }
    }

    fn end(&mut self, Held(number, stay, began): Held, how: How, now: u64) {
        self.abandoned += u64::from(matches!(how, How::Abandon));
        if stay != self.stay {
            match how {
                How::Settle(class) => self.late += u64::from(class != N),
                How::Release | How::Abandon => {}
            }
            return;
        }
        if matches!(how, How::Release | How::Settle(N)) {
            self.flights.retain(|(flight, _)| *flight != number);
            if self.state == State::HalfOpen {
                self.probes.0 -= 1;
            }
            return;
        }
        self.latest = self.latest.max(now);
        let now = self.latest;
        self.end_ramp(now);
        self.flights.retain(|(flight, _)| *flight != number);
        let slow = self.settings.slow.is_some_and(|(limit, ..)| now - began > limit);
        match how {
            How::Settle(class) => {
                let after = if let Class::Overload(after) = class { after } else { None };
                if self.watching() {
                    self.results.push((now, class.is_failure()));
                    self.speeds.push((now, slow));
                    let verdict = self.verdict(now);
                    self.trip(verdict, now, after);
                } else if self.state == State::HalfOpen {
                    self.probed(class == S && !slow, now, after);
                }
            }
            How::Abandon => {
                if self.watching() {
                    if slow {
                        self.speeds.push((now, true));
                        let verdict = self.verdict(now);
                        self.trip(verdict, now, None);
                    }
                } else if self.state == State::HalfOpen {
                    if slow { self.probed(false, now, None) } else { self.probes.0 -= 1 }
                }
            }
            How::Release => {}
        }
    }

    fn force(&mut self, state: State) {
        if self.state != state {
            self.go(state, Turn::Forced(state));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum How {
    Settle(Class),
    Release,
    Abandon,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Pass(u64),
    Admit(f64),
    End(prop::sample::Index, How),
    Hand(u8),
}

fn over() -> impl Strategy<Value = Over> {
    prop_oneof![(1u32..12).prop_map(Over::Calls), (1u64..400, 2u32..12).prop_map(|(d, s)| Over::Time(d, s))]
}

fn settings() -> impl Strategy<Value = Settings> {
    let probes = (1u32..4).prop_flat_map(|of| (Just(of), 1..=of, 1u64..300, any::<bool>()));
    let start = prop::sample::select(vec![
        Start::Closed,
        Start::Closed,
        Start::Open,
        Start::ForcedOpen,
        Start::ForcedClosed,
        Start::ObserveOnly,
    ]);
    (
        prop::option::of((0u32..110, over(), 0u32..10)),
        prop::option::of((prop_oneof![1u64..100, 100u64..2_000], 1u32..110, over(), 0u32..8)),
        prop::option::of((1u32..5, 1u64..300)),
        prop::option::of(1u32..5),
        1u64..300,
        probes,
        prop::option::of(1u64..200),
        start,
    )
        .prop_map(|(ratio, slow, count, run, base, probes, ramp, start)| Settings {
            ratio,
            slow,
            count,
            run,
            base,
            probes,
            ramp,
            start,
        })
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        5 => Just(How::Settle(S)),
        4 => Just(How::Settle(F)),
        1 => Just(How::Settle(N)),
        1 => Just(How::Settle(Class::Permanent)),
        1 => (0u64..2_000).prop_map(|d| How::Settle(Class::Overload(Some(Duration::from_nanos(d))))),
        1 => Just(How::Release),
        1 => Just(How::Abandon),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0u64..60).prop_map(Act::Pass),
        1 => (0u64..1_000).prop_map(Act::Pass),
        8 => (0.0f64..1.0).prop_map(Act::Admit),
        8 => (any::<prop::sample::Index>(), how()).prop_map(|(which, how)| Act::End(which, how)),
        1 => (0u8..12).prop_map(Act::Hand),
    ];
    vec(act, 0..150)
}

const fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_circuit_says_what_its_twin_says(settings in settings(), acts in acts()) {
        let (mut circuit, mut twin) = (Circuit::new(settings.config(), at(0)), Twin::new(settings));
        let (mut now, mut held, mut turns) = (0, Vec::new(), Vec::new());
        for (number, act) in acts.into_iter().enumerate() {
            let mut told = Turns::default();
            match act {
                Act::Pass(time) => now += time,
                Act::Admit(u) => match (circuit.admit(at(now), u, &mut told), twin.admit(number, now, u)) {
                    (Ok(leave), Ok(theirs)) => held.push((leave, theirs)),
                    (ours, theirs) => prop_assert_eq!(ours.map(|_| ()), theirs.map(|_| ())),
                },
                Act::End(..) if held.is_empty() => {}
                Act::End(which, how) => {
                    let (leave, theirs) = held.swap_remove(which.index(held.len()));
                    match how {
                        How::Settle(class) => circuit.settle(leave, class, at(now), 0.5, &mut told),
                        How::Release => circuit.release(leave),
                        How::Abandon => circuit.abandon(leave, at(now), 0.5, &mut told),
                    }
                    twin.end(theirs, how, now);
                }
                Act::Hand(0) => {
                    circuit.force_open(&mut told);
                    twin.force(State::ForcedOpen);
                }
                Act::Hand(1) => {
                    circuit.force_closed(&mut told);
                    twin.force(State::ForcedClosed);
                }
                Act::Hand(2) => {
                    circuit.observe_only(&mut told);
                    twin.force(State::ObserveOnly);
                }
                Act::Hand(3) => {
                    circuit.open_for(Duration::from_nanos(77), at(now), &mut told);
                    twin.latest = twin.latest.max(now);
                    twin.open(Cause::Hand, twin.latest, 77);
                }
                Act::Hand(4) => {
                    circuit.probe_now();
                    twin.until = 0;
                }
                Act::Hand(_) => {
                    circuit.reset(&mut told);
                    let before = std::mem::replace(&mut twin.state, State::Closed);
                    twin.go(State::Closed, Turn::Reset);
                    if before != State::Closed {
                        twin.turns.push(Turn::Closed);
                    }
                }
            }
            turns.extend(told.drain());
            prop_assert_eq!(&turns, &twin.turns);
            prop_assert_eq!(circuit.state(), twin.state);
            let snapshot = circuit.snapshot(at(now));
            prop_assert_eq!((snapshot.late, snapshot.abandoned), (twin.late, twin.abandoned));
            prop_assert_eq!(snapshot.openings, twin.row);
            prop_assert!(snapshot.probing <= twin.settings.probes.0);
            if twin.watching() {
                let time = now.max(twin.latest);
                let (recorded, failures, slow) = twin.counts(time);
                let ours = (snapshot.successes + snapshot.failures, snapshot.failures, snapshot.slow);
                prop_assert_eq!(ours, (recorded, failures, slow));
                prop_assert_eq!(snapshot.overdue, twin.overdue(time));
            }
        }
    }

    /// Snapshots are rare here, so that successes stay in the stripes for long.
    #[test]
    fn the_handle_says_what_the_circuit_says(
        mut settings in settings(),
        acts in acts(),
        looks in any::<u16>(),
    ) {
        // The handle draws its own lots, and reads the clock for what is dropped under a slow trip.
        settings.ramp = None;
        // An open start counts from construction, by the clock.
        if settings.start == Start::Open {
            settings.start = Start::Closed;
        }
        let watched = settings.slow.is_some();
        let mut pair = Pair::new(settings.config());
        let mut held = Vec::new();
        for (step, act) in acts.into_iter().enumerate() {
            match act {
                Act::Pass(time) => pair.now += Duration::from_nanos(time),
                Act::Admit(_) => held.extend(pair.admit_quietly().ok()),
                Act::End(..) if held.is_empty() => {}
                Act::End(which, how) => {
                    let ticket = held.swap_remove(which.index(held.len()));
                    match how {
                        How::Settle(class) => pair.settle_quietly(ticket, class),
                        How::Abandon if !watched => pair.abandon_quietly(ticket),
                        How::Release | How::Abandon => pair.release_quietly(ticket),
                    }
                }
                Act::Hand(0) => {
                    pair.by_hand(|c, _, turns| c.force_open(turns), |b, _| b.force_open());
                }
                Act::Hand(1) => {
                    pair.by_hand(|c, _, turns| c.force_closed(turns), |b, _| b.force_closed());
                }
                Act::Hand(2) => {
                    pair.by_hand(|c, _, turns| c.observe_only(turns), |b, _| b.observe_only());
                }
                Act::Hand(3) => {
                    let d = Duration::from_nanos(77);
                    pair.by_hand(|c, now, turns| c.open_for(d, now, turns), |b, now| b.open_for_at(d, now));
                }
                Act::Hand(4) => {
                    pair.by_hand(|c, _, _| c.probe_now(), |b, _| b.probe_now());
                }
                Act::Hand(_) => {
                    pair.by_hand(|c, _, turns| c.reset(turns), |b, _| b.reset());
                }
            }
            prop_assert_eq!(pair.breaker.state(), pair.circuit.state());
            prop_assert_eq!(&pair.ear.turns(), &pair.turns);
            if looks >> (step % 16) & 1 == 1 {
                pair.agree();
            }
        }
        pair.agree();
    }
}
