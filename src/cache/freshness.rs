//! The timeline of one entry: a function of when it was stored, how it may live, and now.

use super::lifetime::Lifetime;
use crate::time::Instant;
use std::time::Duration;

/// When one entry was stored, and when its windows end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) stored: Instant,
    pub(crate) fresh_until: Instant,
    pub(crate) refresh_at: Instant,
    pub(crate) swr: Duration,
    pub(crate) sie: Duration,
}

/// Where on its timeline an entry is: the first row of the table that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The value.
    Fresh,
    /// The value, and one refresh begins.
    Early,
    /// The stale value at once, and one refresh begins.
    Revalidate,
    /// Waits for a load; if that fails, the stale value.
    IfError,
    /// Waits for a load.
    Gone,
}

/// Two draws of `[0, 1)`, one for the jitter and one for the early refresh.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    pub(crate) jitter: f64,
    pub(crate) early: f64,
}

impl Life {
    /// The life of a value stored at `stored` that took `took` to load.
    pub(crate) fn new(lifetime: &Lifetime, stored: Instant, took: Duration, draws: Draws) -> Self {
        let fresh_until = stored + lifetime.jitter.spread(lifetime.ttl, draws.jitter);
        let refresh_at = lifetime.early.point(stored, fresh_until, took, draws.early);
        Self { stored, fresh_until, refresh_at, swr: lifetime.swr, sie: lifetime.sie }
    }

    /// The stage at `now` of an entry whose stale point is `stale_at`: the end of its freshness, or an earlier expiry.
    #[inline]
    pub(crate) fn stage(&self, stale_at: Instant, now: Instant) -> Stage {
        if now < stale_at {
            if now < self.refresh_at { Stage::Fresh } else { Stage::Early }
        } else {
            self.stale_stage(stale_at, now)
        }
    }

    fn stale_stage(&self, stale_at: Instant, now: Instant) -> Stage {
        if !self.swr.is_zero() && now <= stale_at + self.swr {
            Stage::Revalidate
        } else if !self.sie.is_zero() && now <= stale_at + self.sie {
            Stage::IfError
        } else {
            Stage::Gone
        }
    }

    /// When its last window ends. Nothing is kept that is over when it is stored.
    pub(crate) fn end(&self) -> Instant {
        self.fresh_until + self.swr.max(self.sie)
    }
}

impl Stage {
    /// Whether an old value may stand in for a load that failed.
    pub(crate) const fn is_servable(self) -> bool {
        !matches!(self, Self::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::super::lifetime::{Early, Jitter, Pause};
    use super::*;
    use crate::chance::Chance;
    use crate::ratio::Ratio;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    const NONE: Draws = Draws { jitter: 0.0, early: 0.0 };

    fn exact(ttl: Duration) -> Lifetime {
        Lifetime::of(ttl).jitter(Jitter::off())
    }

    fn life(lifetime: Lifetime) -> Life {
        Life::new(&lifetime, at(0), ms(200), NONE)
    }

    #[test]
    fn windows_count_from_the_stale_point_and_include_their_last_instant() {
        let life = life(exact(ms(1000)).stale_while_revalidate(ms(500)).stale_if_error(ms(5000)));
        let table = [
            (0, Stage::Fresh),
            (999, Stage::Fresh),
            (1000, Stage::Revalidate),
            (1500, Stage::Revalidate),
            (1501, Stage::IfError),
            (6000, Stage::IfError),
            (6001, Stage::Gone),
        ];
        for (now, stage) in table {
            assert_eq!(life.stage(life.fresh_until, at(now)), stage, "at {now}");
        }
        // Expired at 300: the same windows from there.
        assert_eq!(life.stage(at(300), at(299)), Stage::Fresh);
        assert_eq!(life.stage(at(300), at(800)), Stage::Revalidate);
        assert_eq!(life.stage(at(300), at(5300)), Stage::IfError);
        assert_eq!(life.stage(at(300), at(5301)), Stage::Gone);
    }

    #[test]
    fn without_windows_there_is_nothing_after_the_end() {
        let life = life(exact(ms(1000)));
        assert_eq!(life.stage(life.fresh_until, at(1000)), Stage::Gone);
        assert_eq!(life.end(), at(1000));
    }

    #[test]
    fn for_ever_is_for_ever() {
        let life = life(Lifetime::forever().early(Early::xfetch(1.0)).stale_if_error(Duration::MAX));
        assert_eq!(life.stage(life.fresh_until, Instant::from_nanos(u64::MAX - 1)), Stage::Fresh);
        assert_eq!(life.end(), Instant::MAX);
    }

    #[test]
    fn jitter_shortens_or_lengthens_by_its_share() {
        let until = |jitter, u| {
            let lifetime = Lifetime::of(ms(1000)).jitter(jitter);
            Life::new(&lifetime, at(0), ms(0), Draws { jitter: u, early: 0.0 }).fresh_until
        };
        let shorter = Jitter::shorter(Ratio::percent(10));
        assert_eq!(until(shorter, 0.0), at(1000));
        assert_eq!(until(shorter, 0.5), at(950));
        assert_eq!(until(shorter, 0.999), Instant::ZERO + Duration::from_micros(900_100));
        assert_eq!(until(Jitter::longer(Ratio::percent(10)), 0.5), at(1050));
        assert_eq!(until(Jitter::shorter(Ratio::percent(250)), 0.999), at(0));
    }

    fn refresh(early: Early, took: Duration, u: f64) -> Duration {
        let lifetime = exact(ms(1000)).early(early);
        // The draw is of `[0, 1)`, the paper's of `(0, 1]`.
        Life::new(&lifetime, at(0), took, Draws { jitter: 0.0, early: 1.0 - u }).refresh_at - at(0)
    }

    #[test]
    fn xfetch_draws_the_gap_that_the_paper_gives() {
        let near = |a: Duration, b: u64| assert!(a.abs_diff(ms(b)) < Duration::from_micros(1), "{a:?}");
        near(refresh(Early::xfetch(1.0), ms(200), 1.0), 1000);
        near(refresh(Early::xfetch(1.0), ms(200), (-1f64).exp()), 800);
        near(refresh(Early::xfetch(1.0), ms(200), (-3f64).exp()), 400);
        near(refresh(Early::xfetch(1.0), ms(500), (-5f64).exp()), 0);
        near(refresh(Early::xfetch(0.0), ms(200), 0.1), 1000);
        near(refresh(Early::xfetch(1.0), ms(0), 0.1), 1000);
    }

    #[test]
    fn xfetch_gaps_are_exponential() {
        let mut chance = Chance::seeded(20_150_831);
        let lifetime = exact(ms(10_000)).early(Early::xfetch(1.0));
        let gaps: Vec<_> = (0..20_000)
            .map(|_| {
                let draws = Draws { jitter: 0.0, early: chance.sample() };
                let life = Life::new(&lifetime, at(0), ms(200), draws);
                life.fresh_until - life.refresh_at
            })
            .collect();
        let over = |gap| gaps.iter().filter(|&&drawn| drawn >= gap).count() as f64 / 20_000.0;
        assert!((over(ms(200)) - 0.368).abs() < 0.012, "{}", over(ms(200)));
        assert!((over(ms(600)) - 0.050).abs() < 0.006, "{}", over(ms(600)));
    }

    #[test]
    fn a_share_of_the_life_is_early() {
        let life = life(exact(ms(10_000)).early(Early::at(Ratio::percent(80))));
        assert_eq!(life.stage(life.fresh_until, at(7999)), Stage::Fresh);
        assert_eq!(life.stage(life.fresh_until, at(8000)), Stage::Early);
    }

    #[test]
    fn pauses_double_up_to_their_cap() {
        let pause = Pause::doubling(ms(1000), ms(30_000));
        assert_eq!(
            [1, 2, 3, 5, 6, 90].map(|n| pause.after(n).as_millis()),
            [1000, 2000, 4000, 16_000, 30_000, 30_000]
        );
        assert_eq!(Pause::fixed(ms(100)).after(7), ms(100));
    }
}
