use crate::balance::Endpoint;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What the name system said of one name; no addresses is an answer too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) ttl: Option<Duration>,
}

/// The addresses of one name as each family of them was last known.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    v4: Vec<IpAddr>,
    v6: Vec<IpAddr>,
}

impl Known {
    /// Both families together. Where one of the questions failed, its last good answer stands in: a name server
    /// that chokes on AAAA does not take the IPv6 endpoints away, and does not keep the others from changing.
    pub(super) fn merge<E>(
        &mut self,
        v4: Result<Addresses, E>,
        v6: Result<Addresses, E>,
    ) -> Result<Addresses, E> {
        let (mut error, mut ttl) = (None, None);
        for (known, answer) in [(&mut self.v4, v4), (&mut self.v6, v6)] {
            match answer {
                Ok(answer) => {
                    *known = answer.addresses;
                    ttl = soonest(ttl, answer.ttl);
                }
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        let addresses = self.addresses();
        match error {
            // Nothing was learnt, or only that there is nothing where it could be asked.
            Some(error) if ttl.is_none() || addresses.is_empty() => Err(error),
            _ => Ok(Addresses { addresses, ttl }),
        }
    }

    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        self.v4.iter().chain(&self.v6).copied().collect()
    }
}

pub(super) fn soonest(one: Option<Duration>, two: Option<Duration>) -> Option<Duration> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

/// A server that a service record (RFC 2782) names, with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) addresses: Vec<IpAddr>,
}

/// So many times the weight of a server of weight 0 is that of one of weight 1, where both stand side by side: RFC
/// 2782 wants the former to be chosen seldom, and a weight of 0 would drain it.
const SELDOM: u32 = 100;

/// The endpoints of a service: the lowest priority is level 0, the next one level 1. An address that several records
/// lead to gets the weight of all of those on its first level, and the host of the first.
pub(super) fn endpoints(servers: &[Server]) -> Vec<Endpoint<()>> {
    let mut priorities: Vec<_> = servers.iter().map(|server| server.priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    let mut found: BTreeMap<SocketAddr, (u8, u32, &str)> = BTreeMap::new();
    for (level, priority) in priorities.into_iter().enumerate() {
        let level = level.try_into().unwrap_or(u8::MAX);
        let peers = || servers.iter().filter(|server| server.priority == priority);
        let mixed = peers().any(|server| server.weight == 0) && peers().any(|server| server.weight > 0);
        for server in peers() {
            let weight = (u32::from(server.weight) * if mixed { SELDOM } else { 1 }).max(1);
            for &address in &server.addresses {
                let address = SocketAddr::new(address, server.port);
                let (first, sum, _) = found.entry(address).or_insert((level, 0, &server.host));
                if *first == level {
                    *sum = sum.saturating_add(weight);
                }
            }
        }
    }
    let endpoint = |(address, (level, weight, host)): (SocketAddr, _)| {
        Endpoint::new(address, ()).level(level).weight(weight).host(host)
    };
    found.into_iter().map(endpoint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(ttl: u64, addresses: &[&str]) -> Result<Addresses, &'static str> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Ok(Addresses { addresses, ttl: Some(Duration::from_secs(ttl)) })
    }

    #[test]
    fn both_families_count_and_the_shorter_life() {
        let mut known = Known::default();
        let merged = known.merge(answer(60, &["10.0.0.1"]), answer(9, &["::1"]));
        assert_eq!(merged, answer(9, &["10.0.0.1", "::1"]));
        assert_eq!(known.merge(answer(60, &[]), answer(9, &[])), answer(9, &[]));
    }

    #[test]
    fn of_half_an_answer_the_other_half_is_what_it_was() {
        let mut known = Known::default();
        assert_eq!(known.merge(answer(60, &["10.0.0.1"]), Err("no")), answer(60, &["10.0.0.1"]));
        known.merge(answer(60, &["10.0.0.1"]), answer(60, &["::1"])).unwrap();
        assert_eq!(known.merge(answer(60, &["10.0.0.2"]), Err("no")), answer(60, &["10.0.0.2", "::1"]));
        assert_eq!(known.merge(Err("no"), answer(60, &["::2"])), answer(60, &["10.0.0.2", "::2"]));
        assert_eq!(known.merge(Err("one"), Err("two")), Err("one"));
        assert_eq!(known.merge(answer(60, &[]), answer(60, &["::2"])), answer(60, &["::2"]));
    }

    #[test]
    fn nothing_beside_a_failure_is_a_failure() {
        let mut known = Known::default();
        assert_eq!(known.merge(Err("no"), answer(60, &[])), Err("no"));
    }

    fn server(priority: u16, weight: u16, port: u16, addresses: &[&str]) -> Server {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Server { host: "a.test.".to_owned(), priority, weight, port, addresses }
    }

    fn told(servers: &[Server]) -> Vec<(String, u8, u32)> {
        let level_and_weight = |found: &Endpoint<()>| {
            let is = |level, weight| {
                found.is_as(&Endpoint::new("", ()).level(level).weight(weight).host("a.test"))
            };
            (0..=255).flat_map(|level| (0..=500).map(move |weight| (level, weight))).find(|&(l, w)| is(l, w))
        };
        endpoints(servers)
            .iter()
            .map(|found| {
                let (level, weight) = level_and_weight(found).unwrap();
                (found.id().to_string(), level, weight)
            })
            .collect()
    }

    #[test]
    fn priorities_are_levels_and_weights_are_weights() {
        let servers = [
            server(20, 1, 80, &["10.0.0.3"]),
            server(10, 3, 80, &["10.0.0.1"]),
            server(10, 1, 81, &["10.0.0.2", "::1"]),
        ];
        let is = |id: &str, level, weight| (id.to_owned(), level, weight);
        assert_eq!(
            told(&servers),
            [is("10.0.0.1:80", 0, 3), is("10.0.0.2:81", 0, 1), is("10.0.0.3:80", 1, 1), is("[::1]:81", 0, 1)]
        );
    }

    #[test]
    fn a_weight_of_zero_is_seldom_and_not_never() {
        let weights = |servers: &[Server]| told(servers).into_iter().map(|told| told.2).collect::<Vec<_>>();
        assert_eq!(weights(&[server(1, 0, 80, &["10.0.0.1"]), server(1, 0, 80, &["10.0.0.2"])]), [1, 1]);
        assert_eq!(weights(&[server(1, 0, 80, &["10.0.0.1"]), server(1, 5, 80, &["10.0.0.2"])]), [1, 500]);
    }

    #[test]
    fn an_address_named_twice_is_one_endpoint() {
        let twice = [
            server(1, 2, 80, &["10.0.0.1"]),
            server(1, 3, 80, &["10.0.0.1"]),
            server(2, 9, 80, &["10.0.0.1"]),
        ];
        assert_eq!(told(&twice), [("10.0.0.1:80".to_owned(), 0, 5)]);
    }
}
