use http::header::{HOST, HeaderName};
use http::{HeaderMap, Uri};
use std::sync::Arc;

/// What an answer is stored under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(Arc<[u8]>);

/// An address longer than this is not worth a place.
const LONGEST: usize = 8 * 1024;

/// The address of a request as one text: scheme and authority in lower case, the default port left out.
pub(super) fn address(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let scheme = uri.scheme_str().unwrap_or("http").to_ascii_lowercase();
    let host = || headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = uri.authority().map(|authority| authority.as_str()).or_else(host).unwrap_or("");
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let default = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(default).unwrap_or(&authority);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    (path.len() <= LONGEST).then(|| format!("{scheme}://{authority}{path}"))
}

impl Key {
    pub(super) fn of(address: &str) -> Self {
        Self(address.as_bytes().into())
    }

    /// The key of one variant: no address has a zero in it.
    pub(super) fn variant(&self, selecting: &[u8]) -> Self {
        Self([&*self.0, b"\0", selecting].concat().into())
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

    fn of(uri: &str, host: Option<&str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, host.parse().unwrap());
        }
        address(&uri.parse().unwrap(), &headers)
    }

    #[test]
    fn one_resource_has_one_address() {
        let address = Some(String::from("http://a.example/x?y=1"));
        assert_eq!(of("http://A.Example:80/x?y=1", None), address);
        assert_eq!(of("/x?y=1", Some("a.example")), address);
        assert_eq!(of("http://me@a.example/x?y=1", None), address);
        assert_ne!(of("https://a.example/x?y=1", None), address);
        assert_eq!(of(&format!("/{}", "x".repeat(LONGEST)), None), None);
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
