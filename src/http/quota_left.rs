use super::retry_after::{digits, since};
use http::header::{HeaderMap, HeaderName};
use std::time::Duration;

/// What a server says is left of its quota, read from an answer.
///
/// # Examples
///
/// ```
/// use http::HeaderMap;
/// use seawall::http::quota_left;
/// use std::time::Duration;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("ratelimit", r#""burst";r=50;t=30, "daily";r=7;t=3600"#.parse()?);
/// let left = quota_left(&headers).unwrap();
/// assert_eq!((left.remaining(), left.reset_after()), (7, Duration::from_secs(3600)));
/// # Ok::<_, http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLeft {
    remaining: u32,
    reset_after: Duration,
}

impl QuotaLeft {
    /// Calls that may still be made before [`reset_after`](Self::reset_after).
    ///
    /// ```
    /// # use http::HeaderMap;
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-ratelimit-remaining", "12".parse()?);
    /// assert_eq!(seawall::http::quota_left(&headers).unwrap().remaining(), 12);
    /// # Ok::<_, http::header::InvalidHeaderValue>(())
    /// ```
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// The time until there are more; zero if it was not named.
    ///
    /// ```
    /// # use http::HeaderMap;
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-ratelimit-remaining", "12".parse()?);
    /// headers.insert("x-ratelimit-reset", "30".parse()?);
    /// let left = seawall::http::quota_left(&headers).unwrap();
    /// assert_eq!(left.reset_after(), std::time::Duration::from_secs(30));
    /// # Ok::<_, http::header::InvalidHeaderValue>(())
    /// ```
    #[must_use]
    pub const fn reset_after(&self) -> Duration {
        self.reset_after
    }
}

/// What the answer with these headers says is left: of several limits the narrowest.
///
/// Read are `RateLimit` as the current draft has it (`"name";r=50;t=30`) and as earlier ones had it (`limit=100,
/// remaining=50, reset=30`), then `RateLimit-Remaining`, `X-RateLimit-Remaining` and `X-Rate-Limit-Remaining` with the reset
/// beside each: seconds from now, or, as GitHub has it, of the Unix epoch, which are measured from the answer's own `Date`.
/// What is none of that is as if absent.
///
/// ```
/// use http::HeaderMap;
/// use seawall::http::quota_left;
/// use std::time::Duration;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("date", "Wed, 21 Oct 2015 07:28:00 GMT".parse()?);
/// headers.insert("x-ratelimit-remaining", "4999".parse()?);
/// headers.insert("x-ratelimit-reset", "1445412540".parse()?); // 07:29:00
/// let left = quota_left(&headers).unwrap();
/// assert_eq!((left.remaining(), left.reset_after()), (4999, Duration::from_secs(60)));
///
/// assert_eq!(quota_left(&HeaderMap::new()), None);
/// # Ok::<_, http::header::InvalidHeaderValue>(())
/// ```
#[must_use]
pub fn quota_left(headers: &HeaderMap) -> Option<QuotaLeft> {
    let values = headers.get_all(FIELD).iter().map(|value| value.as_bytes());
    let said = values.fold(Said::default(), |said, value| items(value).fold(said, Said::with));
    said.left().or_else(|| PAIRS.iter().find_map(|pair| pair_of_fields(headers, pair)))
}

const FIELD: HeaderName = HeaderName::from_static("ratelimit");

/// Of drafts up to the sixth; of most APIs; of some others.
const PAIRS: [[HeaderName; 2]; 3] = [
    [HeaderName::from_static("ratelimit-remaining"), HeaderName::from_static("ratelimit-reset")],
    [HeaderName::from_static("x-ratelimit-remaining"), HeaderName::from_static("x-ratelimit-reset")],
    [HeaderName::from_static("x-rate-limit-remaining"), HeaderName::from_static("x-rate-limit-reset")],
];

fn pair_of_fields(headers: &HeaderMap, [remaining, reset]: &[HeaderName; 2]) -> Option<QuotaLeft> {
    // A year of seconds is a reset; what is more is a date.
    const YEAR: u64 = 366 * 86_400;
    let number = |name| digits(headers.get(name)?.as_bytes().trim_ascii());
    let remaining = count(number(remaining)?);
    let reset_after = match number(reset) {
        Some(seconds @ ..=YEAR) => Duration::from_secs(seconds),
        Some(epoch) => since(headers, epoch),
        None => Duration::ZERO,
    };
    Some(QuotaLeft { remaining, reset_after })
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What the items of `RateLimit` say together.
#[derive(Clone, Copy, Default)]
struct Said {
    narrowest: Option<QuotaLeft>,
    // As earlier drafts have it: one dictionary.
    remaining: Option<u64>,
    reset: Option<u64>,
}

impl Said {
    fn with(mut self, item: &[u8]) -> Self {
        let mut parts = parts(item, b';');
        let name = parts.next().unwrap_or_default();
        if let Some((key, value)) = parameter(name) {
            match key {
                b"remaining" => self.remaining = digits(value),
                b"reset" => self.reset = digits(value),
                _ => {}
            }
            return self;
        }
        let (mut r, mut t) = (None, 0);
        for (key, value) in parts.filter_map(parameter) {
            match key {
                b"r" => r = digits(value),
                b"t" => t = digits(value).unwrap_or(0),
                _ => {}
            }
        }
        if let Some(r) = r {
            let left = QuotaLeft { remaining: count(r), reset_after: Duration::from_secs(t) };
            let narrower =
                |known: QuotaLeft| (left.remaining, known.reset_after) < (known.remaining, left.reset_after);
            if self.narrowest.is_none_or(narrower) {
                self.narrowest = Some(left);
            }
        }
        self
    }

    fn left(self) -> Option<QuotaLeft> {
        self.narrowest.or_else(|| {
            let reset_after = Duration::from_secs(self.reset.unwrap_or(0));
            Some(QuotaLeft { remaining: count(self.remaining?), reset_after })
        })
    }
}

/// A key and its value; a name in quotes is none.
fn parameter(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let part = part.trim_ascii();
    if part.first() == Some(&b'"') {
        return None;
    }
    let equals = part.iter().position(|&byte| byte == b'=')?;
    Some((part[..equals].trim_ascii(), part[equals + 1..].trim_ascii()))
}

fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    parts(value, b',')
}

/// The parts between separators that stand outside quotes.
fn parts(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |&byte| {
        let splits = byte == separator && !quoted;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        splits
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn read(lines: &[(&'static str, &str)]) -> Option<(u32, u64)> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        quota_left(&headers).map(|left| (left.remaining(), left.reset_after().as_secs()))
    }

    #[test]
    fn each_form_is_read() {
        for (value, left) in [
            (r#""p";r=50;t=30"#, (50, 30)),
            (r#" "p" ; r=50 ; t=30 "#, (50, 30)),
            (r#""p";t=30;r=50;pk=:aGk=:"#, (50, 30)),
            (r#""p";r=50"#, (50, 0)),
            (r#""a,b;r=1";r=50;t=30"#, (50, 30)),
            (r#""a\"b";r=50;t=30"#, (50, 30)),
            (r#""a";r=9;t=1, "b";r=3;t=2, "c";r=5;t=3"#, (3, 2)),
            (r#""a";r=3;t=1, "b";r=3;t=2"#, (3, 2)),
            (r#""p";r=99999999999;t=1"#, (u32::MAX, 1)),
            ("limit=100, remaining=50, reset=30", (50, 30)),
            ("limit=100,remaining=50", (50, 0)),
            ("p;r=50;t=30", (50, 30)),
        ] {
            assert_eq!(read(&[("ratelimit", value)]), Some(left), "{value}");
        }
        for (name, reset) in [
            ("ratelimit-remaining", "ratelimit-reset"),
            ("x-ratelimit-remaining", "x-ratelimit-reset"),
            ("x-rate-limit-remaining", "x-rate-limit-reset"),
        ] {
            assert_eq!(read(&[(name, "7"), (reset, "60")]), Some((7, 60)));
            assert_eq!(read(&[(name, "7")]), Some((7, 0)));
            let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
            assert_eq!(read(&[(name, "7"), (reset, "1445412540"), date]), Some((7, 60)));
            assert_eq!(read(&[(name, "7"), (reset, "1445412540000"), date]), Some((7, 60)), "milliseconds");
            assert_eq!(read(&[(name, "7"), (reset, "1445412000"), date]), Some((7, 0)), "gone by");
        }
    }

    #[test]
    fn several_lines_are_one_list_and_the_current_field_goes_first() {
        assert_eq!(read(&[("ratelimit", r#""a";r=9"#), ("ratelimit", r#""b";r=3"#)]), Some((3, 0)));
        assert_eq!(read(&[("ratelimit", r#""a";r=9"#), ("x-ratelimit-remaining", "1")]), Some((9, 0)));
        assert_eq!(read(&[("ratelimit", "garbage"), ("x-ratelimit-remaining", "1")]), Some((1, 0)));
    }

    #[test]
    fn garbage_is_as_if_absent() {
        for value in [
            "",
            "\"",
            "\"p",
            ";r",
            "\"p\";r=",
            "\"p\";r=-1",
            "\"p\";r=+1",
            "\"p\";r=1.5",
            "r",
            "=",
            "remaining",
        ] {
            assert_eq!(read(&[("ratelimit", value)]), None, "{value:?}");
            assert_eq!(read(&[("x-ratelimit-remaining", value)]), None, "{value:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_bytes_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            like in r#"[rt0-9=;,"\\: pk-]{0,40}"#,
            reset in "[0-9]{0,30}",
        ) {
            let mut headers = HeaderMap::new();
            for value in [HeaderValue::from_bytes(&bytes), HeaderValue::from_str(&like)].into_iter().flatten() {
                headers.append(FIELD, value);
                let _ = quota_left(&headers);
            }
            headers.remove(FIELD);
            headers.insert(&PAIRS[1][0], HeaderValue::from_static("1"));
            headers.insert(&PAIRS[1][1], HeaderValue::from_str(&reset).unwrap());
            prop_assert_eq!(quota_left(&headers).unwrap().remaining(), 1);
        }

        #[test]
        fn any_name_is_stepped_over(name in "[ -~]{0,20}", r in any::<u32>(), t in 0..1_000_000_000_u64) {
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            let value = format!("\"{name}\";r={r};t={t}");
            prop_assert_eq!(read(&[("ratelimit", &value)]), Some((r, t)));
        }
    }
}
