use super::affinity::Token;
use super::pick::Key;
use super::tried::Tried;

/// What of a request a pick may look at.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Ask, Endpoint, Pool, RoundRobin, Tried};
///
/// let pool = Pool::new("api", RoundRobin::new());
/// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
/// let tried = Tried::new();
/// let (one, two) = (pool.pick_for(Ask::new().tried(&tried)), pool.pick_for(Ask::new().tried(&tried)));
/// assert_ne!(one.unwrap().id(), two.unwrap().id());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    pub(super) tried: Option<&'a Tried>,
    pub(super) key: Option<Key<'a>>,
    pub(super) token: Option<Token>,
}

impl<'a> Ask<'a> {
    /// Nothing in particular.
    ///
    /// ```
    /// let ask = seawall::balance::Ask::new();
    /// # let _ = ask;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { tried: None, key: None, token: None }
    }

    /// Passes over what earlier attempts of the request have tried, and adds what is picked.
    ///
    /// ```
    /// use seawall::balance::{Ask, Tried};
    /// let tried = Tried::new();
    /// let ask = Ask::new().tried(&tried);
    /// # let _ = ask;
    /// ```
    #[must_use]
    pub const fn tried(mut self, tried: &'a Tried) -> Self {
        self.tried = Some(tried);
        self
    }

    /// Goes by this key, where the pool picks by [`Hashed`](super::Hashed).
    ///
    /// ```
    /// let ask = seawall::balance::Ask::new().key("user-1");
    /// # let _ = ask;
    /// ```
    #[must_use]
    pub fn key(mut self, key: impl Into<Key<'a>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Goes back to the endpoint of this token, whatever its level and share, as long as it may be called at all:
    /// also while it is degraded or drains. If it may not, another one is picked, unless the pool
    /// [requires](super::Config::require_affinity) it.
    ///
    /// ```
    /// use seawall::balance::{Ask, Endpoint, Id, Pool, RoundRobin, Token};
    /// let pool = Pool::new("api", RoundRobin::new());
    /// pool.set(["a", "b"].map(|id| Endpoint::new(id, ())));
    /// let token = Token::of(&Id::from("b"));
    /// assert_eq!(pool.pick_for(Ask::new().sticky(token)).unwrap().id().as_str(), "b");
    /// ```
    #[must_use]
    pub const fn sticky(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }
}
