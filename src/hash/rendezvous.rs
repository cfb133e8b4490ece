use super::ln::minus_ln;
use super::nodes::Nodes;
use super::placement::{Placement, fold};
use xxhash_rust::xxh3::xxh3_64;

/// Each node scores each key, and the highest score wins (Thaler and Ravishankar 1996): no table, minimal moves,
/// exact weights, and the next best is as good as random.
///
/// A lookup looks at every node, about a nanosecond each.
///
/// # Examples
///
/// ```
/// use seawall::hash::{Placement, Rendezvous};
///
/// let nodes = Rendezvous::new(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
/// assert_eq!(nodes.lookup_key("user-2"), Some("10.0.0.2:80"));
///
/// // The two replicas of a key.
/// let replicas: Vec<_> = nodes.top(nodes.hash(b"user-1"), 2).collect();
/// assert_eq!(replicas, ["10.0.0.1:80", "10.0.0.3:80"]);
/// ```
///
/// # Memory
///
/// Eight bytes a node, and its id.
#[derive(Clone, Debug)]
#[doc(alias = "HRW")]
#[doc(alias = "highest random weight")]
pub struct Rendezvous {
    nodes: Nodes,
    hashes: Box<[u64]>,
    equal: bool,
}

impl Rendezvous {
    /// A rendezvous of these nodes.
    ///
    /// ```
    /// use seawall::hash::{Placement, Rendezvous};
    /// assert_eq!(Rendezvous::new([("a", 1), ("b", 0)]).lookup(7), Some("a"));
    /// ```
    pub fn new(nodes: impl Into<Nodes>) -> Self {
        let nodes = nodes.into();
        Self {
            hashes: nodes.ids().map(|id| xxh3_64(id.as_bytes())).collect(),
            equal: nodes.are_equal(),
            nodes,
        }
    }

    /// The best `k` for keys of this hash, best first: a set of replicas, a shuffle shard. It allocates nothing.
    ///
    /// ```
    /// use seawall::hash::Rendezvous;
    /// assert_eq!(Rendezvous::new(["a", "b", "c"]).top(7, 2).count(), 2);
    /// ```
    pub fn top(&self, hash: u64, k: usize) -> impl Iterator<Item = &str> {
        self.successors(hash).take(k)
    }

    /// What `index` is worth for keys of this hash. Comparable as it stands: a positive number's bits are ordered
    /// as the number is.
    #[inline]
    fn value(&self, index: usize, hash: u64) -> u64 {
        let score = fold(self.hashes[index] ^ hash);
        if self.equal {
            return score;
        }
        (f64::from(self.nodes.weight(index)) / minus_ln(sample(score))).to_bits()
    }

    /// The best of unequal weights. The logarithm is only taken of who may win: as −ln u is at least 1 − u, the
    /// value w / −ln u is at most w / (1 − u).
    #[inline]
    fn heaviest(&self, hash: u64) -> Option<usize> {
        // Far wider than both roundings, so that whoever is passed over has surely lost.
        const SURELY: f64 = 1.0 - 1e-9;
        let (mut best, mut worth) = (None, 0.0);
        for (index, (&node, &weight)) in self.hashes.iter().zip(self.nodes.weights()).enumerate() {
            let (sample, weight) = (sample(fold(node ^ hash)), f64::from(weight));
            if weight < worth * (1.0 - sample) * SURELY {
                continue;
            }
            let value = weight / minus_ln(sample);
            if best.is_none() || value > worth {
                (best, worth) = (Some(index), value);
            }
        }
        best
    }

    /// The best of those that come after `last`; the lower one on ties.
    #[inline]
    fn best_after(&self, hash: u64, last: Option<(u64, usize)>) -> Option<(u64, usize)> {
        let mut best: Option<(u64, usize)> = None;
        for index in 0..self.hashes.len() {
            let value = self.value(index, hash);
            let comes = last.is_none_or(|(worth, at)| value < worth || value == worth && index > at);
            if comes && best.is_none_or(|(worth, _)| value > worth) {
                best = Some((value, index));
            }
        }
        best
    }
}

/// The score as a number between 0 and 1, neither of them.
#[inline]
fn sample(score: u64) -> f64 {
    ((score >> 11) as f64 + 0.5) * (1.0 / (1u64 << 53) as f64)
}

impl Placement for Rendezvous {
    fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    #[inline]
    fn first(&self, hash: u64) -> Option<usize> {
        if !self.equal {
            return self.heaviest(hash);
        }
        // Without a branch that the scores decide; of equal ones the first wins.
        let best = self.hashes.iter().map(|&node| fold(node ^ hash)).max()?;
        self.hashes.iter().position(|&node| fold(node ^ hash) == best)
    }

    fn walk(&self, hash: u64) -> impl Iterator<Item = usize> {
        let first = self.best_after(hash, None);
        std::iter::successors(first, move |&last| self.best_after(hash, Some(last))).map(|(_, index)| index)
    }

    fn fingerprint(&self) -> u64 {
        self.nodes.fingerprint("rendezvous", [0, 0])
    }
}
