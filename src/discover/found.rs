use crate::balance::Endpoint;
use std::time::Duration;

/// What a source answered: everybody who is there, and for how long that may be believed.
///
/// # Examples
///
/// ```
/// use seawall::balance::Endpoint;
/// use seawall::discover::Found;
/// use std::time::Duration;
///
/// let found = Found::from_iter(["a", "b"].map(|id| Endpoint::new(id, ()))).ttl(Duration::from_secs(60));
/// # let _ = found;
/// ```
#[derive(Clone, Debug)]
pub struct Found {
    pub(crate) endpoints: Vec<Endpoint<()>>,
    pub(crate) ttl: Option<Duration>,
}

impl Found {
    /// How long the answer lives, as the source says: the next question comes then.
    ///
    /// ```
    /// use seawall::discover::Found;
    /// use std::time::Duration;
    /// let found = Found::from_iter([]).ttl(Duration::from_secs(60));
    /// # let _ = found;
    /// ```
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

impl FromIterator<Endpoint<()>> for Found {
    fn from_iter<I: IntoIterator<Item = Endpoint<()>>>(endpoints: I) -> Self {
        Self { endpoints: endpoints.into_iter().collect(), ttl: None }
    }
}
