//! The name of an instance: `Copy`, so a refusal carries it without a count.

use crate::sync::Mutex;
use std::collections::BTreeSet;
use std::fmt;

/// The name of one instance, as it stands in refusals, events and metrics.
///
/// A name is a `&'static str`; one made at run time is interned once, when its handle is built, and
/// stays for the life of the process. So name instances after what your program knows at start
/// (`"payments"`), never after what a request carries: a user's id is a key, not a name.
///
/// # Examples
///
/// ```
/// use seawall::Name;
///
/// const PAYMENTS: Name = Name::new("payments");
/// assert_eq!(PAYMENTS, Name::from(String::from("payments")));
/// assert_eq!(PAYMENTS.to_string(), "payments");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(&'static str);

impl Name {
    /// A name known at compile time.
    ///
    /// ```
    /// assert_eq!(seawall::Name::new("db").as_str(), "db");
    /// ```
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name as text.
    ///
    /// ```
    /// assert_eq!(seawall::Name::new("db").as_str(), "db");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Self(name)
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        static INTERNED: std::sync::LazyLock<Mutex<BTreeSet<&'static str>>> =
            std::sync::LazyLock::new(|| Mutex::new(BTreeSet::new()));
        let mut interned = INTERNED.lock();
        if let Some(known) = interned.get(name.as_str()) {
            return Self(known);
        }
        let name: &'static str = Box::leak(name.into_boxed_str());
        interned.insert(name);
        Self(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}
