//! Addresses and networks, as headers and configurations write them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An IP network, such as the one your proxies stand in.
///
/// # Examples
///
/// ```
/// use seawall::http::Net;
///
/// let net: Net = "10.0.0.0/8".parse()?;
/// assert!(net.contains("10.1.2.3".parse().unwrap()));
/// assert!(net.contains("::ffff:10.1.2.3".parse().unwrap()));
/// assert!(!net.contains("11.1.2.3".parse().unwrap()));
/// # Ok::<_, seawall::http::InvalidNet>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Net {
    // Canonical, and zero beyond the prefix.
    network: IpAddr,
    prefix: u8,
}

impl Net {
    /// Whether `address` is in it. An IPv4 address is the same however it is written.
    ///
    /// ```
    /// let net: seawall::http::Net = "fd00::/8".parse()?;
    /// assert!(net.contains("fd12::1".parse().unwrap()));
    /// # Ok::<_, seawall::http::InvalidNet>(())
    /// ```
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, canonical(address)) {
            (IpAddr::V4(network), IpAddr::V4(address)) => masked_v4(address, self.prefix) == network,
            (IpAddr::V6(network), IpAddr::V6(address)) => masked(address, self.prefix) == network,
            _ => false,
        }
    }

    const fn cut(network: IpAddr, prefix: u8) -> Self {
        let network = match network {
            IpAddr::V4(network) => IpAddr::V4(masked_v4(network, prefix)),
            IpAddr::V6(network) => IpAddr::V6(masked(network, prefix)),
        };
        Self { network, prefix }
    }
}

/// The network of one address.
impl From<IpAddr> for Net {
    fn from(address: IpAddr) -> Self {
        let address = canonical(address);
        Self::cut(address, bits(address))
    }
}

impl FromStr for Net {
    type Err = InvalidNet;

    fn from_str(text: &str) -> Result<Self, InvalidNet> {
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse().map(IpAddr::into).map_err(|_| InvalidNet);
        };
        let written: IpAddr = address.parse().map_err(|_| InvalidNet)?;
        let prefix: u8 = Some(prefix)
            .filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|prefix| prefix.parse().ok())
            .filter(|prefix| *prefix <= bits(written))
            .ok_or(InvalidNet)?;
        // An IPv4 network in IPv6 clothes, if all of the clothes are named.
        match canonical(written) {
            IpAddr::V4(network) if written.is_ipv6() && prefix >= 96 => {
                Ok(Self::cut(network.into(), prefix - 96))
            }
            _ => Ok(Self::cut(written, prefix)),
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// The text is no network: not an address, or a prefix longer than the address.
///
/// ```
/// use seawall::http::Net;
/// let error = "10.0.0.0/33".parse::<Net>().unwrap_err();
/// assert_eq!(error.to_string(), "a network is written like 10.0.0.0/8 or fd00::/8");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is written like 10.0.0.0/8 or fd00::/8")]
pub struct InvalidNet;

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// An IPv4 client is one, however its address comes: plain, mapped into IPv6, or through NAT64 (RFC 6052).
pub(super) const fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                IpAddr::V4(Ipv4Addr::from_bits((high as u32) << 16 | low as u32))
            }
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}

/// The first `prefix` bits; above 128 are all.
pub(super) const fn masked(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let beyond = 128_u32.saturating_sub(prefix as u32);
    let mask = match u128::MAX.checked_shl(beyond) {
        Some(mask) => mask,
        None => 0,
    };
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

const fn masked_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let beyond = 32_u32.saturating_sub(prefix as u32);
    let mask = match u32::MAX.checked_shl(beyond) {
        Some(mask) => mask,
        None => 0,
    };
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_network_is_parsed_or_refused() {
        let shown = |text: &str| text.parse::<Net>().map(|net| net.to_string());
        assert_eq!(shown("10.1.2.3/8").as_deref(), Ok("10.0.0.0/8"));
        assert_eq!(shown("0.0.0.0/0").as_deref(), Ok("0.0.0.0/0"));
        assert_eq!(shown("192.0.2.7").as_deref(), Ok("192.0.2.7/32"));
        assert_eq!(shown("fd00::1/8").as_deref(), Ok("fd00::/8"));
        assert_eq!(shown("::/0").as_deref(), Ok("::/0"));
        assert_eq!(shown("::ffff:10.0.0.0/104").as_deref(), Ok("10.0.0.0/8"));
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "x/8",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(shown(text), Err(InvalidNet), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[%:./0-9a-fx ]{0,48}") {
            let _ = text.parse::<Net>();
        }

        #[test]
        fn a_network_holds_what_shares_its_prefix(ip in any::<u128>(), other in any::<u128>(), prefix in 0_u8..=128) {
            let (ip, other) = (Ipv6Addr::from_bits(ip), Ipv6Addr::from_bits(other));
            let shared = (ip.to_bits() ^ other.to_bits()).leading_zeros() >= u32::from(prefix);
            prop_assert_eq!(masked(ip, prefix) == masked(other, prefix), shared);
        }
    }
}
