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
/// assert_eq!(found.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Found {
    endpoints: Vec<Endpoint<()>>,
    again: Again,
}

/// When a source wants to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It does not say.
    Usual,
    /// When this answer has lived so long.
    After(Duration),
    /// Always: it answers when something changes.
    Live,
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
        self.again = Again::After(ttl);
        self
    }

    /// The source answers when something changes, and not before: it is asked again after a second, and waited for.
    ///
    /// So a change after a quiet time is taken over at once, and a thousand in a row as one each second.
    ///
    /// ```
    /// let found = seawall::discover::Found::from_iter([]).live();
    /// # let _ = found;
    /// ```
    #[must_use]
    pub const fn live(mut self) -> Self {
        self.again = Again::Live;
        self
    }

    /// How many are there.
    ///
    /// ```
    /// assert_eq!(seawall::discover::Found::from_iter([]).len(), 0);
    /// ```
    #[must_use]
    pub const fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// Whether nobody is there.
    ///
    /// ```
    /// assert!(seawall::discover::Found::from_iter([]).is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Who is there, in the order in which the source told them.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::Found;
    /// assert_eq!(Found::from_iter([Endpoint::new("a", ())]).endpoints()[0].id().as_str(), "a");
    /// ```
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint<()>] {
        &self.endpoints
    }

    pub(crate) const fn again(&self) -> Again {
        self.again
    }

    pub(crate) fn into_endpoints(self) -> Vec<Endpoint<()>> {
        self.endpoints
    }
}

impl FromIterator<Endpoint<()>> for Found {
    fn from_iter<I: IntoIterator<Item = Endpoint<()>>>(endpoints: I) -> Self {
        Self { endpoints: endpoints.into_iter().collect(), again: Again::Usual }
    }
}
