use super::nginx_ip::{NginxIp, nginx_bytes, nginx_ip};
use crate::hash::{HashRing, LoadBound, Maglev, Mode, Nodes, Placement, Rendezvous, Size, TableSize};
use std::net::IpAddr;
use xxhash_rust::xxh3::xxh3_64;

/// By the key of the request: equal keys go to the same endpoint, and few of them move when endpoints come and go.
///
/// The placement holds every endpoint of a weight above zero, well or not: who is out, tried, full or above the
/// bound is passed over for the next successor, so that a sick endpoint's keys spread, and come home. A request
/// without a key is picked for by [`P2c`](super::P2c).
///
/// # Examples
///
/// ```
/// use seawall::balance::{Ask, Endpoint, Hashed, Pool};
/// use seawall::hash::LoadBound;
///
/// let pool = Pool::new("caches", Hashed::ring().bounded(LoadBound::default()));
/// pool.set(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"].map(|id| Endpoint::new(id, ())));
///
/// let ticket = pool.pick_for(Ask::new().key("user-1")).unwrap();
/// assert_eq!(ticket.id().as_str(), "10.0.0.3:80");
/// ```
///
/// # Not for
///
/// Sessions that must never change their endpoint: one that leaves takes its keys' home with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "IpHash")]
#[doc(alias = "consistent hashing")]
#[doc(alias = "sticky")]
pub struct Hashed {
    place: Place,
    bound: Option<LoadBound>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ring(Mode, Size),
    Maglev(TableSize),
    Rendezvous,
    NginxIp,
}

impl Hashed {
    /// On a [`HashRing`] of the default mode and size.
    ///
    /// ```
    /// let picker = seawall::balance::Hashed::ring();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub fn ring() -> Self {
        Self::ring_of(Mode::default(), Size::default())
    }

    /// On a [`HashRing`] of this mode and size.
    ///
    /// ```
    /// use seawall::balance::Hashed;
    /// use seawall::hash::{Mode, Size};
    /// let as_nginx = Hashed::ring_of(Mode::KetamaCrc32, Size::default());
    /// # let _ = as_nginx;
    /// ```
    #[must_use]
    pub const fn ring_of(mode: Mode, size: Size) -> Self {
        Self { place: Place::Ring(mode, size), bound: None }
    }

    /// In a [`Maglev`] table of the default size.
    ///
    /// ```
    /// let picker = seawall::balance::Hashed::maglev();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub fn maglev() -> Self {
        Self::maglev_of(TableSize::default())
    }

    /// In a [`Maglev`] table of this size.
    ///
    /// ```
    /// use seawall::balance::Hashed;
    /// use seawall::hash::TableSize;
    /// let picker = Hashed::maglev_of(TableSize::at_least(1_000_000));
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn maglev_of(size: TableSize) -> Self {
        Self { place: Place::Maglev(size), bound: None }
    }

    /// By [`Rendezvous`].
    ///
    /// ```
    /// let picker = seawall::balance::Hashed::rendezvous();
    /// # let _ = picker;
    /// ```
    #[must_use]
    pub const fn rendezvous() -> Self {
        Self { place: Place::Rendezvous, bound: None }
    }

    /// As nginx's `ip_hash` does: with [`Key::nginx_ip`] the endpoints of equal weights, in the order of their ids,
    /// get the clients that nginx would send them. For moving off nginx; a change of the endpoints moves most keys.
    ///
    /// ```
    /// use seawall::balance::{Ask, Endpoint, Hashed, Key, Pool};
    /// let pool = Pool::new("api", Hashed::nginx_ip());
    /// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    /// let key = Key::nginx_ip("127.0.1.2".parse().unwrap());
    /// assert!(pool.pick_for(Ask::new().key(key)).is_ok());
    /// ```
    #[must_use]
    #[doc(alias = "ip_hash")]
    pub const fn nginx_ip() -> Self {
        Self { place: Place::NginxIp, bound: None }
    }

    /// Lets no endpoint's load stand further above the average than `bound`; what is more goes to successors.
    ///
    /// ```
    /// use seawall::balance::{Ask, Endpoint, Hashed, Pool};
    /// use seawall::hash::LoadBound;
    /// let pool = Pool::new("caches", Hashed::maglev().bounded(LoadBound::percent(100)));
    /// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    /// let held: Vec<_> = (0..10).map(|_| pool.pick_for(Ask::new().key("popular")).unwrap()).collect();
    /// assert!(pool.endpoints().iter().all(|endpoint| endpoint.in_flight == 5));
    /// # drop(held);
    /// ```
    #[must_use]
    pub const fn bounded(mut self, bound: LoadBound) -> Self {
        self.bound = Some(bound);
        self
    }

    pub(crate) const fn bound(self) -> Option<LoadBound> {
        self.bound
    }

    pub(crate) fn place(self, nodes: Nodes) -> Placed {
        match self.place {
            Place::Ring(mode, size) => Placed::Ring(HashRing::with(nodes, mode, size)),
            Place::Maglev(size) => Placed::Maglev(Maglev::with(nodes, size)),
            Place::Rendezvous => Placed::Rendezvous(Rendezvous::new(nodes)),
            Place::NginxIp => Placed::NginxIp(NginxIp::of(&nodes)),
        }
    }
}

/// A placement of whatever kind.
#[derive(Debug)]
pub(crate) enum Placed {
    Ring(HashRing),
    Maglev(Maglev),
    Rendezvous(Rendezvous),
    NginxIp(NginxIp),
}

impl Placed {
    #[inline]
    pub(crate) fn hash(&self, key: Key<'_>) -> u64 {
        match (key.0, self) {
            (Form::Hash(hash), _) => hash,
            (Form::Bytes(bytes), Self::Ring(ring)) => ring.hash(bytes),
            (Form::Bytes(bytes), Self::NginxIp(_)) => nginx_bytes(bytes),
            (Form::Bytes(bytes), _) => xxh3_64(bytes),
        }
    }

    #[inline]
    pub(crate) fn first(&self, hash: u64) -> Option<usize> {
        match self {
            Self::Ring(ring) => ring.first(hash),
            Self::Maglev(table) => table.first(hash),
            Self::Rendezvous(nodes) => nodes.first(hash),
            Self::NginxIp(nodes) => nodes.first(hash),
        }
    }

    pub(crate) fn walk(&self, hash: u64) -> impl Iterator<Item = usize> {
        let (ring, table, nodes, nginx) = match self {
            Self::Ring(ring) => (Some(ring.walk(hash)), None, None, None),
            Self::Maglev(table) => (None, Some(table.walk(hash)), None, None),
            Self::Rendezvous(nodes) => (None, None, Some(nodes.walk(hash)), None),
            Self::NginxIp(nodes) => (None, None, None, Some(nodes.walk(hash))),
        };
        let (ring, table) = (ring.into_iter().flatten(), table.into_iter().flatten());
        ring.chain(table).chain(nodes.into_iter().flatten()).chain(nginx.into_iter().flatten())
    }
}

/// What of a request decides where it goes: bytes, a number that is a hash already, or a client's address.
///
/// # Examples
///
/// ```
/// use seawall::balance::Key;
///
/// assert_eq!(Key::from("user-1"), Key::from(b"user-1".as_slice()));
/// // Addresses of one network are one client: a household behind a translator keeps its home.
/// assert_eq!(Key::from("10.0.0.1".parse::<std::net::IpAddr>().unwrap()),
///            Key::from("10.0.0.9".parse::<std::net::IpAddr>().unwrap()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a>(Form<'a>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form<'a> {
    Bytes(&'a [u8]),
    Hash(u64),
}

impl Key<'_> {
    /// The hash that nginx's `ip_hash` makes of a client's address, for [`Hashed::nginx_ip`].
    ///
    /// ```
    /// use seawall::balance::Key;
    /// let of = |text: &str| Key::nginx_ip(text.parse().unwrap());
    /// assert_eq!(of("10.0.0.1"), of("10.0.0.2"));
    /// ```
    #[must_use]
    pub fn nginx_ip(address: IpAddr) -> Self {
        Self(Form::Hash(nginx_ip(address)))
    }

    /// The network of a client's address: its first `v4` bits, or of IPv6 its first `v6`. An IPv4 address that is mapped
    /// into IPv6 counts as IPv4; more bits than there are means all.
    ///
    /// `Key::from(address)` is `network(address, 24, 64)`.
    ///
    /// ```
    /// use seawall::balance::Key;
    /// let exact = |address: &str| Key::network(address.parse().unwrap(), 32, 128);
    /// assert_ne!(exact("10.0.0.1"), exact("10.0.0.9"));
    /// ```
    #[must_use]
    pub fn network(address: IpAddr, v4: u8, v6: u8) -> Self {
        let hash = |octets: &[u8], bits: u8| {
            let kept = usize::from(bits.div_ceil(8)).min(octets.len());
            let mut network = [0; 16];
            network[..kept].copy_from_slice(&octets[..kept]);
            if let Some(last) = kept.checked_sub(1).filter(|_| !bits.is_multiple_of(8)) {
                network[last] &= !(u8::MAX >> (bits % 8));
            }
            xxh3_64(&network[..kept])
        };
        Self(Form::Hash(match address.to_canonical() {
            IpAddr::V4(address) => hash(&address.octets(), v4.min(32)),
            IpAddr::V6(address) => hash(&address.octets(), v6.min(128)),
        }))
    }
}

impl<'a> From<&'a [u8]> for Key<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Form::Bytes(bytes))
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(text: &'a str) -> Self {
        Self(Form::Bytes(text.as_bytes()))
    }
}

/// A hash that is ready: it is taken as it is.
impl From<u64> for Key<'_> {
    fn from(hash: u64) -> Self {
        Self(Form::Hash(hash))
    }
}

/// The network of the address: /24 of IPv4, which includes mapped ones, /64 of IPv6; see [`Key::network`].
impl From<IpAddr> for Key<'_> {
    fn from(address: IpAddr) -> Self {
        Self::network(address, 24, 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_is_one_key() {
        let key = |address: &str| Key::from(address.parse::<IpAddr>().unwrap());
        assert_eq!(key("192.0.2.1"), key("192.0.2.254"));
        assert_ne!(key("192.0.2.1"), key("192.0.3.1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.9"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        // Fixed for ever: what is hashed are the bytes of the network.
        assert_eq!(key("192.0.2.1"), Key::from(xxh3_64(&[192, 0, 2])));
    }

    #[test]
    fn the_mask_is_any_number_of_bits() {
        let key = |address: &str, bits| Key::network(address.parse().unwrap(), bits, bits);
        assert_eq!(key("10.0.16.1", 20), key("10.0.31.9", 20));
        assert_ne!(key("10.0.16.1", 20), key("10.0.32.1", 20));
        assert_eq!(key("10.0.0.1", 0), key("192.0.2.1", 0));
        assert_eq!(key("10.0.0.1", 32), key("10.0.0.1", 255));
        assert_ne!(key("10.0.0.1", 255), key("10.0.0.2", 255));
        assert_eq!(key("2001:db8:8000::1", 33), key("2001:db8:ffff::1", 33));
        assert_ne!(key("2001:db8:8000::1", 33), key("2001:db8:7fff::1", 33));
        assert_ne!(key("::1:0", 255), key("::1:1", 255));
    }
}
