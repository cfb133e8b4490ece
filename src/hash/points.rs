use super::placement::Met;

/// Points on a circle, and whose they are; `H` is as wide as the mode's hash.
///
/// The points are put in order by their top bits first, so that the order costs one pass over the buckets, and the
/// same buckets lead a lookup to the few points among which it must search.
#[derive(Clone, Debug)]
pub(super) struct Points<H> {
    hashes: Box<[H]>,
    nodes: Box<[u32]>,
    /// Where each bucket begins, and behind the last one where it ends.
    starts: Box<[u32]>,
    /// The bits of a hash below those that name its bucket.
    shift: u32,
}

/// What a hash must be able to do: be compared, and say its bucket.
pub(super) trait Hash: Copy + Ord {
    const BITS: u8;
    fn wide(self) -> u64;
}

impl Hash for u64 {
    const BITS: u8 = 64;
    #[inline]
    fn wide(self) -> u64 {
        self
    }
}

impl Hash for u32 {
    const BITS: u8 = 32;
    #[inline]
    fn wide(self) -> u64 {
        self.into()
    }
}

impl<H: Hash> Points<H> {
    /// The circle of these points; of equal ones that of the lower node stays.
    pub(super) fn of(mut points: Vec<(H, u32)>) -> Self {
        // About eight to a bucket: few enough to search, and half a byte of index per point.
        let bits = (points.len() / 8).max(2).ilog2();
        let shift = u32::from(H::BITS) - bits;
        let bucket = |hash: H| (hash.wide() >> shift) as usize;
        let mut starts = vec![0u32; (1 << bits) + 1];
        for &(hash, _) in &points {
            starts[bucket(hash) + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        // Each point to its bucket, in the order of arrival, and then to its place there.
        let mut ends = starts.clone();
        let mut dealt = points.clone();
        for &point in &points {
            let end = &mut ends[bucket(point.0)];
            dealt[*end as usize] = point;
            *end += 1;
        }
        for range in starts.windows(2).map(|ends| ends[0] as usize..ends[1] as usize) {
            order(&mut dealt[range.clone()], &mut points[range]);
        }
        let (mut hashes, mut nodes): (Vec<_>, Vec<_>) = points.into_iter().unzip();
        if hashes.windows(2).any(|pair| pair[0] == pair[1]) {
            drop_repeated(&mut hashes, &mut nodes, &mut starts);
        }
        Self { hashes: hashes.into(), nodes: nodes.into(), starts: starts.into(), shift }
    }

    /// The place of the first point at or after `hash`, past the end the first of all.
    #[inline]
    fn place(&self, hash: H) -> usize {
        let bucket = (hash.wide() >> self.shift) as usize;
        let (from, to) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        // Of so few, counting beats searching: no branch depends on the hash.
        let before = self.hashes[from..to].iter().filter(|&&point| point < hash).count();
        match from + before {
            place if place < self.hashes.len() => place,
            _ => 0,
        }
    }

    /// The node of `hash`; `None` on an empty circle.
    #[inline]
    pub(super) fn node(&self, hash: H) -> Option<usize> {
        self.nodes.get(self.place(hash)).map(|&node| node as usize)
    }

    /// The nodes clockwise from `hash`, each of the `n` once; those without a point come last.
    pub(super) fn walk(&self, hash: H, n: usize) -> impl Iterator<Item = usize> {
        let from = self.place(hash);
        let (ahead, behind) = (&self.nodes[from..], &self.nodes[..from]);
        let rest = 0..n as u32;
        let mut met = Met::default();
        ahead
            .iter()
            .chain(behind)
            .copied()
            .chain(rest)
            .filter_map(move |node| (met.len() < n && met.is_new(node, n)).then_some(node as usize))
    }

    #[cfg(test)]
    pub(super) fn list(&self) -> Vec<(H, u32)> {
        self.hashes.iter().copied().zip(self.nodes.iter().copied()).collect()
    }
}

/// Writes the points of one bucket in order. Of a few, each one's place is how many come before it: counted, with no
/// branch that the hashes decide.
fn order<H: Hash>(points: &mut [(H, u32)], ordered: &mut [(H, u32)]) {
    const FEW: usize = 48;
    let before = |hash: H| points.iter().filter(|point| point.0 < hash).count();
    let mut taken = 0u64;
    if points.len() <= FEW {
        for &point in &*points {
            let place = before(point.0);
            taken |= 1 << place;
            ordered[place] = point;
        }
    }
    // Many, as names chosen on purpose can make them, or two at one place.
    if taken.count_ones() as usize != points.len() {
        points.sort_unstable();
        ordered.copy_from_slice(points);
    }
}

/// Of points at one place the first stays, which is the lower node's.
fn drop_repeated<H: Hash>(hashes: &mut Vec<H>, nodes: &mut Vec<u32>, starts: &mut [u32]) {
    let mut kept = 0;
    let mut from = 0;
    for end in &mut starts[1..] {
        for place in from..*end as usize {
            // Equal ones share a bucket.
            if kept == 0 || hashes[kept - 1] != hashes[place] {
                (hashes[kept], nodes[kept]) = (hashes[place], nodes[place]);
                kept += 1;
            }
        }
        (from, *end) = (*end as usize, kept as u32);
    }
    hashes.truncate(kept);
    nodes.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_equal_points_the_lower_node_keeps_one() {
        let points = Points::of(vec![(5u32, 2), (5, 1), (9, 0), (5, 1)]);
        assert_eq!(points.list(), [(5, 1), (9, 0)]);
        // The one without a point comes last.
        assert_eq!(points.walk(6, 3).collect::<Vec<_>>(), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn points_that_crowd_are_in_order_too(points in prop::collection::vec((0u32..99, 0u32..9), 0..300)) {
            let mut plain = points.clone();
            plain.sort();
            plain.dedup_by_key(|&mut (hash, _)| hash);
            prop_assert_eq!(Points::of(points).list(), plain);
        }

        #[test]
        fn a_lookup_is_the_first_point_at_or_after(
            points in prop::collection::vec((any::<u32>(), 0u32..20), 0..400),
            hashes in prop::collection::vec(any::<u32>(), 40),
        ) {
            let circle = Points::of(points.clone());
            let mut plain = points;
            plain.sort();
            plain.dedup_by_key(|&mut (hash, _)| hash);
            prop_assert_eq!(circle.list(), plain.clone());
            for hash in hashes.into_iter().chain([0, u32::MAX]).chain(plain.iter().map(|p| p.0)) {
                let first = plain.iter().find(|&&(point, _)| point >= hash).or_else(|| plain.first());
                prop_assert_eq!(circle.node(hash), first.map(|&(_, node)| node as usize));
                let walked: Vec<_> = circle.walk(hash, 20).collect();
                prop_assert_eq!(walked.len(), 20);
                prop_assert_eq!(walked.first().copied(), first.map_or(Some(0), |&(_, node)| Some(node as usize)));
            }
        }
    }
}
