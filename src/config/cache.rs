use super::document::{Checked, document, read_by};
use super::said::BadValue;
use super::scalars::{Share, Span};
use crate::cache::{self, Early, Jitter};
use std::time::Duration;

document! {
    /// How long what is cached lives.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall::config::Lifetime;
    /// let lifetime: Lifetime = serde_json::from_str(
    ///     r#"{ "ttl": "5min", "early": "90%", "stale_while_revalidate": "1min", "stale_if_error": "1h" }"#,
    /// )?;
    /// assert_eq!(lifetime.config().ttl(), std::time::Duration::from_secs(300));
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    Lifetime {
        /// Fresh for so long; must be said.
        ttl: Span,
        /// Up to this part shorter, so that what was stored together does not expire together.
        jitter: Share,
        /// Refreshed behind a hit once this part of the time is over.
        early: Share,
        /// Afterwards served as it is, and refreshed behind, for so long.
        stale_while_revalidate: Span,
        /// And when the source fails, for so long.
        stale_if_error: Span,
    }
}

impl Checked for Lifetime {
    fn check(&self) -> Result<(), BadValue> {
        match self.ttl {
            Some(_) => Ok(()),
            None => {
                Err(BadValue { field: "ttl", said: "nothing".to_owned(), may_be: r#"a duration, as "5min""# })
            }
        }
    }
}

impl Lifetime {
    /// The lifetime that it says; without a `ttl`, which only a document made by hand can lack, nothing is fresh.
    ///
    /// ```
    /// let lifetime = seawall::config::Lifetime::default().config();
    /// assert_eq!(lifetime.ttl(), std::time::Duration::ZERO);
    /// ```
    pub fn config(&self) -> cache::Lifetime {
        let mut lifetime = cache::Lifetime::of(self.ttl.map_or(Duration::ZERO, |Span(ttl)| ttl));
        if let Some(Share(ratio)) = self.jitter {
            lifetime = lifetime.jitter(Jitter::shorter(ratio));
        }
        if let Some(Share(share)) = self.early {
            lifetime = lifetime.early(Early::at(share));
        }
        if let Some(Span(window)) = self.stale_while_revalidate {
            lifetime = lifetime.stale_while_revalidate(window);
        }
        if let Some(Span(window)) = self.stale_if_error {
            lifetime = lifetime.stale_if_error(window);
        }
        lifetime
    }
}

read_by!(cache::Lifetime: Lifetime,);
