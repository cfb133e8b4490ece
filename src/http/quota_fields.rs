//! What an answer says of the quota that decided it: `RateLimit-Policy`, `RateLimit`, and their elders.

use super::retry_after_value;
use crate::name::Name;
use crate::rate_limit::{Decision, Quota, Verdict};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Which fields tell a client of its quota.
///
/// # Examples
///
/// ```
/// use http::HeaderMap;
/// use seawall::http::QuotaFields;
/// use seawall::rate_limit::Quota;
/// use seawall::{Instant, Name, RateLimiter};
///
/// let quota = Quota::per_minute(60).burst(10);
/// let decision = RateLimiter::new("burst", quota).decide_at(1, Instant::now());
/// let mut headers = HeaderMap::new();
/// QuotaFields::Both.write(&decision, &[(Name::new("burst"), quota)], &mut headers);
///
/// assert_eq!(headers["ratelimit-policy"], r#""burst";q=10;w=10"#);
/// assert_eq!(headers["ratelimit"], r#""burst";r=9;t=1"#);
/// assert_eq!(headers["x-ratelimit-remaining"], "9");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QuotaFields {
    /// `RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers-10 has them.
    #[default]
    Standard,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` (in seconds from now).
    Elder,
    /// All of them.
    Both,
}

impl QuotaFields {
    /// Writes what was decided by these limits, in the order in which they were asked. Limits that limit nothing are
    /// left out.
    ///
    /// In `RateLimit-Policy`, `q` permits may come at once, and `w` seconds fill them up again: a multiple of both where `w`
    /// would not be whole. In `RateLimit`, `r` permits are left of the narrowest limit, and `t` is the `Retry-After` of a
    /// refusal, or the seconds until all are there again.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use seawall::http::QuotaFields;
    /// use seawall::rate_limit::{Decision, Quota, Verdict};
    /// use std::time::Duration;
    ///
    /// let wait = Verdict::Limited { retry_after: Duration::from_millis(59_200) };
    /// let refused = Decision::new(wait, 0, Duration::from_secs(60));
    /// let mut headers = HeaderMap::new();
    /// QuotaFields::Standard.write(&refused, &[("daily".into(), Quota::per_day(1000))], &mut headers);
    /// assert_eq!(headers["ratelimit-policy"], r#""daily";q=1000;w=86400"#);
    /// assert_eq!(headers["ratelimit"], r#""daily";r=0;t=60"#);
    /// ```
    pub fn write(self, decision: &Decision, limits: &[(Name, Quota)], headers: &mut HeaderMap) {
        let narrowest = limits.get(decision.narrowest()).or_else(|| limits.first());
        let Some((_, quota)) = narrowest.filter(|(_, quota)| !quota.is_unlimited()) else { return };
        let told = limits.iter().enumerate().filter(|(_, (_, quota))| !quota.is_unlimited());
        let comes = seconds(decision);
        if self != Self::Elder {
            let mut policy = String::new();
            for (index, (_, quota)) in told {
                if !policy.is_empty() {
                    policy.push_str(", ");
                }
                item(&mut policy, index, limits);
                let (q, w) = window(*quota);
                let _ = write!(policy, ";q={q}");
                if let Some(w) = w {
                    let _ = write!(policy, ";w={w}");
                }
            }
            let mut left = String::new();
            item(&mut left, decision.narrowest().min(limits.len() - 1), limits);
            let _ = write!(left, ";r={}", decision.remaining());
            if let Some(comes) = comes {
                let _ = write!(left, ";t={comes}");
            }
            insert(headers, POLICY, policy);
            insert(headers, LEFT, left);
        }
        if self != Self::Standard {
            headers.insert(X_LIMIT, quota.capacity().into());
            headers.insert(X_REMAINING, decision.remaining().into());
            headers.insert(X_RESET, comes.unwrap_or(0).into());
        }
    }
}

/// When there is more: never after what a `Retry-After` beside it says.
fn seconds(decision: &Decision) -> Option<u64> {
    let wait = match decision.verdict() {
        Verdict::Limited { retry_after } => {
            return retry_after_value(retry_after).to_str().ok()?.parse().ok();
        }
        Verdict::Admitted | Verdict::TooLarge { .. } => decision.reset_after(),
    };
    let whole = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
    (whole > 0).then_some(whole)
}

/// The name of a limit as a quoted string of structured fields (RFC 9651); the second of one name has its number.
fn item(text: &mut String, index: usize, limits: &[(Name, Quota)]) {
    let name = limits[index].0;
    text.push('"');
    for char in name.as_str().chars() {
        match char {
            '"' | '\\' => text.extend(['\\', char]),
            ' '..='~' => text.push(char),
            // The field knows no other letters.
            _ => text.push('?'),
        }
    }
    let before = limits[..index].iter().filter(|(other, _)| *other == name).count();
    if before > 0 {
        let _ = write!(text, "-{}", before + 1);
    }
    text.push('"');
}

/// The smallest multiple of what may come at once, and of the time it takes to fill, in which that is whole seconds.
fn window(quota: Quota) -> (u64, Option<u64>) {
    const SECOND: u128 = 1_000_000_000;
    let (burst, permits) = (u128::from(quota.capacity()), u128::from(quota.permits()));
    if quota.is_deny_all() {
        return (0, None);
    }
    // Seconds to fill: burst · period / permits.
    let (fill, one) = (burst * quota.period().as_nanos(), permits * SECOND);
    let times = one / gcd(fill, one);
    let (q, w) = (burst.checked_mul(times), fill / gcd(fill, one));
    match (q.and_then(small), small(w)) {
        (Some(q), Some(w)) => (q, Some(w)),
        _ => (quota.capacity().into(), None),
    }
}

/// An integer that a structured field can hold.
fn small(number: u128) -> Option<u64> {
    u64::try_from(number).ok().filter(|&number| number < 1_000_000_000_000_000)
}

const fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: String) {
    // Nothing but printable ASCII is in it.
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn told(decision: Decision, limits: &[(&'static str, Quota)]) -> HeaderMap {
        let limits: Vec<_> = limits.iter().map(|&(name, quota)| (Name::new(name), quota)).collect();
        let mut headers = HeaderMap::new();
        QuotaFields::Both.write(&decision, &limits, &mut headers);
        headers
    }

    fn admitted(left: u32, reset: Duration) -> Decision {
        Decision::new(Verdict::Admitted, left, reset)
    }

    #[test]
    fn a_policy_is_told_in_whole_seconds() {
        let policy = |quota: Quota| {
            let headers = told(admitted(1, Duration::ZERO), &[("p", quota)]);
            headers[POLICY].to_str().unwrap().to_owned()
        };
        assert_eq!(policy(Quota::per_minute(60).burst(10)), r#""p";q=10;w=10"#);
        assert_eq!(policy(Quota::per_second(10).burst(20)), r#""p";q=20;w=2"#);
        assert_eq!(policy(Quota::per_second(5).burst(1)), r#""p";q=5;w=1"#);
        assert_eq!(policy(Quota::per_minute(100)), r#""p";q=100;w=60"#);
        assert_eq!(policy(Quota::per(10, Duration::from_millis(1500))), r#""p";q=20;w=3"#);
        assert_eq!(policy(Quota::per(4_294_967_291, Duration::from_nanos(u64::MAX)).burst(7)), r#""p";q=7"#);
        assert_eq!(policy(Quota::deny_all()), r#""p";q=0"#);
    }

    #[test]
    fn the_rest_is_that_of_the_narrowest_limit() {
        let limits = [("burst", Quota::per_second(10)), ("daily", Quota::per_day(1000))];
        let narrow = |decision: Decision| told(decision, &limits)[LEFT].to_str().unwrap().to_owned();
        let first = admitted(5, Duration::from_millis(500)).at(0);
        assert_eq!(narrow(first.and(admitted(7, Duration::from_secs(90)).at(1))), r#""burst";r=5;t=90"#);
        assert_eq!(narrow(first.and(admitted(3, Duration::from_secs(90)).at(1))), r#""daily";r=3;t=90"#);
        let wait = Verdict::Limited { retry_after: Duration::new(1, 1) };
        let refused = Decision::new(wait, 0, Duration::from_secs(90)).at(1);
        assert_eq!(narrow(first.and(refused)), r#""daily";r=0;t=2"#);
        let headers = told(first.and(refused), &limits);
        assert_eq!(headers[POLICY], r#""burst";q=10;w=1, "daily";q=1000;w=86400"#);
        assert_eq!(
            (&headers[X_LIMIT], &headers[X_REMAINING], &headers[X_RESET]),
            (
                &HeaderValue::from_static("1000"),
                &HeaderValue::from_static("0"),
                &HeaderValue::from_static("2")
            )
        );
    }

    #[test]
    fn a_full_bucket_names_no_time_and_no_limit_says_nothing() {
        let limit = [("p", Quota::per_second(10))];
        assert_eq!(told(admitted(10, Duration::ZERO), &limit)[LEFT], r#""p";r=10"#);
        assert_eq!(told(admitted(1, Duration::ZERO), &[("p", Quota::unlimited())]).len(), 0);
        assert_eq!(told(admitted(1, Duration::ZERO), &[]).len(), 0);
    }

    #[test]
    fn names_are_quoted_and_told_apart() {
        let quota = Quota::per_second(1);
        let limits = [(r#"a"b\"#, quota), ("ä", quota), ("ä", quota)];
        let headers = told(admitted(1, Duration::ZERO), &limits);
        assert_eq!(headers[POLICY], r#""a\"b\\";q=1;w=1, "?";q=1;w=1, "?-2";q=1;w=1"#);
    }

    proptest! {
        #[test]
        fn what_is_told_is_read_back(
            permits in 1..u32::MAX, period in 1..u64::MAX, burst in 1..u32::MAX, left in any::<u32>(),
            reset in 0..1_000_000_u64,
        ) {
            let quota = Quota::per(permits, Duration::from_nanos(period)).burst(burst);
            let headers = told(admitted(left, Duration::from_secs(reset)), &[("p", quota)]);
            let read = super::super::quota_left(&headers).unwrap();
            prop_assert_eq!((read.remaining(), read.reset_after()), (left, Duration::from_secs(reset)));
        }
    }
}
