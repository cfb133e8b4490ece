//! Too many: of one tenant, from one address, of all.

use super::load::{Asks, Load};
use super::{PER_ADDRESS, PHASE, Storm};
use crate::auth::{BATCH, BRONZE};
use crate::pause;
use crate::upstream::CALLS;
use seawall::Instant;
use seawall::rate_limit::Quota;
use std::time::Duration;

impl Storm {
    pub(super) async fn crowds(&mut self) {
        self.a_greedy_tenant().await;
        self.a_greedy_address().await;
        self.a_surge().await;
    }

    async fn a_greedy_tenant(&mut self) {
        let begun = Instant::now();
        let load = Load { key: BRONZE.key, clients: 20, ..self.load(Asks::Reads) };
        let title = "a tenant of 50 a second asks over 20 connections, from 20 addresses";
        let (orders, _, greedy) = self
            .phase(title, async |storm| {
                let greedy = load.start();
                storm.until(|_| greedy.tally.lock().status(429) >= 100).await;
                greedy.stop().await
            })
            .await;
        let most = most(BRONZE.quota, Instant::now() - begun);
        self.account.row("that tenant", &greedy, 0);
        self.note(&greedy);
        self.calls += greedy.status(200);
        let passed = greedy.sent - greedy.status(429);
        self.account.must(format!("its limit held across them: {passed} passed, {most} may"), passed <= most);
        self.account.must("it got what is its own", greedy.status(200) >= u64::from(BRONZE.quota.capacity()));
        self.account.must("each 429 said when to come back", greedy.status(429) > 0 && greedy.mute == 0);
        self.account.must("all others were served", orders.all_served());
    }

    async fn a_greedy_address(&mut self) {
        let begun = Instant::now();
        let load =
            Load { clients: 20, pace: Duration::from_millis(2), one_address: true, ..self.load(Asks::Reads) };
        let title = "one address asks over 20 connections, with a key that may ask for more";
        let (orders, _, greedy) = self
            .phase(title, async |storm| {
                let greedy = load.start();
                storm.until(|_| greedy.tally.lock().status(429) >= 100).await;
                greedy.stop().await
            })
            .await;
        let most = most(PER_ADDRESS, Instant::now() - begun);
        self.account.row("the address", &greedy, 0);
        self.note(&greedy);
        self.calls += greedy.status(200);
        let passed = greedy.sent - greedy.status(429);
        self.account.must(format!("its limit held across them: {passed} passed, {most} may"), passed <= most);
        self.account.must("each 429 said when to come back", greedy.status(429) > 0 && greedy.mute == 0);
        self.account.must("all others were served", orders.all_served());
    }

    async fn a_surge(&mut self) {
        self.ledger.take_lowest("orders");
        self.orders.iter().for_each(|backend| {
            backend.seen().slow_down(Duration::from_millis(90));
            backend.seen().take_most();
        });
        let crowd =
            |key| Load { key, clients: 60, pace: Duration::from_millis(10), ..self.load(Asks::Reads) };
        let (users, batch) = (self.load(Asks::Reads).key, BATCH.key);
        let (users, batch) = (crowd(users), crowd(batch));
        let title =
            "120 more clients, half of them batch jobs, for backends that take 90 ms and 24 calls at a time";
        let (_, _, (users, batch)) = self
            .phase(title, async |_| {
                let (users, batch) = (users.start(), batch.start());
                pause(2 * PHASE).await;
                tokio::join!(users.stop(), batch.stop())
            })
            .await;
        self.account.row("users", &users, 0);
        self.account.row("batch jobs", &batch, 0);
        self.note(&users);
        self.note(&batch);
        self.calls += users.sent + batch.sent;
        let most: u32 = self.orders.iter().map(|backend| backend.seen().take_most()).sum();
        self.account.must(format!("never more calls in flight than {CALLS}: {most}"), most <= CALLS);
        let lowest = self.ledger.take_lowest("orders").unwrap_or(CALLS);
        self.account.must(format!("the guard found that fewer are better: down to {lowest}"), lowest < CALLS);
        self.account.must("what was too much was refused at once", users.status(503) + batch.status(503) > 0);
        let (important, other) = (users.served(), batch.served());
        self.account.must(
            format!("users went first: {important:.0} % of them were served, {other:.0} % of the batch jobs"),
            important > 2.0 * other,
        );
        self.orders.iter().for_each(|backend| backend.seen().slow_down(Duration::ZERO));
        self.recovered("the surge is over").await;
    }
}

/// The most that a limit may let through in a span.
fn most(quota: Quota, span: Duration) -> u64 {
    let refilled = span.as_secs_f64() / quota.period().as_secs_f64() * f64::from(quota.permits());
    u64::from(quota.capacity()) + refilled as u64 + 1
}
