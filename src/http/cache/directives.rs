use crate::http::retry_after::digits;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderName, PRAGMA};
use std::time::Duration;

/// The longest time that is told apart from for ever (RFC 9111, 1.2.2).
const MOST: u64 = 1 << 31;

/// The directives of a `Cache-Control` that mean something here, of a request or of a response: names in any case, of two values the
/// smaller, a value that is no number as if it were zero (RFC 9111, 4.2.1: "encouraged to consider it stale").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) must_understand: bool,
    pub(super) proxy_revalidate: bool,
    pub(super) immutable: bool,
    pub(super) only_if_cached: bool,
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) min_fresh: Option<u64>,
    /// Without a value it is the most there is.
    pub(super) max_stale: Option<u64>,
    pub(super) stale_while_revalidate: Option<u64>,
    pub(super) stale_if_error: Option<u64>,
}

impl Directives {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut own = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            for part in parts(line.as_bytes()) {
                own.add(part);
            }
        }
        // RFC 9111, 5.4: only where nothing newer is said.
        let pragma = |line: &[u8]| line.to_ascii_lowercase().windows(8).any(|word| word == b"no-cache");
        own.no_cache |= !headers.contains_key(CACHE_CONTROL)
            && headers.get_all(PRAGMA).iter().any(|line| pragma(line.as_bytes()));
        own
    }

    fn add(&mut self, part: &[u8]) {
        let (name, value) = match part.iter().position(|&byte| byte == b'=') {
            Some(at) => (&part[..at], Some(&part[at + 1..])),
            None => (part, None),
        };
        let seconds = || digits(unquoted(value?)).map(|seconds| seconds.min(MOST));
        let least = |known: Option<u64>| {
            let told = seconds().unwrap_or(0);
            Some(known.map_or(told, |known| known.min(told)))
        };
        match &*name.trim_ascii().to_ascii_lowercase() {
            b"no-store" => self.no_store = true,
            // With field names it is less; taken for all of it, it is wrong on the safe side.
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"immutable" => self.immutable = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => self.max_age = least(self.max_age),
            b"s-maxage" => self.s_maxage = least(self.s_maxage),
            // How fresh it must be at least: of two the larger is the safe one.
            b"min-fresh" => self.min_fresh = self.min_fresh.max(Some(seconds().unwrap_or(MOST))),
            b"max-stale" if value.is_none() => self.max_stale = Some(self.max_stale.unwrap_or(MOST)),
            b"max-stale" => self.max_stale = least(self.max_stale),
            b"stale-while-revalidate" => self.stale_while_revalidate = least(self.stale_while_revalidate),
            b"stale-if-error" => self.stale_if_error = least(self.stale_if_error),
            _ => {}
        }
    }

    /// The same, as a text that anybody reads alike.
    pub(super) fn to_text(self) -> String {
        let flags = [
            ("no-store", self.no_store),
            ("no-cache", self.no_cache),
            ("private", self.private),
            ("public", self.public),
            ("must-revalidate", self.must_revalidate),
            ("immutable", self.immutable),
        ];
        let flags = flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned());
        let numbers = [("max-age", self.max_age), ("s-maxage", self.s_maxage)];
        let numbers = numbers.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        flags.chain(numbers).collect::<Vec<_>>().join(", ")
    }
}

/// What stands between the commas, outside of quotes.
fn parts(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    line.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The names in the lines of `Vary`; none for `*`.
pub(super) fn vary(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for line in headers.get_all(http::header::VARY) {
        for name in line.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            if !name.is_empty() {
                // `*`, and what is no name at all, is never the same twice.
                names.push(HeaderName::from_bytes(name).ok().filter(|name| name != "*")?);
            }
        }
    }
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Directives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, line.parse().unwrap());
        }
        Directives::of(&headers)
    }

    #[test]
    fn names_are_read_in_any_case_over_any_lines() {
        let all = of(&["PRIVATE, Max-Age=60", "No-Store"]);
        assert!(all.private && all.no_store);
        assert_eq!(all.max_age, Some(60));
        assert_eq!(of(&["private=\"a, max-age=1\", max-age=9"]).max_age, Some(9));
    }

    #[test]
    fn of_two_values_the_smaller_counts_and_none_overflows() {
        assert_eq!(of(&["max-age=60, max-age=10"]).max_age, Some(10));
        assert_eq!(of(&["max-age=99999999999999999999999"]).max_age, Some(MOST));
        assert_eq!(of(&["max-age=\"7\""]).max_age, Some(7));
        assert_eq!(of(&["max-age=soon"]).max_age, Some(0));
        assert_eq!(of(&["max-age=-1"]).max_age, Some(0));
        assert_eq!((of(&["max-stale"]).max_stale, of(&["max-stale=3"]).max_stale), (Some(MOST), Some(3)));
    }

    #[test]
    fn pragma_counts_only_where_nothing_newer_is_said() {
        let mut headers = HeaderMap::new();
        headers.insert(PRAGMA, "No-Cache".parse().unwrap());
        assert!(Directives::of(&headers).no_cache);
        headers.insert(CACHE_CONTROL, "max-age=1".parse().unwrap());
        assert!(!Directives::of(&headers).no_cache);
    }

    #[test]
    fn vary_is_a_set_of_names_or_nothing() {
        let mut headers = HeaderMap::new();
        assert_eq!(vary(&headers), Some(vec![]));
        headers.append("vary", "Accept, x".parse().unwrap());
        headers.append("vary", "X".parse().unwrap());
        assert_eq!(vary(&headers).unwrap(), ["accept", "x"]);
        headers.append("vary", "*".parse().unwrap());
        assert_eq!(vary(&headers), None);
    }
}
