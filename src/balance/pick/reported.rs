use crate::time::Instant;
use std::time::Duration;

/// In proportion to what each endpoint has left, by what it reports of itself (gRPC's weighted round robin, gRFC
/// A58).
///
/// An endpoint that serves `qps` calls a second at a utilisation `u` could serve `qps / u`: that is its weight, less
/// a penalty for its errors. Weights are looked at every second; until an endpoint has reported for ten, and after it
/// has not for three minutes, it counts as the mean of the others. With fewer than two reports all count alike.
/// Turns are taken by static stride, so that the shares are exact.
///
/// Reports come by [`Pool::report`](crate::balance::Pool::report), from the metadata of answers or from the side. A
/// pick reads the clock once while any endpoint reports.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, Pool, Report, Reported};
/// use std::time::Duration;
///
/// let pool = Pool::new("api", Reported::new().blackout(Duration::ZERO));
/// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
/// // `b` is half as busy with the same work: it gets twice as much.
/// pool.report("a", Report::new(100.0).application(0.8));
/// pool.report("b", Report::new(100.0).application(0.4));
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | [`penalty`](Self::penalty) | 1 | one error costs as much as a full second's work: gRPC's |
/// | [`every`](Self::every) | 1 s | gRPC's |
/// | [`blackout`](Self::blackout) | 10 s | a new endpoint's first reports are of a cold start |
/// | [`expiry`](Self::expiry) | 180 s | |
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "ORCA")]
#[doc(alias = "client-side weighted round robin")]
pub struct Reported {
    penalty: f64,
    every: Duration,
    blackout: Duration,
    expiry: Duration,
}

impl Reported {
    /// With the defaults.
    ///
    /// ```
    /// let picker = seawall::balance::Reported::new();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            penalty: 1.0,
            every: Duration::from_secs(1),
            blackout: Duration::from_secs(10),
            expiry: Duration::from_secs(180),
        }
    }

    /// How much the share of calls that fail adds to the utilisation; not below 0.
    ///
    /// ```
    /// let picker = seawall::balance::Reported::new().penalty(0.5);
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn penalty(mut self, penalty: f64) -> Self {
        self.penalty = if penalty > 0.0 { penalty } else { 0.0 };
        self
    }

    /// How often the weights are looked at; at least every 100 ms.
    ///
    /// ```
    /// let picker = seawall::balance::Reported::new().every(std::time::Duration::from_secs(5));
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every.max(Duration::from_millis(100));
        self
    }

    /// How long an endpoint must have reported before it is believed.
    ///
    /// ```
    /// let picker = seawall::balance::Reported::new().blackout(std::time::Duration::from_secs(30));
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn blackout(mut self, blackout: Duration) -> Self {
        self.blackout = blackout;
        self
    }

    /// How long a report is believed.
    ///
    /// ```
    /// let picker = seawall::balance::Reported::new().expiry(std::time::Duration::from_secs(60));
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn expiry(mut self, expiry: Duration) -> Self {
        self.expiry = expiry;
        self
    }

    pub(crate) const fn period(self) -> Duration {
        self.every
    }

    /// What a report makes of what was heard before; one that says nothing changes nothing.
    pub(crate) fn heard(self, before: Option<Heard>, report: Report, now: Instant) -> Option<Heard> {
        let Some(weight) = report.weight(self.penalty) else {
            return before;
        };
        let since = before.filter(|heard| now - heard.at < self.expiry).map_or(now, |heard| heard.since);
        Some(Heard { weight, since, at: now })
    }

    /// The weight that is believed at `now`.
    pub(crate) fn believed(self, heard: Heard, now: Instant) -> Option<f64> {
        (now - heard.since >= self.blackout && now - heard.at < self.expiry).then_some(heard.weight)
    }
}

impl Default for Reported {
    fn default() -> Self {
        Self::new()
    }
}

/// What an endpoint reports of itself, as gRPC's and Envoy's ORCA have it.
///
/// # Examples
///
/// ```
/// use seawall::balance::Report;
/// let report = Report::new(120.0).errors(2.0).cpu(0.35);
/// # let _ = report;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    qps: f64,
    errors: f64,
    application: f64,
    cpu: f64,
}

impl Report {
    /// It serves so many calls a second.
    ///
    /// ```
    /// let report = seawall::balance::Report::new(120.0);
    /// # let _ = report;
    /// ```
    #[must_use]
    pub const fn new(qps: f64) -> Self {
        Self { qps, errors: 0.0, application: 0.0, cpu: 0.0 }
    }

    /// So many a second fail.
    ///
    /// ```
    /// let report = seawall::balance::Report::new(120.0).errors(2.0);
    /// # let _ = report;
    /// ```
    #[must_use]
    pub const fn errors(mut self, errors: f64) -> Self {
        self.errors = errors;
        self
    }

    /// So much of what it can do is in use, by its own measure: 1 is all. Preferred to [`cpu`](Self::cpu).
    ///
    /// ```
    /// let report = seawall::balance::Report::new(120.0).application(0.5);
    /// # let _ = report;
    /// ```
    #[must_use]
    pub const fn application(mut self, utilisation: f64) -> Self {
        self.application = utilisation;
        self
    }

    /// So much of its processors is in use: 1 is all.
    ///
    /// ```
    /// let report = seawall::balance::Report::new(120.0).cpu(0.5);
    /// # let _ = report;
    /// ```
    #[must_use]
    pub const fn cpu(mut self, utilisation: f64) -> Self {
        self.cpu = utilisation;
        self
    }

    /// Calls a second at full utilisation, if it says anything.
    fn weight(self, penalty: f64) -> Option<f64> {
        let used = if self.application > 0.0 { self.application } else { self.cpu };
        let weight = self.qps / (self.errors.max(0.0) / self.qps).mul_add(penalty, used);
        (self.qps > 0.0 && used > 0.0 && weight.is_finite() && weight > 0.0).then_some(weight)
    }
}

/// What was heard of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Heard {
    weight: f64,
    /// Since when it reports without a break.
    since: Instant,
    at: Instant,
}

/// Whole weights in proportion to those that are believed; the others count as their mean. All alike while fewer
/// than two are believed.
pub(crate) fn proportions(believed: &[Option<f64>]) -> Vec<u32> {
    const MOST: f64 = (1u32 << 31) as f64;
    let known: Vec<f64> = believed.iter().copied().flatten().collect();
    if known.len() < 2 {
        return vec![1; believed.len()];
    }
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    let most = known.iter().copied().fold(0.0, f64::max);
    believed.iter().map(|weight| (weight.unwrap_or(mean) / most * MOST).round().max(1.0) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(1_000_000_000_000 + nanos)
    }

    #[test]
    fn the_weight_is_what_it_could_serve_less_a_penalty_for_errors() {
        let weight = |report: Report| report.weight(1.0);
        assert_eq!(weight(Report::new(10.0).application(1.0)), Some(10.0));
        assert_eq!(weight(Report::new(10.0).application(0.1)), Some(100.0));
        assert_eq!(weight(Report::new(10.0).cpu(0.5)), Some(20.0));
        assert_eq!(weight(Report::new(10.0).application(0.1).cpu(0.5)), Some(100.0));
        // Half of the calls fail.
        assert_eq!(weight(Report::new(10.0).application(0.5).errors(5.0)), Some(10.0));
        for nothing in [Report::new(0.0).cpu(1.0), Report::new(10.0), Report::new(f64::NAN).cpu(1.0)] {
            assert_eq!(weight(nothing), None);
        }
    }

    #[test]
    fn it_is_believed_after_the_blackout_and_until_it_expires() {
        let (rules, report) = (Reported::new(), Report::new(10.0).cpu(0.5));
        let first = rules.heard(None, report, at(0)).unwrap();
        let heard = rules.heard(Some(first), report, at(9_000_000_000)).unwrap();
        assert_eq!(rules.believed(heard, at(9_999_999_999)), None);
        assert_eq!(rules.believed(heard, at(10_000_000_000)), Some(20.0));
        // A report that says nothing is none.
        assert_eq!(rules.heard(Some(heard), Report::new(0.0), at(20_000_000_000)), Some(heard));
        let expired = heard.at + 180 * SECOND;
        assert_eq!(rules.believed(heard, expired), None);
        let again = rules.heard(Some(heard), report, expired).unwrap();
        assert_eq!(rules.believed(again, expired + 9 * SECOND), None, "the blackout begins anew");
        assert_eq!(rules.believed(again, expired + 10 * SECOND), Some(20.0));
    }

    #[test]
    fn who_says_nothing_counts_as_the_mean_and_one_report_is_none() {
        assert_eq!(proportions(&[Some(10.0), None]), [1, 1]);
        let of = proportions(&[Some(10.0), Some(30.0), None]);
        assert_eq!(of[1], 1 << 31);
        assert!(of[0].abs_diff(of[1] / 3) <= 1);
        assert!(of[2].abs_diff(of[1] / 3 * 2) <= 1);
        assert_eq!(proportions(&[]), [0; 0]);
    }
}
