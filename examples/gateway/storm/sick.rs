//! Backends that are slow, fail, die, leave and come back.

use super::{PHASE, Storm};
use crate::{Failure, pause};
use seawall::balance::State;
use std::time::Duration;

impl Storm {
    pub(super) async fn sick_backends(&mut self) -> Result<(), Failure> {
        self.calm().await;

        self.orders[0].seen().slow_down(Duration::from_secs(3));
        self.one_is_sick(
            0,
            "backend a turns slow, 3 s for each answer, though its health page is quick",
            90.0,
        )
        .await;
        self.orders[0].seen().slow_down(Duration::ZERO);
        self.recovered("a is quick again").await;

        self.orders[1].seen().fail_every(1);
        self.one_is_sick(1, "backend b fails: 500 for each request", 95.0).await;
        self.orders[1].seen().fail_every(0);
        self.recovered("b works again").await;

        self.orders[2].kill();
        self.one_is_sick(2, "backend c is killed", 95.0).await;
        self.orders[2].revive()?;
        self.recovered("c is back").await;

        self.restart_one_by_one().await?;
        self.all_fail().await;
        self.all_are_flaky().await;
        Ok(())
    }

    async fn calm(&mut self) {
        let (orders, pages, ()) = self.phase("calm", async |_| pause(PHASE).await).await;
        self.account.must("all orders were served", orders.all_served());
        self.account.must("all three backends had their share", orders.by_backend.len() == 3);
        self.account.must("no order was cached", orders.cached == 0);
        let asked: u64 = pages.by_backend.values().sum();
        self.account.must(
            format!("the backends of the catalogue were asked {asked} times for {} pages", pages.sent),
            10 * asked < 7 * pages.sent,
        );
    }

    /// One backend of the orders is sick: the others serve its clients, and it is soon asked no more.
    async fn one_is_sick(&mut self, sick: usize, title: &str, wanted: f64) {
        let before = self.orders[sick].seen().requests();
        let (orders, ..) = self.phase(title, async |_| pause(PHASE).await).await;
        let asked = self.orders[sick].seen().requests() - before;
        let (name, served) = (self.orders[sick].name(), orders.repeatable_served());
        self.account.must(
            format!("{served:.1} % of the reads and PUTs were served, by the others ({wanted} wanted)"),
            served >= wanted,
        );
        let share = 100 * asked / orders.sent.max(1);
        self.account
            .must(format!("backend {name} was soon asked no more: {asked} times, {share} %"), share < 20);
    }

    /// Each backend says that it is about to leave, is given up by the gateway, ends its calls, stops, and starts again.
    async fn restart_one_by_one(&mut self) -> Result<(), Failure> {
        let title = "all backends of the orders are restarted, one by one";
        let (orders, _, done) = self
            .phase(title, async |storm| {
                for n in 0..storm.orders.len() {
                    let address = storm.orders[n].address();
                    let is = move |storm: &Self, state: State| {
                        let all = storm.gateway.groups[0].endpoints();
                        let own = all.iter().find(|at| at.id.as_str() == address.to_string());
                        own.is_some_and(|own| {
                            own.state == state && (state == State::In || own.in_flight == 0)
                        })
                    };
                    storm.orders[n].seen().leave();
                    let left = storm.until(|storm| is(storm, State::Drained)).await;
                    let idle = storm.until(|storm| storm.orders[n].seen().in_flight() == 0).await;
                    storm.orders[n].kill();
                    storm.orders[n].revive()?;
                    if !(left && idle && storm.until(|storm| is(storm, State::In)).await) {
                        return Ok(false);
                    }
                }
                Ok::<_, Failure>(true)
            })
            .await;
        self.account.must("each was given up before it stopped, and called again after", done?);
        self.account.must(
            format!("nobody noticed: {} of {} were served, POSTs too", orders.status(200), orders.sent),
            orders.all_served(),
        );
        Ok(())
    }

    async fn all_fail(&mut self) {
        let asked = |storm: &Self| storm.orders.iter().map(|backend| backend.seen().requests()).sum::<u64>();
        let before = asked(self);
        self.orders.iter().for_each(|backend| backend.seen().fail_every(1));
        let (orders, ..) = self.phase("all backends of the orders fail", async |_| pause(PHASE).await).await;
        let share = 100 * (asked(self) - before) / orders.sent.max(1);
        let text = format!("an open circuit kept the traffic from them: {share} % of it got through");
        self.account.must(text, share < 60);
        let told = orders.status(500) + orders.status(503);
        self.account.must(
            format!("clients were told, by 500 or 503, and not left waiting: {told} of {}", orders.sent),
            100 * told >= 95 * orders.sent,
        );
        self.orders.iter().for_each(|backend| backend.seen().fail_every(0));
        self.recovered("they work again").await;
    }

    /// Too little for a circuit, too much for the budget.
    async fn all_are_flaky(&mut self) {
        let (made, unmade) = (self.ledger.retries("orders"), self.ledger.out_of_budget());
        self.orders.iter().for_each(|backend| backend.seen().fail_every(3));
        let title = "every third request fails, at each backend";
        let (orders, ..) = self.phase(title, async |_| pause(PHASE).await).await;
        self.orders.iter().for_each(|backend| backend.seen().fail_every(0));
        let made = self.ledger.retries("orders") - made;
        let unmade = self.ledger.out_of_budget() - unmade;
        self.account.must(
            format!("the budget was used up, and kept: {made} retries, {unmade} not made"),
            made > 0 && unmade > 0,
        );
        let served = orders.served();
        self.account.must(format!("what was retried helped: {served:.1} % were served"), served > 70.0);
        self.recovered("they are firm again").await;
    }
}
