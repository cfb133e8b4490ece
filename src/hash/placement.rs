use super::nodes::Nodes;
use xxhash_rust::xxh3::xxh3_64;

/// Where keys live: what all placements have in common.
///
/// The mapping is part of the interface: the same mode, parameters, ids and weights give the same answer in every
/// process, on every platform, in every version. A better mapping will be a new mode.
///
/// # Examples
///
/// ```
/// use seawall::hash::{HashRing, Placement};
///
/// let ring = HashRing::new(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
/// assert_eq!(ring.lookup_key("user-1"), Some("10.0.0.3:80"));
///
/// // Where to go when that one is not well, and then, and then.
/// let all: Vec<_> = ring.successors(ring.hash(b"user-1")).collect();
/// assert_eq!(all, ["10.0.0.3:80", "10.0.0.2:80", "10.0.0.1:80"]);
/// ```
pub trait Placement {
    /// Who is placed.
    fn nodes(&self) -> &Nodes;

    /// The hash of a key.
    fn hash(&self, key: &[u8]) -> u64 {
        xxh3_64(key)
    }

    /// The index in [`nodes`](Self::nodes) of the one where keys of this hash live.
    fn first(&self, hash: u64) -> Option<usize>;

    /// The indices of all, each once, best first. Lazy; the first eight allocate nothing.
    fn walk(&self, hash: u64) -> impl Iterator<Item = usize>;

    /// The same number for the same mapping: by it two processes see that they agree.
    fn fingerprint(&self) -> u64;

    /// The one where keys of this hash live; `None` if nobody is placed.
    fn lookup(&self, hash: u64) -> Option<&str> {
        self.nodes().id(self.first(hash)?)
    }

    /// The one where this key lives.
    fn lookup_key(&self, key: impl AsRef<[u8]>) -> Option<&str> {
        self.lookup(self.hash(key.as_ref()))
    }

    /// All, each once: the one where keys of this hash live, then the one where they would live without it, and
    /// so on.
    fn successors(&self, hash: u64) -> impl Iterator<Item = &str> {
        self.walk(hash).filter_map(|index| self.nodes().id(index))
    }
}

/// Stirs a word: the two halves of its product with the golden ratio, one over the other.
#[inline]
pub(super) const fn fold(x: u64) -> u64 {
    let product = x as u128 * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}

/// Whom a walk has met: the first few in place, all of many in a bit each.
#[derive(Debug, Default)]
pub(super) struct Met {
    few: [u32; Self::FEW],
    len: usize,
    many: Vec<u64>,
}

impl Met {
    const FEW: usize = 8;

    /// Whether `index`, one of `n`, is met for the first time.
    #[inline]
    pub(super) fn is_new(&mut self, index: u32, n: usize) -> bool {
        if self.len < Self::FEW {
            if self.few[..self.len].contains(&index) {
                return false;
            }
            self.few[self.len] = index;
        } else {
            if self.many.is_empty() {
                self.many = vec![0; n.div_ceil(64)];
                self.few.into_iter().for_each(|index| self.many[index as usize / 64] |= 1 << (index % 64));
            }
            let word = &mut self.many[index as usize / 64];
            if *word & 1 << (index % 64) != 0 {
                return false;
            }
            *word |= 1 << (index % 64);
        }
        self.len += 1;
        true
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fold_is_the_published_one() {
        assert_eq!(fold(1), 11_400_714_819_323_198_485);
        assert_eq!(fold(0x1234_5678_9abc_def0), 14_013_588_220_910_115_040);
    }

    #[test]
    fn each_is_new_once() {
        let mut met = Met::default();
        for round in 0..3 {
            for index in 0..200 {
                assert_eq!(met.is_new(index, 200), round == 0);
            }
        }
        assert_eq!(met.len(), 200);
    }
}
