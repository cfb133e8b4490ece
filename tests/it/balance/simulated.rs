//! Pickers before unequal and failing backends, in simulated time.

use seawall::balance::{Config, Endpoint, LeastConnections, Pool, RoundRobin, Ticket};
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
async fn run(config: impl Into<Config>, backends: &[Backend], calls: usize, every: Duration) -> Seen {
    let pool = Pool::new("pool", config.into().seed(7));
    pool.set((0..backends.len()).map(|i| Endpoint::new(format!("{i:03}"), i)));
    let mut chance = Chance::seeded(1);
    let mut under_way: BinaryHeap<Reverse<(Instant, usize)>> = BinaryHeap::new();
    let mut tickets: Vec<Option<Ticket<usize>>> = Vec::new();
    let (mut counts, mut took) = (vec![0usize; backends.len()], Vec::new());
    let mut next = Instant::now();
    let advance_to = async |at: Instant| tokio::time::advance(at - Instant::now()).await;
    while tickets.len() < calls {
        while let Some(&Reverse((at, call))) = under_way.peek()
            && at <= next
        {
            under_way.pop();
            advance_to(at).await;
            let ticket = tickets[call].take().unwrap();
            let class = backends[*ticket.service()].class;
            ticket.settle(class);
        }
        advance_to(next).await;
        let ticket = pool.pick().unwrap();
        let backend = *ticket.service();
        counts[backend] += 1;
        // Between half of it and twice as long.
        let time = backends[backend].takes.mul_f64(1.5f64.mul_add(chance.sample().powi(2), 0.5));
        took.push(time);
        under_way.push(Reverse((next + time, tickets.len())));
        tickets.push(Some(ticket));
        next += every.mul_f64(-(1.0 - chance.sample()).ln());
    }
    took.sort();
    Seen {
        shares: counts.iter().map(|&count| count as f64 / calls as f64).collect(),
        p99: took[calls * 99 / 100],
    }
}

const EVERY: Duration = Duration::from_millis(2);

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_fast_draws_no_traffic() {
    let failing = Backend { takes: Duration::from_millis(1), class: Class::Transient };
    let mut backends = [HEALTHY; 5];
    backends[2] = failing;
    let seen = run(LeastConnections::new(), &backends, 20_000, EVERY).await;
    assert!(seen.shares[2] < 0.005, "{:?}", seen.shares);
    assert!(seen.shares[2] > 0.0, "it is looked at now and then: {:?}", seen.shares);
    // Round robin does not look.
    let seen = run(RoundRobin::new(), &backends, 20_000, EVERY).await;
    assert!((seen.shares[2] - 0.2).abs() < 0.001, "{:?}", seen.shares);
}

#[tokio::test(start_paused = true)]
async fn least_connections_avoids_a_slow_endpoint_and_round_robin_does_not() {
    let slow = Backend { takes: Duration::from_millis(500), class: Class::Success };
    let mut backends = [HEALTHY; 5];
    backends[0] = slow;
    let blind = run(RoundRobin::new(), &backends, 20_000, EVERY).await;
    let least = run(LeastConnections::new(), &backends, 20_000, EVERY).await;
    assert!(least.p99 < blind.p99, "{:?} {:?}", least.p99, blind.p99);
    assert!(least.shares[0] < 0.05 && blind.shares[0] > 0.19, "{:?} {:?}", least.shares, blind.shares);
}
