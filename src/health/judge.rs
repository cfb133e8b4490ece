use super::standing::Health;

/// What one check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finding {
    /// It answered as it should.
    Pass,
    /// It did not answer, not in time, or not as it should.
    Fail,
    /// It answered that it serves with difficulty: better others do, as long as they can. From a healthy one that
    /// counts at once.
    Degraded,
    /// It answered that it does not serve: that counts at once.
    NotServing,
    /// It answered that it is about to leave: that counts at once.
    Draining,
}

impl Finding {
    /// The finding as metrics spell it.
    ///
    /// ```
    /// assert_eq!(seawall::health::Finding::NotServing.as_str(), "not_serving");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Degraded => "degraded",
            Self::NotServing => "not_serving",
            Self::Draining => "draining",
        }
    }
}

/// What went well passes, whatever it brought.
///
/// ```
/// use seawall::health::Finding;
/// assert_eq!(Finding::from("7".parse::<u8>()), Finding::Pass);
/// ```
impl<T, E> From<Result<T, E>> for Finding {
    fn from(result: Result<T, E>) -> Self {
        result.is_ok().into()
    }
}

/// Whether it is well.
///
/// ```
/// use seawall::health::Finding;
/// assert_eq!(Finding::from(false), Finding::Fail);
/// ```
impl From<bool> for Finding {
    fn from(is_well: bool) -> Self {
        if is_well { Self::Pass } else { Self::Fail }
    }
}

/// How many findings in a row change a judgement.
///
/// # Examples
///
/// ```
/// use seawall::health::{Finding, Health, Judge, Thresholds};
///
/// let mut judge = Judge::new(Thresholds::default());
/// let judged = [Finding::Pass, Finding::Fail, Finding::Fail, Finding::Fail].map(|found| judge.find(found));
/// assert_eq!(judged, [Health::Healthy, Health::Healthy, Health::Healthy, Health::Unhealthy]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    fall: u32,
    rise: u32,
}

impl Thresholds {
    /// `fall` failed checks in a row make it unhealthy, `rise` passed ones healthy again; at least one each.
    ///
    /// ```
    /// let thresholds = seawall::health::Thresholds::new(3, 2);
    /// assert_eq!(thresholds, Default::default());
    /// ```
    #[must_use]
    pub const fn new(fall: u32, rise: u32) -> Self {
        Self { fall: if fall == 0 { 1 } else { fall }, rise: if rise == 0 { 1 } else { rise } }
    }
}

impl Default for Thresholds {
    /// Three to fall, two to rise: HAProxy's.
    fn default() -> Self {
        Self::new(3, 2)
    }
}

/// Judges one endpoint by what its checks find, one after the other.
///
/// Unknown counts as healthy, and the first finding decides alone: so a pool that starts does not wait, and one
/// that starts ill is found at once.
///
/// # Examples
///
/// ```
/// use seawall::health::{Finding, Health, Judge, Thresholds};
///
/// let mut judge = Judge::new(Thresholds::default());
/// assert_eq!(judge.health(), Health::Healthy);
/// assert_eq!(judge.find(Finding::Fail), Health::Unhealthy);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judge {
    thresholds: Thresholds,
    known: bool,
    health: Health,
    /// Findings in a row that speak against `health`, all of them saying that it serves, or all that it does not.
    against: u32,
    serves: bool,
}

impl Judge {
    /// Nothing is known yet.
    ///
    /// ```
    /// use seawall::health::{Health, Judge, Thresholds};
    /// assert_eq!(Judge::new(Thresholds::default()).health(), Health::Healthy);
    /// ```
    #[must_use]
    pub const fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, known: false, health: Health::Healthy, against: 0, serves: true }
    }

    /// The judgement after this finding.
    ///
    /// ```
    /// use seawall::health::{Finding, Health, Judge, Thresholds};
    /// let mut judge = Judge::new(Thresholds::default());
    /// assert_eq!(judge.find(Finding::Draining), Health::Draining);
    /// ```
    pub const fn find(&mut self, finding: Finding) -> Health {
        let (says, enough) = match finding {
            Finding::Pass => (Health::Healthy, self.thresholds.rise),
            Finding::Fail => (Health::Unhealthy, self.thresholds.fall),
            // Out of use it comes back as any other does: one good word in a row of bad ones is none.
            Finding::Degraded if matches!(self.health, Health::Healthy) => (Health::Degraded, 1),
            Finding::Degraded => (Health::Degraded, self.thresholds.rise),
            Finding::NotServing => (Health::Unhealthy, 1),
            Finding::Draining => (Health::Draining, 1),
        };
        let serves = matches!(says, Health::Healthy | Health::Degraded);
        if says as u8 == self.health as u8 {
            self.against = 0;
        } else {
            self.against = if serves == self.serves { self.against + 1 } else { 1 };
            self.serves = serves;
            if self.against >= enough || !self.known {
                self.health = says;
                self.against = 0;
            }
        }
        self.known = true;
        self.health
    }

    /// The judgement.
    ///
    /// ```
    /// use seawall::health::{Health, Judge, Thresholds};
    /// assert_eq!(Judge::new(Thresholds::new(1, 1)).health(), Health::Healthy);
    /// ```
    #[must_use]
    pub const fn health(&self) -> Health {
        self.health
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is judged after each of 1 for a pass and 0 for a failure.
    fn judged(findings: &str) -> String {
        let mut judge = Judge::new(Thresholds::default());
        let find = |one| judge.find(if one == '1' { Finding::Pass } else { Finding::Fail });
        findings.chars().map(find).map(|h| if h == Health::Healthy { 'H' } else { 'U' }).collect()
    }

    #[test]
    fn three_fall_two_rise_and_the_first_decides_alone() {
        assert_eq!(judged("1000"), "HHHU");
        assert_eq!(judged("011"), "UUH");
        assert_eq!(judged("100100"), "HHHHHH");
        assert_eq!(judged("0100"), "UUUU");
        assert_eq!(judged("10001011"), "HHHUUUUH");
    }

    #[test]
    fn what_it_says_of_itself_counts_at_once() {
        let mut judge = Judge::new(Thresholds::default());
        judge.find(Finding::Pass);
        assert_eq!(judge.find(Finding::NotServing), Health::Unhealthy);
        judge.find(Finding::Pass);
        assert_eq!(judge.find(Finding::Draining), Health::Draining);
        // It comes back as any other does.
        assert_eq!(judge.find(Finding::Pass), Health::Draining);
        assert_eq!(judge.find(Finding::Pass), Health::Healthy);
    }

    #[test]
    fn degraded_counts_at_once_for_the_healthy_and_is_no_way_around_the_rise() {
        let mut judge = Judge::new(Thresholds::default());
        judge.find(Finding::Pass);
        assert_eq!(judge.find(Finding::Degraded), Health::Degraded);
        assert_eq!(judge.find(Finding::Pass), Health::Degraded);
        assert_eq!(judge.find(Finding::Pass), Health::Healthy);
        judge.find(Finding::NotServing);
        assert_eq!(judge.find(Finding::Degraded), Health::Unhealthy);
        assert_eq!(judge.find(Finding::Degraded), Health::Degraded);
    }

    #[test]
    fn a_failure_between_is_no_way_around_the_rise() {
        let mut judge = Judge::new(Thresholds::default());
        judge.find(Finding::Draining);
        assert_eq!(judge.find(Finding::Fail), Health::Draining);
        assert_eq!(judge.find(Finding::Pass), Health::Draining, "one pass is not two");
        assert_eq!(judge.find(Finding::Pass), Health::Healthy);
    }

    const FINDINGS: [Finding; 5] =
        [Finding::Pass, Finding::Fail, Finding::Degraded, Finding::NotServing, Finding::Draining];

    const fn says(finding: Finding) -> Health {
        match finding {
            Finding::Pass => Health::Healthy,
            Finding::Degraded => Health::Degraded,
            Finding::Draining => Health::Draining,
            Finding::Fail | Finding::NotServing => Health::Unhealthy,
        }
    }

    /// The naive one reads the whole past anew: from the last change of its mind on, how many of the latest findings
    /// contradict it in one way.
    fn naive(past: &[Finding], fall: usize, rise: usize) -> Health {
        let serves = |finding: &Finding| matches!(finding, Finding::Pass | Finding::Degraded);
        let (mut health, mut changed_at) = (Health::Healthy, 0);
        for now in 0..past.len() {
            let last = past[now];
            let row = past[changed_at..=now].iter().rev();
            let row = row.take_while(|&f| says(*f) != health && serves(f) == serves(&last)).count();
            let enough = match last {
                _ if now == 0 => 1,
                Finding::Pass => rise,
                Finding::Degraded => {
                    if health == Health::Healthy {
                        1
                    } else {
                        rise
                    }
                }
                Finding::Fail => fall,
                Finding::NotServing | Finding::Draining => 1,
            };
            if row >= enough {
                (health, changed_at) = (says(last), now + 1);
            }
        }
        health
    }

    proptest::proptest! {
        #[test]
        fn it_judges_as_the_whole_past_does(
            past in proptest::collection::vec(0..FINDINGS.len(), 1..40),
            fall in 1..5usize,
            rise in 1..5usize,
        ) {
            let past: Vec<_> = past.into_iter().map(|index| FINDINGS[index]).collect();
            let mut judge = Judge::new(Thresholds::new(fall as u32, rise as u32));
            for (now, &finding) in past.iter().enumerate() {
                proptest::prop_assert_eq!(judge.find(finding), naive(&past[..=now], fall, rise), "{:?}", &past[..=now]);
            }
        }
    }
}
