use super::id::Id;
use super::member::Member;
use crate::health::Health;
use crate::name::Name;
use crate::time::Instant;
use std::time::Duration;

/// One endpoint as it stood at one moment, for a status page; see [`Pool::endpoints`](super::Pool::endpoints).
///
/// # Examples
///
/// ```
/// use seawall::balance::{Endpoint, Pool, RoundRobin, State};
///
/// let pool = Pool::new("api", RoundRobin::new());
/// pool.insert(Endpoint::new("a", ()).weight(2));
/// let status = &pool.endpoints()[0];
/// assert_eq!((status.id.as_str(), status.weight, status.in_flight), ("a", 2, 0));
/// assert_eq!(status.state, State::In);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What it is known by.
    pub id: Id,
    /// The number that its events carry.
    pub serial: u32,
    /// Its weight.
    pub weight: u32,
    /// Its level.
    pub level: u8,
    /// Its zone, if known.
    pub zone: Option<Name>,
    /// Calls in flight there.
    pub in_flight: u32,
    /// Whether it is picked, and if not, why.
    pub state: State,
}

/// Whether an endpoint is picked, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It is picked.
    In,
    /// It is picked only as far as those who are well cannot carry the calls.
    Degraded,
    /// Of weight 0, or it asked to be left alone: it gets no new calls.
    Drained,
    /// Its checks fail.
    Unhealthy,
    /// It failed real calls, and is left out.
    Ejected {
        /// For so long still.
        rest: Duration,
    },
    /// It could not be reached, and rests.
    Unready {
        /// For so long still.
        rest: Duration,
    },
}

impl Status {
    pub(super) fn of<S>(member: &Member<S>, now: Instant) -> Self {
        let endpoint = &member.endpoint;
        let state = match (member.live.rests_until(now), member.live.ejected_until(now)) {
            _ if !member.is_there() => State::Drained,
            (Some(until), _) => State::Unready { rest: until - now },
            (None, Some(until)) => State::Ejected { rest: until - now },
            (None, None) if member.live.health() == Health::Unhealthy => State::Unhealthy,
            (None, None) if member.live.health() == Health::Degraded => State::Degraded,
            (None, None) => State::In,
        };
        Self {
            id: endpoint.id.clone(),
            serial: member.live.serial(),
            weight: endpoint.weight,
            level: endpoint.level,
            zone: endpoint.zone,
            in_flight: member.live.in_flight(),
            state,
        }
    }
}
