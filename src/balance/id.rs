use std::borrow::Borrow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// What an endpoint is known by: usually its `host:port`, with an IPv6 host in brackets.
///
/// Everything that is counted of an endpoint belongs to its id and survives whatever else changes. The order of
/// ids, byte by byte, is the order of the endpoints; the order of arrival never matters.
///
/// # Examples
///
/// ```
/// use seawall::balance::Id;
/// use std::net::SocketAddr;
///
/// let address: SocketAddr = "[::1]:80".parse().unwrap();
/// assert_eq!(Id::from(address).as_str(), "[::1]:80");
/// assert!(Id::from("a") < Id::from("b"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Arc<str>);

impl Id {
    /// The id as text.
    ///
    /// ```
    /// assert_eq!(seawall::balance::Id::from("db-1:5432").as_str(), "db-1:5432");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Id {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for Id {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl From<SocketAddr> for Id {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string().into())
    }
}

impl From<&Self> for Id {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
