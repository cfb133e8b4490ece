/// What is known of an endpoint's health from the outside: by active checks, or by whoever else says so.
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, Pool, RoundRobin};
/// use seawall::health::Health;
///
/// let pool = Pool::new("api", RoundRobin::new());
/// pool.set(["a", "b", "c"].map(|id| Endpoint::new(id, ())));
/// pool.set_health("a", Health::Unhealthy);
/// assert!((0..6).all(|_| pool.pick().unwrap().id().as_str() != "a"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Health {
    /// It is picked. Unknown counts as healthy.
    #[default]
    Healthy,
    /// It is not picked, unless too many are unhealthy for that to be likely.
    Unhealthy,
    /// It answers, and not as it should be used: it gets only what those who are well cannot carry.
    Degraded,
    /// It asks to be left alone: no new calls, whatever happens.
    Draining,
}
