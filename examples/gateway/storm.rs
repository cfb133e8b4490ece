//! The script of the storm.

use crate::account::Account;
use crate::auth::TENANTS;
use crate::backend::Backend;
use crate::edge::Gateway;
use crate::load::{Load, Tally};
use crate::upstream::{BULKHEAD, EXTRA, HOLD, RESERVE};
use crate::{Failure, GROUPS, gateway, on_loopback, start};
use seawall::Instant;
use seawall::rate_limit::Quota;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Clients of either group that are there all the time, and how they ask: some 500 requests a second in all.
const CLIENTS: u32 = 10;
const PACE: Duration = Duration::from_millis(15);
const PHASE: Duration = Duration::from_millis(900);

/// What one client address may ask for, whatever its keys; the clients here ask for less.
const PER_ADDRESS: Quota = Quota::per_second(150).burst(150);

/// The gateway in the storm, and what has been seen of it.
struct Storm {
    gateway: Gateway,
    address: SocketAddr,
    groups: Vec<(&'static str, Vec<Backend>)>,
    account: Account,
    /// Calls for orders that were not refused at the edge for their quota.
    orders: u64,
    broken_off: u64,
    nameless: u64,
}

/// Whether all held that must.
pub(crate) async fn run() -> Result<bool, Failure> {
    let groups = GROUPS
        .iter()
        .map(|(group, names)| Ok((*group, start(names)?)))
        .collect::<std::io::Result<Vec<_>>>()?;
    let gateway = gateway(&groups, PER_ADDRESS)?;
    let (address, serving) = on_loopback(&gateway).await?;
    say!("gateway on {address}, {CLIENTS} clients of each group");
    let account = Account::default();
    let mut storm = Storm { gateway, address, groups, account, orders: 0, broken_off: 0, nameless: 0 };

    let begun = Instant::now();
    storm.calm().await;
    storm.one_turns_slow().await;
    storm.one_fails().await;
    storm.one_is_killed_and_comes_back().await?;
    storm.all_fail().await;
    storm.all_are_flaky().await;
    storm.greedy_clients().await;
    storm.surge().await;
    storm.bad_input().await?;
    storm.in_all(begun);
    drop(serving);
    Ok(storm.account.close())
}

impl Storm {
    fn load(&self, group: &'static str) -> Load {
        Load {
            gateway: self.address,
            group,
            key: TENANTS[0].key,
            clients: CLIENTS,
            pace: PACE,
            span: PHASE,
            writes: group == "orders",
            one_address: false,
        }
    }

    fn backends(&mut self) -> &mut [Backend] {
        &mut self.groups[0].1
    }

    /// Both groups are asked as always; what came of it is printed under `title`.
    async fn phase(&mut self, title: &str) -> (Tally, Tally) {
        let (begun, retries) = (Instant::now(), self.gateway.ledger.retries());
        let (orders, catalogue) = tokio::join!(self.load("orders").run(), self.load("catalogue").run());
        self.account.phase(title);
        self.account.row("orders", &orders, self.retries("orders", &retries));
        self.account.row("catalogue", &catalogue, self.retries("catalogue", &retries));
        self.account.turns(&self.gateway.ledger.turns_since(begun));
        self.note("orders", &orders);
        self.note("catalogue", &catalogue);
        self.spared(&catalogue);
        (orders, catalogue)
    }

    /// The retries of a group since `then`.
    fn retries(&self, group: &str, then: &HashMap<&'static str, u64>) -> Option<u64> {
        let of = |retries: &HashMap<&'static str, u64>| retries.get(group).copied().unwrap_or(0);
        Some(of(&self.gateway.ledger.retries()) - of(then))
    }

    fn note(&mut self, group: &str, tally: &Tally) {
        if group == "orders" {
            self.orders += tally.sent - tally.status(429);
        }
        self.broken_off += tally.status(599);
        self.nameless += tally.nameless;
    }

    /// What goes on in one group is nothing to the clients of the other.
    fn spared(&mut self, catalogue: &Tally) {
        let ok = catalogue.status(200);
        self.account.must(
            format!("every client of the catalogue was served ({ok} of {})", catalogue.sent),
            ok == catalogue.sent,
        );
    }

    /// Waits until no circuit is other than closed: probes go with the traffic, so there must be some.
    async fn recovered(&mut self, what: &str) {
        let end = Instant::now() + Duration::from_secs(8);
        while !self.gateway.groups.iter().all(|group| group.is_well()) && Instant::now() < end {
            let tally =
                Load { span: Duration::from_millis(100), writes: false, ..self.load("orders") }.run().await;
            self.note("orders", &tally);
        }
        let well = self.gateway.groups.iter().all(|group| group.is_well());
        self.account.must(format!("{what}: all circuits close again by themselves"), well);
    }

    /// One backend of the orders is sick: the others serve its clients, and it is soon asked no more.
    async fn sick(&mut self, sick: usize, title: &str, wanted: f64) {
        let before = self.backends()[sick].seen().requests();
        let (orders, _) = self.phase(title).await;
        let asked = self.backends()[sick].seen().requests() - before;
        let (name, ok) = (self.backends()[sick].name(), orders.repeatable_ok());
        let served = format!("{ok:.1} % of the reads and PUTs were served, by the others ({wanted} wanted)");
        self.account.must(served, ok >= wanted);
        let share = 100 * asked / orders.sent.max(1);
        self.account
            .must(format!("backend {name} was soon asked no more: {asked} times, {share} %"), share < 20);
    }

    async fn calm(&mut self) {
        let (orders, _) = self.phase("1. calm").await;
        self.account.must("all orders were served", orders.status(200) == orders.sent);
        self.account.must("all three backends had their share", orders.by_backend.len() == 3);
        self.account.must("no circuit opened", self.gateway.ledger.openings().is_empty());
    }

    async fn one_turns_slow(&mut self) {
        self.backends()[0].seen().slow_down(Duration::from_secs(3));
        self.sick(0, "2. backend a turns slow: 3 s for each answer", 90.0).await;
        self.backends()[0].seen().slow_down(Duration::ZERO);
        self.recovered("a is quick again").await;
    }

    async fn one_fails(&mut self) {
        self.backends()[1].seen().fail_every(1);
        self.sick(1, "3. backend b fails: 500 for each request", 95.0).await;
        self.backends()[1].seen().fail_every(0);
        self.recovered("b works again").await;
    }

    async fn one_is_killed_and_comes_back(&mut self) -> Result<(), Failure> {
        self.backends()[2].kill();
        self.sick(2, "4. backend c is killed", 95.0).await;
        self.backends()[2].revive()?;
        self.recovered("c is back").await;
        let (orders, _) = self.phase("5. and is back").await;
        self.account.must("all orders were served", orders.status(200) == orders.sent);
        self.account.must("and c has its share again", orders.by_backend.contains_key("c"));
        Ok(())
    }

    async fn all_fail(&mut self) {
        let before: u64 = self.backends().iter().map(|backend| backend.seen().requests()).sum();
        self.backends().iter().for_each(|backend| backend.seen().fail_every(1));
        let (orders, _) = self.phase("6. all backends of one group fail").await;
        let after: u64 = self.backends().iter().map(|backend| backend.seen().requests()).sum();
        let share = 100 * (after - before) / orders.sent.max(1);
        self.account.must(
            format!("open circuits kept the traffic from them: {share} % of it got through"),
            share < 60,
        );
        let openings = self.gateway.ledger.openings();
        let opened =
            ["orders/a", "orders/b", "orders/c"].iter().all(|circuit| openings.contains_key(circuit));
        self.account.must("each of their circuits opened", opened);
        let told = orders.status(500) + orders.status(503);
        let all =
            format!("clients were told, by 500 or 503, and not left waiting: {told} of {}", orders.sent);
        self.account.must(all, 100 * told >= 95 * orders.sent);
        self.backends().iter().for_each(|backend| backend.seen().fail_every(0));
        self.recovered("they work again").await;
    }

    /// Too little for a circuit, too much for the budget.
    async fn all_are_flaky(&mut self) {
        self.backends().iter().for_each(|backend| backend.seen().fail_every(3));
        let (begun, before) = (Instant::now(), self.gateway.ledger.retries());
        let refused = self.gateway.ledger.out_of_budget();
        let (orders, _) = self.phase("7. every third request fails, at each backend").await;
        let retries = self.retries("orders", &before).unwrap_or(0);
        let earned = earned(orders.sent, Instant::now() - begun);
        let refused = self.gateway.ledger.out_of_budget() - refused;
        self.account.must(
            format!("the budget was used up, and kept: {retries} retries of {earned}, {refused} not made"),
            retries <= earned && refused > 0,
        );
        let without = 100.0 * 2.0 / 3.0;
        let ok = orders.repeatable_ok();
        self.account.must(format!("what was retried helped: {ok:.1} % served"), ok > without);
        self.backends().iter().for_each(|backend| backend.seen().fail_every(0));
        self.recovered("they are firm again").await;
    }

    async fn greedy_clients(&mut self) {
        let bronze = TENANTS[1];
        let (begun, retries) = (Instant::now(), self.gateway.ledger.retries());
        let greedy = Load {
            key: bronze.key,
            clients: 20,
            pace: Duration::from_millis(4),
            writes: false,
            ..self.load("orders")
        };
        let (greedy, orders, catalogue) =
            tokio::join!(greedy.run(), self.load("orders").run(), self.load("catalogue").run());
        let most = most(bronze.quota, Instant::now() - begun);
        self.account.phase("8. a tenant of 50 a second asks over 20 connections, from 20 addresses");
        // Retries are counted by group, not by tenant.
        self.account.row("its orders", &greedy, None);
        self.account.row("orders", &orders, None);
        self.account.row("catalogue", &catalogue, self.retries("catalogue", &retries));
        for (group, tally) in [("orders", &greedy), ("orders", &orders), ("catalogue", &catalogue)] {
            self.note(group, tally);
        }
        let served = greedy.sent - greedy.status(429);
        self.account.must(format!("its limit held across them: {served} passed, {most} may"), served <= most);
        self.account.must("it got what is its own", greedy.status(200) >= u64::from(bronze.quota.capacity()));
        self.account.must("each 429 said when to come back", greedy.status(429) > 0 && greedy.mute == 0);
        self.account.must("nobody else was limited", orders.status(429) + catalogue.status(429) == 0);
        self.spared(&catalogue);

        let (begun, retries) = (Instant::now(), self.gateway.ledger.retries());
        let crowd =
            Load { clients: 20, pace: Duration::from_millis(2), one_address: true, ..self.load("catalogue") };
        let crowd = crowd.run().await;
        let most = self::most(PER_ADDRESS, Instant::now() - begun);
        self.account.phase("9. one address asks over 20 connections, with a key that may ask for more");
        self.account.row("catalogue", &crowd, self.retries("catalogue", &retries));
        self.note("catalogue", &crowd);
        let served = crowd.sent - crowd.status(429);
        self.account.must(
            format!("the limit per address held across them: {served} passed, {most} may"),
            served <= most,
        );
        self.account.must("each 429 said when to come back", crowd.status(429) > 0 && crowd.mute == 0);
    }

    async fn surge(&mut self) {
        self.backends().iter().for_each(|backend| {
            backend.seen().slow_down(Duration::from_millis(60));
            backend.seen().take_most();
        });
        let retries = self.gateway.ledger.retries();
        let surge =
            Load { clients: 100, pace: Duration::from_millis(20), writes: false, ..self.load("orders") };
        let (surge, catalogue) = tokio::join!(surge.run(), self.load("catalogue").run());
        let most: u32 = self.backends().iter().map(|backend| backend.seen().take_most()).sum();
        self.account.phase("10. 100 clients at once ask backends that take 60 ms");
        self.account.row("orders", &surge, self.retries("orders", &retries));
        self.account.row("catalogue", &catalogue, self.retries("catalogue", &retries));
        self.note("orders", &surge);
        self.note("catalogue", &catalogue);
        self.account.must(
            format!("never more than the bulkhead lets through: {most} of {BULKHEAD}"),
            most <= BULKHEAD,
        );
        self.account.must("what was too much was shed", surge.status(503) > 0);
        self.account.must("what was not was served", surge.status(200) > u64::from(BULKHEAD));
        self.spared(&catalogue);
        self.backends().iter().for_each(|backend| backend.seen().slow_down(Duration::ZERO));
        self.recovered("the surge is over").await;
    }

    async fn bad_input(&mut self) -> Result<(), Failure> {
        say!("\n11. bad input");
        let key = TENANTS[0].key;
        let asked = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        let long = format!(
            "PUT /orders/1 HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-length: 9000000\r\n\r\n"
        );
        let chunk = "x".repeat(300 * 1024);
        let longer = format!(
            "PUT /orders/1 HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{chunk}",
            chunk.len() + 1
        );
        let cases: [(&str, Vec<u8>, u16); 14] = [
            ("an unknown route", asked("/nowhere", &format!("x-api-key: {key}\r\n")).into(), 404),
            ("no key", asked("/orders/1", "").into(), 401),
            ("a wrong key", asked("/orders/1", "x-api-key: gold-0000000000000000000\r\n").into(), 401),
            (
                "two keys",
                asked("/orders/1", &format!("x-api-key: {key}\r\nx-api-key: {key}\r\n")).into(),
                400,
            ),
            (
                "a key that is no text",
                [b"GET /orders/1 HTTP/1.1\r\nhost: x\r\nx-api-key: ", &[0xff][..], b"\r\n\r\n"].concat(),
                400,
            ),
            ("a malformed header", asked("/orders/1", "no colon here\r\n").into(), 400),
            ("a malformed request line", b"GET\r\n\r\n".to_vec(), 400),
            ("a length that is none", asked("/orders/1", "content-length: many\r\n").into(), 400),
            ("a body that says it is too long", long.into(), 413),
            ("a body that turns out to be", longer.into(), 413),
            (
                "a path that does not decode",
                asked("/orders/%ff", &format!("x-api-key: {key}\r\n")).into(),
                200,
            ),
            (
                "a client who will not wait",
                asked("/orders/1", &format!("x-api-key: {key}\r\nx-request-timeout-ms: 0\r\n")).into(),
                504,
            ),
            (
                "a timeout that is none",
                asked("/orders/1", &format!("x-api-key: {key}\r\nx-request-timeout-ms: -1\r\n")).into(),
                200,
            ),
            (
                "a forged way here",
                asked("/orders/1", &format!("x-api-key: {key}\r\nx-forwarded-for: ,;\"\r\n")).into(),
                200,
            ),
        ];
        for (what, request, expected) in cases {
            let status = raw(self.address, &request).await?;
            self.account.must(format!("{what}: {status} (as it should be: {expected})"), status == expected);
        }
        for (path, expected) in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200)] {
            let status = raw(self.address, asked(path, "").as_bytes()).await?;
            self.account.must(format!("{path} needs no key: {status}"), status == expected);
        }
        Ok(())
    }

    fn in_all(&mut self, begun: Instant) {
        let ledger = &self.gateway.ledger;
        let retries = ledger.retries().get("orders").copied().unwrap_or(0);
        let (calls, earned) = (self.orders, earned(self.orders, Instant::now() - begun));
        say!(
            "\nin all: {calls} calls for orders, {retries} retries, {} not made for want of budget",
            ledger.out_of_budget()
        );
        self.account.must(
            format!("extra attempts stayed within the budget: {retries} of {earned}"),
            retries <= earned,
        );
        let posts =
            self.groups.iter().flat_map(|(_, backends)| backends).map(|backend| backend.seen().posts());
        let mut twice = HashMap::<String, u32>::new();
        posts.flatten().for_each(|(id, times)| *twice.entry(id).or_default() += times);
        let repeated = twice.values().filter(|times| **times > 1).count();
        self.account
            .must(format!("no POST came twice, of {}", twice.len()), repeated == 0 && !twice.is_empty());
        self.account.must("no connection of a client broke", self.broken_off == 0);
        self.account.must("every answer carried its request's id", self.nameless == 0);
    }
}

/// The retries that so many calls in such a span may have.
fn earned(calls: u64, span: Duration) -> u64 {
    let reserve = span.as_secs_f64().mul_add(f64::from(RESERVE), f64::from(HOLD));
    (calls as f64).mul_add(EXTRA.as_f64(), reserve) as u64
}

/// The most that a limit may let through in a span.
fn most(quota: Quota, span: Duration) -> u64 {
    let refilled = span.as_secs_f64() / quota.period().as_secs_f64() * f64::from(quota.permits());
    u64::from(quota.capacity()) + refilled as u64 + 1
}

/// The status that a request gets, sent byte by byte as it is.
async fn raw(gateway: SocketAddr, request: &[u8]) -> Result<u16, Failure> {
    let asking = async {
        let mut stream = TcpStream::connect(gateway).await?;
        stream.write_all(request).await.ok();
        let mut answer = Vec::new();
        while answer.len() < 12 && stream.read_buf(&mut answer).await? > 0 {}
        let status = answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
        Ok(status.unwrap_or(0))
    };
    tokio::time::timeout(Duration::from_secs(5), asking).await.unwrap_or(Ok(0))
}
