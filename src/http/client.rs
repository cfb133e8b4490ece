//! Who is calling: which address stands for a client.

use super::forwarded::{forwarded, single, x_forwarded_for};
use super::net::{Net, canonical, masked};
use http::header::{FORWARDED, HeaderMap, HeaderName};
use http::{Extensions, Request};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How to tell a client by its address: the key of a limit per client.
///
/// By itself it believes the connection alone, never a header: anybody can write one. Behind proxies of your own,
/// say how many there are, or where they stand.
///
/// # Examples
///
/// With axum, the peer's address is in an extension; seawall names no framework, so you say which:
///
/// ```
/// use axum::extract::ConnectInfo;
/// use http::HeaderMap;
/// use seawall::http::{Caller, ClientAddress, ClientKey};
/// use std::net::SocketAddr;
///
/// let clients = ClientAddress::peer()
///     .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0));
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(ConnectInfo::<SocketAddr>("192.0.2.7:4711".parse().unwrap()));
/// assert_eq!(clients.of(&request), Caller::Known("192.0.2.7".parse::<std::net::Ipv4Addr>().unwrap().into()));
/// ```
///
/// Behind one proxy that appends to `X-Forwarded-For`:
///
/// ```
/// use http::HeaderMap;
/// use seawall::http::ClientAddress;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "9.9.9.9, 192.0.2.7".parse()?); // the client sent 9.9.9.9 itself
/// let caller = ClientAddress::hops(1).caller(None, &headers);
/// assert_eq!(caller.key().unwrap().to_string(), "192.0.2.7");
/// # Ok::<_, http::header::InvalidHeaderValue>(())
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | whom to believe | the connection | a header is written by whoever likes to |
/// | IPv6 | /64 | what one subscriber gets: a limit per address there is no limit |
/// | header too short, or garbage in it | one bucket for all such | never the leftmost entry, which the client writes |
/// | no peer address | one bucket for all such | a limit that lets the unknown pass is none |
///
/// `::ffff:1.2.3.4` and `64:ff9b::1.2.3.4` are `1.2.3.4`.
#[derive(Clone, Debug)]
pub struct ClientAddress {
    trust: Trust,
    forwarded: bool,
    fallback: Fallback,
    unknown: Unknown,
    prefix: u8,
    peer: fn(&Extensions) -> Option<SocketAddr>,
}

#[derive(Clone, Debug)]
enum Trust {
    Peer,
    Hops(usize),
    Proxies(Arc<[Net]>),
    Header(HeaderName, Arc<[Net]>),
}

/// Whom to take for the client if the header is too short, or garbage on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// One bucket for all such requests.
    #[default]
    Shared,
    /// The peer of the connection, which is a proxy.
    Peer,
    /// Nobody: refuse the request.
    Reject,
}

/// Whom to take for the client if the connection has no address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// One bucket for all such requests.
    #[default]
    Shared,
    /// Nobody: let the request pass without a limit.
    Skip,
    /// Nobody: refuse the request.
    Reject,
}

impl ClientAddress {
    /// The peer of the connection, whatever the headers say.
    ///
    /// ```
    /// let clients = seawall::http::ClientAddress::peer();
    /// # let _ = clients;
    /// ```
    #[must_use]
    pub fn peer() -> Self {
        Self {
            trust: Trust::Peer,
            forwarded: false,
            fallback: Fallback::default(),
            unknown: Unknown::default(),
            prefix: SUBSCRIBER,
            peer: |extensions| extensions.get().copied(),
        }
    }

    /// The `hops`-th entry of `X-Forwarded-For` from the right: what the outermost of so many proxies of your own
    /// wrote. 0 is the peer.
    ///
    /// ```
    /// let clients = seawall::http::ClientAddress::hops(2);
    /// # let _ = clients;
    /// ```
    #[must_use]
    pub fn hops(hops: usize) -> Self {
        Self { trust: if hops == 0 { Trust::Peer } else { Trust::Hops(hops) }, ..Self::peer() }
    }

    /// If the peer is in `proxies`: the first entry of `X-Forwarded-For` from the right that is not. If all are
    /// inside, the peer.
    ///
    /// ```
    /// use seawall::http::ClientAddress;
    /// let clients = ClientAddress::proxies(["10.0.0.0/8".parse()?, "fd00::/8".parse()?]);
    /// # let _ = clients;
    /// # Ok::<_, seawall::http::InvalidNet>(())
    /// ```
    #[must_use]
    pub fn proxies(proxies: impl IntoIterator<Item = Net>) -> Self {
        Self { trust: Trust::Proxies(proxies.into_iter().collect()), ..Self::peer() }
    }

    /// The one address in the header `name`, such as `CF-Connecting-IP`, if the peer is in `proxies`.
    ///
    /// ```
    /// use http::HeaderName;
    /// use seawall::http::ClientAddress;
    /// let name = HeaderName::from_static("cf-connecting-ip");
    /// let clients = ClientAddress::header(name, ["173.245.48.0/20".parse()?]);
    /// # let _ = clients;
    /// # Ok::<_, seawall::http::InvalidNet>(())
    /// ```
    #[must_use]
    pub fn header(name: HeaderName, proxies: impl IntoIterator<Item = Net>) -> Self {
        Self { trust: Trust::Header(name, proxies.into_iter().collect()), ..Self::peer() }
    }

    /// Reads `Forwarded` (RFC 7239) where otherwise `X-Forwarded-For` would be read.
    ///
    /// ```
    /// let clients = seawall::http::ClientAddress::hops(1).forwarded();
    /// # let _ = clients;
    /// ```
    #[must_use]
    pub const fn forwarded(mut self) -> Self {
        self.forwarded = true;
        self
    }

    /// Whom to take if the header is too short, or garbage on the way.
    ///
    /// ```
    /// use seawall::http::{ClientAddress, Fallback};
    /// let clients = ClientAddress::hops(1).fallback(Fallback::Reject);
    /// # let _ = clients;
    /// ```
    #[must_use]
    pub const fn fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// Whom to take if the connection has no address.
    ///
    /// ```
    /// use seawall::http::{ClientAddress, Unknown};
    /// let clients = ClientAddress::peer().unknown(Unknown::Skip);
    /// # let _ = clients;
    /// ```
    #[must_use]
    pub const fn unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = unknown;
        self
    }

    /// How many leading bits of an IPv6 address stand for one client; above 128 is 128.
    ///
    /// ```
    /// let clients = seawall::http::ClientAddress::peer().ipv6_prefix(56);
    /// # let _ = clients;
    /// ```
    #[must_use]
    pub const fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.prefix = if bits > 128 { 128 } else { bits };
        self
    }

    /// Where the server keeps the address of the peer; by default a `SocketAddr` in the request's extensions.
    ///
    /// ```
    /// use axum::extract::ConnectInfo;
    /// use seawall::http::ClientAddress;
    /// use std::net::SocketAddr;
    ///
    /// let clients = ClientAddress::peer()
    ///     .peer_from(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0));
    /// # let _ = clients;
    /// ```
    #[must_use]
    pub const fn peer_from(mut self, peer: fn(&Extensions) -> Option<SocketAddr>) -> Self {
        self.peer = peer;
        self
    }

    /// Who sent this request.
    ///
    /// ```
    /// use seawall::http::{Caller, ClientAddress, ClientKey};
    /// let request = http::Request::new(()); // without an address
    /// assert_eq!(ClientAddress::peer().of(&request), Caller::Known(ClientKey::Shared));
    /// ```
    #[must_use]
    pub fn of<B>(&self, request: &Request<B>) -> Caller {
        self.caller((self.peer)(request.extensions()).map(|peer| peer.ip()), request.headers())
    }

    /// Who sent a request with these headers over a connection from `peer`.
    ///
    /// ```
    /// use seawall::http::ClientAddress;
    /// let caller = ClientAddress::peer().caller("2001:db8:1:2::9".parse().ok(), &http::HeaderMap::new());
    /// assert_eq!(caller.key().unwrap().to_string(), "2001:db8:1:2::/64");
    /// ```
    #[must_use]
    pub fn caller(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Caller {
        let peer = peer.map(canonical);
        let told = match &self.trust {
            Trust::Peer => return self.peer_or_unknown(peer),
            Trust::Hops(_) => self.listed(peer, headers),
            Trust::Proxies(proxies) | Trust::Header(_, proxies)
                if !peer.is_some_and(|peer| within(proxies, peer)) =>
            {
                return self.peer_or_unknown(peer);
            }
            Trust::Proxies(_) => self.listed(peer, headers),
            Trust::Header(name, _) => single(headers.get_all(name)),
        };
        match (told, self.fallback) {
            (Some(client), _) => self.known(client),
            (None, Fallback::Shared) => Caller::Known(ClientKey::Shared),
            (None, Fallback::Peer) => self.peer_or_unknown(peer),
            (None, Fallback::Reject) => Caller::Rejected,
        }
    }

    /// The client by the list of the header that was named; `None` if it cannot be told.
    fn listed(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        if self.forwarded {
            let entries: Vec<_> = headers.get_all(FORWARDED).iter().flat_map(forwarded).collect();
            self.pick(peer, entries.into_iter().rev())
        } else {
            self.pick(peer, headers.get_all(X_FORWARDED_FOR).iter().rev().flat_map(x_forwarded_for))
        }
    }

    /// The client by entries from the right, of which `None` is garbage: it spoils all that stands to its left.
    fn pick(
        &self,
        peer: Option<IpAddr>,
        mut entries: impl Iterator<Item = Option<IpAddr>>,
    ) -> Option<IpAddr> {
        match &self.trust {
            Trust::Peer | Trust::Header(..) => peer,
            Trust::Hops(hops) => {
                (0..*hops).try_fold(None, |_, _| entries.next().flatten().map(Some)).flatten()
            }
            Trust::Proxies(proxies) => {
                entries.find(|entry| entry.is_none_or(|entry| !within(proxies, entry))).unwrap_or(peer)
            }
        }
    }

    const fn peer_or_unknown(&self, peer: Option<IpAddr>) -> Caller {
        match (peer, self.unknown) {
            (Some(peer), _) => self.known(peer),
            (None, Unknown::Shared) => Caller::Known(ClientKey::Shared),
            (None, Unknown::Skip) => Caller::Exempt,
            (None, Unknown::Reject) => Caller::Rejected,
        }
    }

    const fn known(&self, client: IpAddr) -> Caller {
        Caller::Known(match client {
            IpAddr::V4(client) => ClientKey::Ipv4(client),
            IpAddr::V6(client) => {
                ClientKey::Ipv6 { network: masked(client, self.prefix), prefix: self.prefix }
            }
        })
    }
}

/// The network that a provider gives to one subscriber (RFC 6177).
const SUBSCRIBER: u8 = 64;

fn within(nets: &[Net], address: IpAddr) -> bool {
    nets.iter().any(|net| net.contains(address))
}

/// Who sent a request, as far as a limit per client is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A client of this key.
    Known(ClientKey),
    /// Nobody known, and the request is to pass without a limit.
    Exempt,
    /// Nobody known, and the request is to be refused ([`Reason::NoKey`](crate::Reason::NoKey)).
    Rejected,
}

impl Caller {
    /// The key, if there is one.
    ///
    /// ```
    /// use seawall::http::{Caller, ClientKey};
    /// assert_eq!(Caller::Known(ClientKey::Shared).key(), Some(ClientKey::Shared));
    /// assert_eq!(Caller::Exempt.key(), None);
    /// ```
    #[must_use]
    pub const fn key(self) -> Option<ClientKey> {
        match self {
            Self::Known(key) => Some(key),
            Self::Exempt | Self::Rejected => None,
        }
    }
}

/// The key of one client: an IPv4 address, an IPv6 network, or all those who have none together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClientKey {
    /// All requests whose client is not known.
    Shared,
    /// An IPv4 client.
    Ipv4(Ipv4Addr),
    /// An IPv6 client, by its network.
    Ipv6 {
        /// The address of the network.
        network: Ipv6Addr,
        /// How many bits of it count.
        prefix: u8,
    },
}

impl From<Ipv4Addr> for ClientKey {
    fn from(address: Ipv4Addr) -> Self {
        Self::Ipv4(address)
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared => f.write_str("shared"),
            Self::Ipv4(address) => address.fmt(f),
            Self::Ipv6 { network, prefix } => write!(f, "{network}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The client behind a peer 10.0.0.1, as text; garbage on the way is the shared key.
    fn told(clients: &ClientAddress, lines: &[&str]) -> String {
        let name = if clients.forwarded { FORWARDED } else { X_FORWARDED_FOR };
        match clients.caller(Some(ip("10.0.0.1")), &headers(&name, lines)) {
            Caller::Known(key) => key.to_string(),
            other => format!("{other:?}"),
        }
    }

    fn keyed(clients: &ClientAddress, peer: &str) -> String {
        clients.caller(Some(ip(peer)), &HeaderMap::new()).key().unwrap().to_string()
    }

    #[test]
    fn no_header_is_believed_unless_it_was_configured() {
        assert_eq!(told(&ClientAddress::peer(), &["9.9.9.9"]), "10.0.0.1");
        assert_eq!(told(&ClientAddress::hops(0), &["9.9.9.9"]), "10.0.0.1");
    }

    #[test]
    fn hops_are_counted_from_the_right() {
        let one = ClientAddress::hops(1);
        assert_eq!(told(&one, &["9.9.9.9, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(told(&one, &["9.9.9.9", "192.0.2.7"]), "192.0.2.7");
        assert_eq!(told(&one, &["garbage, 192.0.2.7"]), "192.0.2.7");
        let two = ClientAddress::hops(2);
        assert_eq!(told(&two, &["192.0.2.1", "192.0.2.2, 192.0.2.3"]), "192.0.2.2");
        assert_eq!(told(&two, &["192.0.2.1", ", ,", "192.0.2.3,"]), "192.0.2.1");
    }

    #[test]
    fn too_few_entries_or_garbage_on_the_way_fall_back_and_never_to_the_leftmost() {
        let two = ClientAddress::hops(2);
        for lines in [&[][..], &["192.0.2.1"], &["192.0.2.1, garbage"], &["garbage, 192.0.2.1"], &[","]] {
            assert_eq!(told(&two, lines), "shared", "{lines:?}");
            assert_eq!(told(&two.clone().fallback(Fallback::Peer), lines), "10.0.0.1");
            assert_eq!(told(&two.clone().fallback(Fallback::Reject), lines), "Rejected");
        }
    }

    #[test]
    fn trusted_proxies_are_walked_from_the_right() {
        let clients = ClientAddress::proxies([Net::from(ip("10.0.0.1")), "172.16.0.0/12".parse().unwrap()]);
        assert_eq!(told(&clients, &["9.9.9.9, 192.0.2.7, 172.16.3.4"]), "192.0.2.7");
        assert_eq!(told(&clients, &["172.16.0.1, 172.16.0.2"]), "10.0.0.1");
        assert_eq!(told(&clients, &[]), "10.0.0.1");
        assert_eq!(told(&clients, &["192.0.2.7, garbage, 172.16.3.4"]), "shared");
        let stranger = clients.caller(Some(ip("203.0.113.5")), &headers(&X_FORWARDED_FOR, &["192.0.2.7"]));
        assert_eq!(stranger.key().unwrap().to_string(), "203.0.113.5");
    }

    #[test]
    fn a_single_header_is_believed_from_a_proxy_only() {
        let name = HeaderName::from_static("cf-connecting-ip");
        let clients = ClientAddress::header(name.clone(), ["10.0.0.0/8".parse().unwrap()]);
        let of = |peer: &str, lines: &[&str]| {
            clients.caller(Some(ip(peer)), &headers(&name, lines)).key().unwrap().to_string()
        };
        assert_eq!(of("10.9.9.9", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(of("11.9.9.9", &["192.0.2.7"]), "11.9.9.9");
        assert_eq!(of("10.9.9.9", &["192.0.2.7", "192.0.2.8"]), "shared");
        assert_eq!(of("10.9.9.9", &["192.0.2.7, 192.0.2.8"]), "shared");
        assert_eq!(of("10.9.9.9", &[]), "shared");
    }

    #[test]
    fn forwarded_is_read_by_the_same_rules() {
        let one = ClientAddress::hops(1).forwarded();
        assert_eq!(
            told(&one, &["for=9.9.9.9, For=\"192.0.2.7:47\";proto=http;by=\"a,b;for=1.1.1.1\""]),
            "192.0.2.7"
        );
        assert_eq!(told(&one, &["proto=http;for=\"[2001:db8:1:2::3]:4711\""]), "2001:db8:1:2::/64");
        for garbage in
            ["for=unknown", "for=_hidden", "proto=http", "for=1.1.1.1;for=2.2.2.2", "for=\"1.1.1.1", "=,"]
        {
            assert_eq!(told(&one, &[garbage]), "shared", "{garbage}");
        }
        let mut raw = HeaderMap::new();
        raw.append(FORWARDED, HeaderValue::from_bytes(b"for=1.1.1.1, \xff").unwrap());
        assert_eq!(one.caller(None, &raw), Caller::Known(ClientKey::Shared));
    }

    #[test]
    fn ipv6_is_cut_to_what_one_subscriber_gets() {
        let clients = ClientAddress::peer();
        assert_eq!(keyed(&clients, "2001:db8:1:2::1"), keyed(&clients, "2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(keyed(&clients, "2001:db8:1:2::1"), keyed(&clients, "2001:db8:1:3::1"));
        let wider = ClientAddress::peer().ipv6_prefix(56);
        assert_eq!(keyed(&wider, "2001:db8:1:5678::1"), "2001:db8:1:5600::/56");
        assert_eq!(keyed(&wider, "::1"), "::/56");
        assert_eq!(keyed(&ClientAddress::peer().ipv6_prefix(255), "::1"), "::1/128");
        assert_eq!(keyed(&ClientAddress::peer().ipv6_prefix(0), "2001::1"), "::/0");
    }

    #[test]
    fn an_ipv4_client_is_one_however_it_is_written() {
        for same in ["192.0.2.7", "::ffff:192.0.2.7", "64:ff9b::192.0.2.7"] {
            assert_eq!(keyed(&ClientAddress::peer(), same), "192.0.2.7");
        }
    }

    #[test]
    fn a_connection_without_an_address_is_treated_as_configured() {
        let of = |unknown| ClientAddress::peer().unknown(unknown).of(&Request::new(()));
        assert_eq!(of(Unknown::Shared), Caller::Known(ClientKey::Shared));
        assert_eq!(of(Unknown::Skip), Caller::Exempt);
        assert_eq!(of(Unknown::Reject), Caller::Rejected);
    }

    proptest! {
        #[test]
        fn no_header_panics(
            lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..4),
            hops in 0_usize..5,
            listed in any::<bool>(),
        ) {
            let mut headers = HeaderMap::new();
            for line in lines {
                if let Ok(line) = HeaderValue::from_bytes(&line) {
                    headers.append(FORWARDED, line.clone());
                    headers.append(X_FORWARDED_FOR, line);
                }
            }
            let clients = match listed {
                true => ClientAddress::proxies(["0.0.0.0/0".parse().unwrap()]),
                false => ClientAddress::hops(hops),
            };
            let _ = clients.caller(Some(ip("10.0.0.1")), &headers);
            let _ = clients.forwarded().caller(Some(ip("10.0.0.1")), &headers);
        }

        /// Whatever the client writes in front, the entry of the own proxy decides.
        #[test]
        fn what_the_client_writes_does_not_matter(forged in "[ -~]{0,60}") {
            let mut headers = HeaderMap::new();
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(&forged).unwrap());
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static("192.0.2.7"));
            let caller = ClientAddress::hops(1).caller(None, &headers);
            prop_assert_eq!(caller, Caller::Known(ClientKey::Ipv4(Ipv4Addr::new(192, 0, 2, 7))));
        }
    }
}
