//! Pickers before unequal and failing backends, in simulated time.

use seawall::balance::{
    Ask, Config, Endpoint, Hashed, LeastConnections, P2c, PeakEwma, Picker, Pool, Prequal, Probe, Random,
    Reported, RoundRobin, Ticket, WeightedRandom, WeightedRoundRobin,
};
use seawall::outlier::Outliers;
use seawall::{Chance, Class, Instant};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// How a backend answers: after so long, and so well.
#[derive(Clone, Copy)]
struct Backend {
    takes: Duration,
    class: Class,
}

const HEALTHY: Backend = Backend { takes: Duration::from_millis(50), class: Class::Success };

/// What one run showed.
struct Seen {
    /// Calls per backend.
    shares: Vec<f64>,
    /// The 99th percentile of the time that calls took.
    p99: Duration,
}

/// `calls` calls, one every `every` on the average, with exponential gaps; a backend serves all it has at once.
/// What is seen is the second half of it.
async fn run(config: impl Into<Config>, halves: [&[Backend]; 2], calls: usize, every: Duration) -> Seen {
    let pool = Pool::new("pool", config.into().seed(7));
    let size = halves[0].len();
    pool.set((0..size).map(|i| Endpoint::new(format!("{i:03}"), i)));
    let mut chance = Chance::seeded(1);
    let mut under_way: BinaryHeap<Reverse<(Instant, usize)>> = BinaryHeap::new();
    let mut tickets: Vec<Option<Ticket<usize>>> = Vec::new();
    let (mut counts, mut took) = (vec![0usize; size], Vec::new());
    let mut next = Instant::now();
    let advance_to = async |at: Instant| tokio::time::advance(at - Instant::now()).await;
    while tickets.len() < calls {
        while let Some(&Reverse((at, call))) = under_way.peek()
            && at <= next
        {
            under_way.pop();
            advance_to(at).await;
            let ticket = tickets[call].take().unwrap();
            let class = halves[2 * call / calls][*ticket.service()].class;
            ticket.settle(class);
        }
        advance_to(next).await;
        let ticket = pool.pick().unwrap();
        let backend = *ticket.service();
        let (call, half) = (tickets.len(), 2 * tickets.len() / calls);
        counts[backend] += half;
        // Between half of it and twice as long.
        let time = halves[half][backend].takes.mul_f64(1.5f64.mul_add(chance.sample().powi(2), 0.5));
        if half == 1 {
            took.push(time);
        }
        under_way.push(Reverse((next + time, call)));
        tickets.push(Some(ticket));
        next += every.mul_f64(-(1.0 - chance.sample()).ln());
    }
    took.sort();
    Seen {
        shares: counts.iter().map(|&count| count as f64 * 2.0 / calls as f64).collect(),
        p99: took[took.len() * 99 / 100],
    }
}

const EVERY: Duration = Duration::from_millis(2);

/// The runs below, one backend of five being other than the rest.
async fn seen(config: impl Into<Config>, other: Backend) -> Seen {
    let mut backends = [HEALTHY; 5];
    backends[2] = other;
    run(config, [&backends; 2], 20_000, EVERY).await
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_fast_draws_no_traffic() {
    let failing = Backend { takes: Duration::from_millis(1), class: Class::Transient };
    for seen in [
        seen(LeastConnections::new(), failing).await,
        seen(P2c::new(), failing).await,
        seen(PeakEwma::new(), failing).await,
    ] {
        assert!(seen.shares[2] < 0.005, "{:?}", seen.shares);
        assert!(seen.shares[2] > 0.0, "it is looked at now and then: {:?}", seen.shares);
    }
    // Round robin does not look.
    let blind = seen(RoundRobin::new(), failing).await;
    assert!((blind.shares[2] - 0.2).abs() < 0.001, "{:?}", blind.shares);
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_avoids_a_slow_endpoint_and_round_robin_does_not() {
    let slow = Backend { takes: Duration::from_millis(500), class: Class::Success };
    let blind = seen(RoundRobin::new(), slow).await;
    let least = seen(LeastConnections::new(), slow).await;
    let two = seen(P2c::new(), slow).await;
    let peak = seen(PeakEwma::new(), slow).await;
    assert!(blind.shares[2] > 0.199, "{:?}", blind.shares);
    assert!(least.p99 < blind.p99 && two.p99 < blind.p99, "{:?} {:?} {:?}", least.p99, two.p99, blind.p99);
    assert!(peak.shares[2] < 0.01, "{:?}", peak.shares);
    assert!(peak.p99 < two.p99, "{:?} {:?}", peak.p99, two.p99);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_was_quick_and_then_fails_draws_no_traffic_however_long() {
    let mut failing = [HEALTHY; 5];
    failing[2] = Backend { takes: Duration::from_millis(1), class: Class::Transient };
    // A minute of it: any estimate of the good days has faded.
    for config in
        [Config::new(PeakEwma::new()), Config::new(P2c::new()), Config::new(LeastConnections::new())]
    {
        let seen = run(config, [&[HEALTHY; 5], &failing], 60_000, EVERY).await;
        assert!(seen.shares[2] < 0.005, "{:?}", seen.shares);
    }
}

/// Of the second half of 4000 calls, two milliseconds apart, the share of the one of five that fails at once.
async fn share_of_the_failing(config: Config, probed: bool) -> f64 {
    let pool = Pool::new("pool", config.seed(5));
    pool.set((0..5).map(|i| Endpoint::new(format!("{i}"), i)));
    let mut held = std::collections::VecDeque::new();
    let mut failing = 0;
    for call in 0..4_000u64 {
        tokio::time::advance(EVERY).await;
        while held.len() > 10 {
            let ticket: Ticket<u64> = held.pop_front().unwrap();
            ticket.settle(Class::Success);
        }
        let ask = Ask::new().key(call.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let ticket = if probed {
            // Its own answers are of the best: nothing in flight, and quick.
            let probe = |_: &seawall::balance::Id, &i: &u64| async move {
                let millis = if i == 2 { 1 } else { 50 };
                Some(Probe::new(if i == 2 { 0 } else { 2 }, Duration::from_millis(millis)))
            };
            pool.pick_probed(ask, probe).await.unwrap()
        } else {
            pool.pick_for(ask).unwrap()
        };
        if *ticket.service() == 2 {
            failing += u32::from(call >= 2_000);
            ticket.settle(Class::Transient);
        } else {
            held.push_back(ticket);
        }
    }
    f64::from(failing) / 2_000.0
}

#[tokio::test(start_paused = true)]
async fn whatever_the_picker_fast_failures_attract_nobody() {
    // Whoever looks at loads leaves it alone by itself.
    for picker in [
        Picker::from(LeastConnections::new()),
        P2c::new().into(),
        P2c::new().choices(3).into(),
        PeakEwma::new().into(),
        Prequal::new().into(),
    ] {
        let share = share_of_the_failing(Config::new(picker.clone()), false).await;
        assert!(share < 0.01, "{picker:?}: {share}");
    }
    let share = share_of_the_failing(Config::new(Prequal::new().sync(3)), true).await;
    assert!(share < 0.01, "asked first: {share}");
    // Whoever does not look sends it its part and no more, and with outliers nearly nothing.
    for picker in [
        Picker::from(RoundRobin::new()),
        WeightedRoundRobin::new().into(),
        Random.into(),
        WeightedRandom.into(),
        Reported::new().into(),
        Hashed::maglev().into(),
        Hashed::ring().into(),
        Hashed::rendezvous().into(),
    ] {
        let share = share_of_the_failing(Config::new(picker.clone()), false).await;
        assert!(share < 0.25, "{picker:?}: {share}");
        let config = Config::new(picker.clone()).outliers(Outliers::new());
        let share = share_of_the_failing(config, false).await;
        assert!(share < 0.01, "{picker:?} with outliers: {share}");
    }
}
