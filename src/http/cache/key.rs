use http::header::{HOST, HeaderName};
use http::{HeaderMap, Uri};
use std::fmt;
use xxhash_rust::xxh3::Xxh3;

/// What an answer is stored under: a hash of its address and of what it varies by, with a seed of this cache's own.
///
/// Nobody outside can make two addresses fall together without knowing the seed; and if two do, neither is answered with
/// the other's, since an answer knows what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

/// An address longer than this is not worth a place.
const LONGEST: usize = 8 * 1024;

/// The address of a request, as it came: scheme and authority in any case, credentials and the default port left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address<'a> {
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
}

impl<'a> Address<'a> {
    pub(super) fn of(uri: &'a Uri, headers: &'a HeaderMap) -> Option<Self> {
        let scheme = uri.scheme_str().unwrap_or("http");
        let mut hosts = headers.get_all(HOST).iter();
        let authority = match (uri.authority(), hosts.next(), hosts.next()) {
            (Some(authority), ..) => authority.as_str(),
            (None, None, _) => "",
            (None, Some(host), None) => host.to_str().ok()?,
            // Which of them the origin believes is not known.
            (None, Some(_), Some(_)) => return None,
        };
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let default = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        let authority = authority.strip_suffix(default).unwrap_or(authority);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        // A host with a path in it would be read as another address.
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(&byte);
        let is_sound = path.len() + authority.len() <= LONGEST && authority.bytes().all(is_host);
        is_sound.then_some(Self { scheme, authority, path })
    }

    /// Whether that text is this address.
    pub(super) fn is(&self, text: &str) -> bool {
        let Self { scheme, authority, path } = self;
        let (text, at) = (text.as_bytes(), scheme.len() + "://".len());
        let end = at + authority.len();
        text.len() == end + path.len()
            && text[..scheme.len()].eq_ignore_ascii_case(scheme.as_bytes())
            && &text[scheme.len()..at] == b"://"
            && text[at..end].eq_ignore_ascii_case(authority.as_bytes())
            && &text[end..] == path.as_bytes()
    }

    pub(super) fn is_of_same_origin(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme) && self.authority.eq_ignore_ascii_case(other.authority)
    }

    /// The key of the first answer to it.
    pub(super) fn key(&self, seed: u64) -> Key {
        let mut hash = Xxh3::with_seed(seed);
        for part in [self.scheme, "://", self.authority] {
            let mut lower = [0; 64];
            for chunk in part.as_bytes().chunks(lower.len()) {
                let lower = &mut lower[..chunk.len()];
                lower.copy_from_slice(chunk);
                lower.make_ascii_lowercase();
                hash.update(lower);
            }
        }
        hash.update(self.path.as_bytes());
        Key(hash.digest128())
    }
}

/// As one text: scheme and authority in lower case.
impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, authority, path } = self;
        write!(f, "{}://{}{path}", scheme.to_ascii_lowercase(), authority.to_ascii_lowercase())
    }
}

impl Key {
    /// The key of one variant.
    pub(super) fn variant(self, seed: u64, selecting: &[u8]) -> Self {
        let mut hash = Xxh3::with_seed(seed);
        hash.update(&self.0.to_le_bytes());
        hash.update(selecting);
        Self(hash.digest128())
    }
}
/// What a request says in the fields `names`: each with its length, so that no two requests say it alike by chance.
pub(super) fn selecting(names: &[HeaderName], headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::new();
    for name in names {
        let lines: Vec<_> = headers.get_all(name).iter().map(|line| line.as_bytes().trim_ascii()).collect();
        let joined = lines.join(&b", "[..]);
        // A field that is there and empty is not one that is absent.
        let length = if lines.is_empty() { 0 } else { joined.len() as u64 + 1 };
        text.extend(length.to_be_bytes());
        text.extend(joined);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str, hosts: &[&str]) -> Option<(String, Key)> {
        let (uri, mut headers) = (uri.parse().unwrap(), HeaderMap::new());
        for host in hosts {
            headers.append(HOST, host.parse().unwrap());
        }
        let address = Address::of(&uri, &headers)?;
        let text = address.to_string();
        assert!(address.is(&text) && !address.is(&text[1..]) && !address.is(&format!("{text}x")));
        Some((text, address.key(7)))
    }

    #[test]
    fn one_resource_has_one_address() {
        let address = of("/x?y=1", &["a.example"]);
        assert_eq!(address.as_ref().unwrap().0, "http://a.example/x?y=1");
        for uri in ["http://A.Example:80/x?y=1", "HTTP://a.example/x?y=1", "http://me@a.example/x?y=1"] {
            assert_eq!(of(uri, &[]), address, "{uri}");
        }
        for uri in ["https://a.example/x?y=1", "http://a.example/X?y=1", "http://a.example:8080/x?y=1"] {
            assert_ne!(of(uri, &[]), address, "{uri}");
        }
    }

    #[test]
    fn what_is_no_sound_address_has_none() {
        assert_eq!(of(&format!("/{}", "x".repeat(LONGEST)), &["a"]), None);
        assert_eq!(of("/x", &["a.example/evil"]), None, "it would be read as a path of a.example");
        assert_eq!(of("/x", &["a.example", "b.example"]), None);
    }

    #[test]
    fn requests_that_differ_in_a_field_select_differently() {
        let names = [HeaderName::from_static("a"), HeaderName::from_static("b")];
        let of = |lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            selecting(&names, &headers)
        };
        assert_eq!(of(&[("a", " x "), ("a", "y")]), of(&[("a", "x, y")]));
        assert_ne!(of(&[("a", "x")]), of(&[("b", "x")]));
        assert_ne!(of(&[("a", "")]), of(&[]));
    }
}
