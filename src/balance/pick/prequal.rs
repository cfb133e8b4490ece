use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// By what endpoints answer to probes: few calls in flight first, then low latency (Prequal, NSDI '24).
///
/// Each call sends off three probes to endpoints at random and is itself sent by the answers to earlier ones, of
/// which sixteen are kept for at most a second. Endpoints whose calls in flight are among the highest sixth are hot
/// and taken only if all are; of the others the quickest is taken. So load that other callers bring is seen before a
/// call of ours feels it. Without fresh answers the choice is [`P2c`](super::P2c)'s.
///
/// Probes are sent by the future of [`Pool::probe`](crate::balance::Pool::probe); no call waits for one. A pick reads
/// the clock once and takes a lock, unless another has it: then it is `P2c`'s as well.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, Pool, Prequal, Probe};
/// use std::time::Duration;
///
/// let pool = Pool::new("api", Prequal::new());
/// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
/// // Asks an endpoint how many calls it has, and how long one takes now.
/// let probing = pool.probe(|_id, ()| async { Some(Probe::new(3, Duration::from_millis(12))) });
/// # let _ = probing;
/// assert!(pool.pick().is_ok());
/// ```
///
/// # Defaults
///
/// | what | default |
/// |---|---|
/// | [`probes`](Self::probes) | 3 for each call |
/// | [`hot_above`](Self::hot_above) | the 84th percentile of calls in flight |
/// | [`age`](Self::age) | 1 s |
/// | [`timeout`](Self::timeout) | 3 ms |
/// | [`sync`](Self::sync) | off: no call waits for a probe |
///
/// All the paper's, as are sixteen answers kept, and one dropped with each call.
///
/// # Not for
///
/// A handful of callers that bring all the load: they know it already, and [`P2c`](super::P2c) costs no probes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prequal {
    probes: f64,
    hot_above: f64,
    age: Duration,
    timeout: Duration,
    /// So many probes go before each call, which waits for them; none in the asynchronous mode.
    before: u8,
}

/// So many answers are kept.
const KEPT: usize = 16;
/// Of so many of the last answers the quantile is taken.
const REMEMBERED: usize = 128;
/// With each call so many leave.
const REMOVED: f64 = 1.0;
/// How much more often an answer may be used than it takes to replace it.
const DELTA: f64 = 1.0;

impl Prequal {
    /// With the defaults.
    ///
    /// ```
    /// let picker = seawall::balance::Prequal::new();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        let (age, timeout) = (Duration::from_secs(1), Duration::from_millis(3));
        Self { probes: 3.0, hot_above: 0.84, age, timeout, before: 0 }
    }

    /// The paper's synchronous mode: each call asks so many endpoints first, from 2 to 16, waits for the answers of all but
    /// the last, and goes by those alone. For calls that are long, few, or that a probe may ask about: whether the
    /// endpoint has in memory what this request wants.
    ///
    /// The picks are those of [`Pool::pick_probed`](crate::balance::Pool::pick_probed); every other pick of the pool is
    /// [`P2c`](super::P2c)'s.
    ///
    /// ```
    /// let picker = seawall::balance::Prequal::new().sync(3);
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn sync(mut self, probes: u8) -> Self {
        self.before = if probes < 2 {
            2
        } else if probes > 16 {
            16
        } else {
            probes
        };
        self
    }

    /// So many probes for each call, from 0.1 to 16; fractions are spread over the calls.
    ///
    /// ```
    /// let picker = seawall::balance::Prequal::new().probes(1.5);
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn probes(mut self, probes: f64) -> Self {
        self.probes = if probes.is_nan() { 3.0 } else { probes.clamp(0.1, 16.0) };
        self
    }

    /// Which quantile of the calls in flight makes an endpoint hot; at 1 none is, and the quickest wins.
    ///
    /// ```
    /// let picker = seawall::balance::Prequal::new().hot_above(0.9);
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn hot_above(mut self, quantile: f64) -> Self {
        self.hot_above = if quantile.is_nan() { 0.84 } else { quantile.clamp(0.0, 1.0) };
        self
    }

    /// How long an answer is believed.
    ///
    /// ```
    /// let picker = seawall::balance::Prequal::new().age(std::time::Duration::from_millis(500));
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// How long a probe may take.
    ///
    /// ```
    /// let picker = seawall::balance::Prequal::new().timeout(std::time::Duration::from_millis(10));
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// So many probes go before a call, where calls wait for them.
    pub(crate) const fn before(self) -> Option<u8> {
        if self.before > 0 { Some(self.before) } else { None }
    }

    pub(crate) const fn patience(self) -> Duration {
        self.timeout
    }

    /// How often an answer may be used where `n` endpoints are, whole with the probability that it lacks.
    fn uses(self, n: usize, sample: f64) -> u32 {
        let fresh = (1.0 - KEPT as f64 / n as f64).mul_add(self.probes, -REMOVED);
        if fresh <= 0.0 {
            return u32::MAX;
        }
        let budget = ((1.0 + DELTA) / fresh).max(1.0);
        let whole = budget.floor();
        (whole + if sample < budget - whole { 1.0 } else { 0.0 }) as u32
    }
}

impl Default for Prequal {
    fn default() -> Self {
        Self::new()
    }
}

/// What an endpoint answers to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    in_flight: u32,
    latency: Duration,
}

impl Probe {
    /// It has so many calls in flight, and one takes about so long while it has.
    ///
    /// ```
    /// use std::time::Duration;
    /// let probe = seawall::balance::Probe::new(3, Duration::from_millis(12));
    /// # let _ = probe;
    /// ```
    #[must_use]
    pub const fn new(in_flight: u32, latency: Duration) -> Self {
        Self { in_flight, latency }
    }
}

/// One answer that is kept.
#[derive(Clone, Copy, Debug)]
struct Answer {
    serial: u32,
    /// Where the endpoint stood when it was asked: a hint.
    place: u32,
    at: Instant,
    load: u32,
    latency: Duration,
    uses: u32,
}

/// The answers that are kept, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    kept: Vec<Answer>,
    loads: VecDeque<u32>,
    calls: u64,
    removes_worst: bool,
}

impl Answers {
    /// An endpoint, one of `n`, answered.
    pub(crate) fn hear(
        &mut self,
        rules: Prequal,
        (serial, place): (u32, u32),
        probe: Probe,
        n: usize,
        sample: f64,
        now: Instant,
    ) {
        self.kept.retain(|answer| answer.serial != serial);
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        let Probe { in_flight: load, latency } = probe;
        self.kept.push(Answer { serial, place, at: now, load, latency, uses: rules.uses(n, sample) });
        self.remember(load);
    }

    /// Which of these answers to go by, each with what failures weigh there; `None` without any. They are remembered for
    /// what is hot, and not kept.
    pub(crate) fn best_of(&mut self, rules: Prequal, answers: &[(Probe, u32)]) -> Option<usize> {
        answers.iter().for_each(|(probe, _)| self.remember(probe.in_flight));
        let limit = self.limit(rules);
        let rank_of = |&(probe, failures): &(Probe, u32)| {
            rank(probe.in_flight.saturating_add(failures), probe.latency, limit)
        };
        (0..answers.len()).min_by_key(|&index| rank_of(&answers[index]))
    }

    fn remember(&mut self, load: u32) {
        self.loads.push_back(load);
        if self.loads.len() > REMEMBERED {
            self.loads.pop_front();
        }
    }

    /// One more call: how many probes go with it, and the index of the endpoint to be called, if the answers tell.
    ///
    /// `find` gives the index of the endpoint of that serial, likely the place, and what its failures weigh, if it
    /// may be called.
    pub(crate) fn choose(
        &mut self,
        rules: Prequal,
        now: Instant,
        find: impl Fn(u32, u32) -> Option<(usize, u32)>,
    ) -> (u32, Option<usize>) {
        let call = self.calls as f64;
        self.calls += 1;
        let share = |rate: f64| ((call + 1.0) * rate).floor() as u32 - (call * rate).floor() as u32;
        self.kept.retain(|answer| now - answer.at <= rules.age);
        let limit = self.limit(rules);
        let found = self.kept.iter().enumerate().filter_map(|(kept, answer)| {
            let (index, failures) = find(answer.serial, answer.place)?;
            let load = answer.load.saturating_add(failures);
            Some((rank(load, answer.latency, limit), kept, index))
        });
        let best = found.min_by_key(|&(rank, kept, _)| (rank, self.kept[kept].serial));
        let chosen = best.filter(|_| self.kept.len() >= 2).map(|(_, kept, index)| {
            self.kept[kept].load = self.kept[kept].load.saturating_add(1);
            self.kept[kept].uses -= 1;
            if self.kept[kept].uses == 0 {
                self.kept.remove(kept);
            }
            index
        });
        for _ in 0..share(REMOVED) {
            self.remove_one(limit);
        }
        (share(rules.probes), chosen)
    }

    /// From so many calls in flight on an endpoint is hot.
    fn limit(&self, rules: Prequal) -> u32 {
        if rules.hot_above >= 1.0 || self.loads.is_empty() {
            return u32::MAX;
        }
        let mut places = [0; REMEMBERED];
        places.iter_mut().zip(&self.loads).for_each(|(place, &load)| *place = load);
        let sorted = &mut places[..self.loads.len()];
        let rank = ((rules.hot_above * sorted.len() as f64).ceil() as usize).max(1) - 1;
        *sorted.select_nth_unstable(rank).1
    }

    /// The oldest and the worst leave in turn: the hottest, if one is hot, or else the slowest.
    fn remove_one(&mut self, limit: u32) {
        if self.kept.is_empty() {
            return;
        }
        let badness = |answer: &Answer| match answer.load >= limit {
            true => (true, u128::from(answer.load)),
            false => (false, answer.latency.as_nanos()),
        };
        let worst = (0..self.kept.len()).max_by_key(|&kept| badness(&self.kept[kept])).unwrap_or_default();
        self.kept.remove(if self.removes_worst { worst } else { 0 });
        self.removes_worst = !self.removes_worst;
    }
}

/// The order of answers: the cold before the hot, of the cold the quickest, of the hot the least loaded.
fn rank(load: u32, latency: Duration, limit: u32) -> (bool, u128, u128) {
    let (load, hot, nanos) = (u128::from(load), load >= limit, latency.as_nanos());
    if hot { (hot, load, nanos) } else { (hot, nanos, load) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(1_000_000_000_000);

    fn answers(probes: &[(u32, u64)]) -> Answers {
        let mut answers = Answers::default();
        for (serial, &(load, millis)) in (0..).zip(probes) {
            let probe = Probe::new(load, Duration::from_millis(millis));
            answers.hear(Prequal::new(), (serial, serial), probe, 100, 0.99, NOW);
        }
        answers
    }

    fn anybody(serial: u32, _: u32) -> Option<(usize, u32)> {
        Some((serial as usize, 0))
    }

    #[test]
    fn an_answer_may_be_used_as_often_as_the_paper_says() {
        let budget = |rules: Prequal, n| (rules.uses(n, 0.315), rules.uses(n, 0.316));
        // 1.3158 with a hundred endpoints.
        assert_eq!(budget(Prequal::new(), 100), (2, 1));
        // (1 − 16/32)·3 − 1 = 0.5: four times. With twenty there are too few to be replaced.
        assert_eq!(budget(Prequal::new(), 32), (4, 4));
        assert_eq!(budget(Prequal::new(), 20), (u32::MAX, u32::MAX));
    }

    #[test]
    fn the_quickest_of_the_cold_wins_and_the_least_loaded_of_the_hot() {
        // The limit is the fifth of five by load.
        let choose = |probes: &[(u32, u64)]| answers(probes).choose(Prequal::new(), NOW, anybody).1;
        assert_eq!(choose(&[(1, 30), (2, 10), (3, 20), (4, 15), (9, 1)]), Some(1));
        assert_eq!(choose(&[(5, 30), (5, 10), (5, 20)]), Some(1), "all are hot alike");
        assert_eq!(choose(&[(5, 30)]), None, "one answer is none");
        let coldest = |rules: Prequal| answers(&[(1, 30), (9, 1)]).choose(rules, NOW, anybody).1;
        assert_eq!(coldest(Prequal::new()), Some(0));
        assert_eq!(coldest(Prequal::new().hot_above(1.0)), Some(1));
    }

    #[test]
    fn who_may_not_be_called_is_passed_over_and_failures_weigh() {
        let mut kept = answers(&[(1, 30), (1, 10), (9, 1)]);
        let without = |serial, _| (serial != 1).then_some((serial as usize, 0));
        assert_eq!(kept.choose(Prequal::new(), NOW, without).1, Some(0));
        let mut kept = answers(&[(1, 30), (1, 10), (9, 1)]);
        let failing = |serial, _| Some((serial as usize, if serial == 1 { 63 } else { 0 }));
        assert_eq!(kept.choose(Prequal::new(), NOW, failing).1, Some(0));
    }

    #[test]
    fn answers_age_and_leave_with_each_call() {
        let mut kept = answers(&[(1, 1), (1, 2), (1, 3), (1, 4)]);
        let late = NOW + Duration::from_millis(1001);
        assert_eq!(kept.choose(Prequal::new(), late, anybody), (3, None));
        let mut kept = answers(&[(1, 1), (2, 2), (3, 3), (9, 4), (2, 5), (1, 6)]);
        // Used up, and the oldest goes; then the worst, which is the hottest.
        assert_eq!(kept.choose(Prequal::new(), NOW, anybody).1, Some(0));
        let serials = |kept: &Answers| kept.kept.iter().map(|answer| answer.serial).collect::<Vec<_>>();
        assert_eq!(serials(&kept), [2, 3, 4, 5]);
        assert_eq!(kept.choose(Prequal::new(), NOW, anybody).1, Some(2));
        assert_eq!(serials(&kept), [4, 5]);
    }

    #[test]
    fn probes_come_at_their_rate_and_sixteen_answers_are_kept() {
        let mut kept = Answers::default();
        let rules = Prequal::new().probes(1.5);
        assert_eq!([(); 4].map(|()| kept.choose(rules, NOW, anybody).0), [1, 2, 1, 2]);
        let kept = answers(&[(1, 1); 20]);
        assert_eq!((kept.kept.len(), kept.kept[0].serial), (16, 4));
    }

    #[test]
    fn of_answers_to_one_call_the_same_order_decides() {
        let best = |rules: Prequal, probes: &[(u32, u64, u32)]| {
            let probe =
                |&(load, millis, failures)| (Probe::new(load, Duration::from_millis(millis)), failures);
            Answers::default().best_of(rules, &probes.iter().map(probe).collect::<Vec<_>>())
        };
        let rules = Prequal::new();
        assert_eq!(best(rules, &[]), None);
        assert_eq!(best(rules, &[(7, 7, 0)]), Some(0));
        assert_eq!(best(rules, &[(1, 30, 0), (2, 10, 0), (9, 1, 0)]), Some(1));
        assert_eq!(best(rules, &[(5, 30, 0), (5, 10, 0), (5, 20, 0)]), Some(1), "all are hot alike");
        assert_eq!(best(rules, &[(1, 30, 0), (1, 10, 63), (9, 1, 0)]), Some(0), "failures make hot");
        assert_eq!(best(rules.hot_above(1.0), &[(1, 30, 0), (9, 1, 0)]), Some(1));
        // What others answered before says what is hot now.
        let mut answers = Answers::default();
        let hot =
            [(Probe::new(3, Duration::from_millis(1)), 0), (Probe::new(4, Duration::from_millis(9)), 0)];
        assert_eq!(answers.best_of(rules, &hot), Some(0));
        let many: Vec<_> = (0..126).map(|_| (Probe::new(50, Duration::from_millis(1)), 0)).collect();
        answers.best_of(rules, &many);
        assert_eq!(answers.best_of(rules, &[hot[1], hot[0]]), Some(1), "both are cold: the quicker");
        assert_eq!([0, 1, 2, 16, 17].map(|d| rules.sync(d).before()), [2, 2, 2, 16, 16].map(Some));
        assert_eq!(rules.before(), None);
    }
}
