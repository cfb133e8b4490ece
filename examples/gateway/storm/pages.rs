//! The cache: a herd, an outage, a change.

use super::Storm;
use super::load::{Asks, Load, PAGES};
use crate::Failure;
use std::time::Duration;

impl Storm {
    pub(super) async fn pages_in_an_outage(&mut self) -> Result<(), Failure> {
        // Each page has been asked for by somebody, at least once.
        let reader = Load { clients: 1, pace: Duration::ZERO, ..self.load(Asks::Pages) }.start();
        let read = self.until(|_| reader.tally.lock().sent >= PAGES.into()).await;
        self.note(&reader.stop().await);
        self.catalogue.iter_mut().for_each(|backend| backend.kill());
        let title = "all backends of the catalogue are killed: its pages stay up";
        let (orders, pages, stale) = self
            .phase(title, async |storm| {
                let watching = storm.load(Asks::Pages).start();
                let stale = storm.until(|_| watching.tally.lock().stale >= 200).await;
                let seen = watching.stop().await;
                storm.note(&seen);
                stale && seen.all_served()
            })
            .await;
        self.account.must("orders are served as ever", orders.all_served());
        self.account.must(
            format!("{} old pages were sent where there were no new ones", pages.stale),
            read && stale && pages.by_backend.is_empty(),
        );
        self.catalogue.iter_mut().try_for_each(|backend| backend.revive())?;
        self.recovered("the catalogue is back").await;
        let fresh =
            |storm: &Self| storm.catalogue.iter().map(|backend| backend.seen().requests()).sum::<u64>();
        let before = fresh(self);
        let watching = self.load(Asks::Pages).start();
        let renewed = self.until(|storm| fresh(storm) > before).await;
        self.note(&watching.stop().await);
        self.account.must("and its pages are new again", renewed);
        self.a_herd().await;
        Ok(())
    }

    /// A page that nobody has asked for yet, and everybody wants.
    async fn a_herd(&mut self) {
        const HERD: u32 = 100;
        self.account.phase("100 clients want one page that is not in the cache");
        let asked =
            |storm: &Self| storm.catalogue.iter().map(|backend| backend.seen().requests()).sum::<u64>();
        let before = asked(self);
        // Long enough for most of them to come before the answer does.
        self.catalogue.iter().for_each(|backend| backend.seen().slow_down(Duration::from_millis(200)));
        let herd = Load { clients: HERD, ..self.load(Asks::Sale) }.start();
        let all = self.until(|_| herd.tally.lock().sent >= u64::from(HERD)).await;
        let herd = herd.stop().await;
        let asked = asked(self) - before;
        self.catalogue.iter().for_each(|backend| backend.seen().slow_down(Duration::ZERO));
        self.note(&herd);
        self.account.must(
            format!("all were served, {} of {}", herd.status(200), herd.sent),
            all && herd.all_served(),
        );
        self.account.must(format!("by {asked} request to a backend"), asked == 1);
    }
}
