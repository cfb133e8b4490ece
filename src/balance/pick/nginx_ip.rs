use crate::hash::Nodes;
use std::net::IpAddr;

/// nginx's `ip_hash`: a number below 6271 from the address, and from it a place among the weights.
#[derive(Debug)]
pub(crate) struct NginxIp {
    /// Running sums of the weights, in the order of the ids.
    sums: Box<[u64]>,
}

impl NginxIp {
    pub(crate) fn of(nodes: &Nodes) -> Self {
        let weights = (0..nodes.len()).map(|index| u64::from(nodes.weight(index)));
        let sums = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    pub(crate) fn first(&self, hash: u64) -> Option<usize> {
        let x = hash.checked_rem(*self.sums.last()?)?;
        Some(self.sums.partition_point(|&sum| sum <= x))
    }

    /// The first, and who follows it in the order of ids.
    pub(crate) fn walk(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let (first, n) = (self.first(hash).unwrap_or_default(), self.sums.len());
        (first..n).chain(0..first)
    }
}

/// nginx's hash of an address: of the first three bytes of IPv4, of all sixteen of IPv6.
pub(crate) fn nginx_ip(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => nginx_bytes(&v4.octets()[..3]),
        IpAddr::V6(v6) => nginx_bytes(&v6.octets()),
    }
}

pub(crate) fn nginx_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().fold(89, |hash, &byte| (hash * 113 + u64::from(byte)) % 6271)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(nodes: [(&str, u32); 2], clients: impl Iterator<Item = [u8; 4]>) -> [usize; 2] {
        let of = NginxIp::of(&Nodes::from(nodes));
        clients.fold([0, 0], |mut seen, client| {
            seen[of.first(nginx_ip(client.into())).unwrap()] += 1;
            seen
        })
    }

    #[test]
    fn thirty_networks_are_halved_as_in_nginxs_own_test() {
        assert_eq!(picked([("a", 1), ("b", 1)], (1..=30).map(|i| [127, 0, i, 2])), [15, 15]);
        // Of one network all go to one place.
        let seen = picked([("a", 1), ("b", 1)], (1..=30).map(|i| [10, 1, 2, i]));
        assert!(seen.contains(&30), "{seen:?}");
        let [light, heavy] = picked([("a", 1), ("b", 3)], (0..=255).map(|i| [10, 1, i, 1]));
        assert!((44..=84).contains(&light) && light + heavy == 256, "{light}");
    }

    #[test]
    fn who_does_not_fit_is_followed_by_the_next() {
        let of = NginxIp::of(&Nodes::from([("a", 1), ("b", 1)]));
        let walked: Vec<_> = of.walk(1).collect();
        assert_eq!(walked, [1, 0]);
        assert_eq!(NginxIp::of(&Nodes::default()).first(7), None);
        assert_eq!(NginxIp::of(&Nodes::default()).walk(7).count(), 0);
    }
}
