use super::crc32::crc32;
use super::md5::md5;
use super::nodes::Nodes;
use super::placement::Placement;
use super::points::Points;
use std::num::NonZeroU32;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};
use xxhash_rust::xxh64::xxh64;

/// A ring of points, many per node; a key belongs to the next point clockwise (Karger et al. 1997).
///
/// A node that leaves gives each of its keys to the next node on the ring, and nobody else's key moves; one that
/// comes takes its keys from their owners alone. The shares of n nodes with v points each stray by
/// √((n−1)/(n·v+1)) of themselves: 7.9 % with the default of 160, 3.1 % with 1000.
///
/// # Examples
///
/// ```
/// use seawall::hash::{HashRing, Placement};
///
/// let ring = HashRing::new([("a", 1), ("b", 3)]);
/// let of_b = (0..1000).filter(|key: &u32| ring.lookup_key(key.to_le_bytes()) == Some("b")).count();
/// assert!((650..850).contains(&of_b));
/// ```
///
/// # Memory
///
/// 12 bytes a point, 8 in the 32-bit modes, and half a byte of index: two megabytes for 1000 nodes of weight 1.
///
/// # Not for
///
/// An even spread: [`Maglev`](super::Maglev) is within 1 %. Few nodes: [`Rendezvous`](super::Rendezvous) needs no
/// table.
#[derive(Clone, Debug)]
#[doc(alias = "ketama")]
#[doc(alias = "consistent hashing")]
pub struct HashRing {
    nodes: Nodes,
    circle: Circle,
    mode: Mode,
    size: Size,
}

#[derive(Clone, Debug)]
enum Circle {
    Wide(Points<u64>),
    Narrow(Points<u32>),
}

/// How a [`HashRing`] makes its points and hashes its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Point k is `xxh3_64(id, seed = k)`; keys by `xxh3_64`.
    #[default]
    Xxh3,
    /// Point k is `xxh64(id + "_" + k)`; keys by `xxh64`. Envoy's and gRPC's (gRFC A42).
    Xxh64,
    /// Each point is the CRC-32 of host, a zero byte, port, and the point before; keys by CRC-32. nginx's and
    /// pingora's. The host is what stands before the last colon of the id, without brackets.
    KetamaCrc32,
    /// Each MD5 of `id-j` gives four points; keys by the first word of their MD5. libketama's, and that of the
    /// memcached clients that follow it. A node has ⌊40·n·w/W⌋ digests, whatever the [`Size`]: the points of each
    /// depend on all, and more keys move when one comes or goes.
    KetamaMd5,
}

/// How many points a [`HashRing`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(Points160);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Points160 {
    PerWeight(NonZeroU32),
    Between(u32, u32),
}

/// A ring of more points is made as `Size::between(1024, MOST)`.
const MOST: u32 = 8_388_608;

impl Size {
    /// So many points per unit of weight: 160 by default.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// let size = seawall::hash::Size::per_weight(NonZeroU32::new(1000).unwrap());
    /// # let _ = size;
    /// ```
    #[must_use]
    pub const fn per_weight(points: NonZeroU32) -> Self {
        Self(Points160::PerWeight(points))
    }

    /// Envoy's rule: at least `min` points in all, in proportion to the weights, at most `max`.
    ///
    /// The number of points of each node then depends on all of them, so more keys move when one comes or goes.
    ///
    /// ```
    /// let size = seawall::hash::Size::between(1024, 8_388_608);
    /// # let _ = size;
    /// ```
    #[must_use]
    pub const fn between(min: u32, max: u32) -> Self {
        Self(Points160::Between(min, max))
    }

    /// How many points each node has.
    fn counts(self, nodes: &Nodes) -> Vec<u32> {
        let (min, max) = match self.0 {
            Points160::PerWeight(per) => {
                let counts = nodes.weights().iter().map(|&weight| u64::from(weight) * u64::from(per.get()));
                if counts.clone().sum::<u64>() <= MOST.into() {
                    return counts.map(|count| count as u32).collect();
                }
                (1024, MOST)
            }
            Points160::Between(min, max) => (min, max.min(MOST)),
        };
        let total = u128::from(nodes.total_weight());
        let Some(least) = nodes.weights().iter().min().map(|&least| u128::from(least)) else {
            return Vec::new();
        };
        // scale = min(⌈least·min/total⌉·total/least, max), kept as a fraction of the total.
        let rounds = (least * u128::from(min)).div_ceil(total);
        let (times, of) = match rounds * total <= u128::from(max) * least {
            true => (rounds, least),
            false => (max.into(), total),
        };
        let (mut before, mut sum) = (0, 0);
        let counts = nodes.weights().iter().map(|&weight| {
            sum += u128::from(weight);
            let end = (times * sum).div_ceil(of) as u32;
            end - std::mem::replace(&mut before, end)
        });
        counts.collect()
    }
}

impl Default for Size {
    fn default() -> Self {
        const DEFAULT: NonZeroU32 = NonZeroU32::new(160).expect("not zero");
        Self::per_weight(DEFAULT)
    }
}

impl HashRing {
    /// A ring of [`Mode::Xxh3`] with 160 points per unit of weight.
    ///
    /// ```
    /// use seawall::hash::{HashRing, Placement};
    /// assert_eq!(HashRing::new(["a"]).lookup_key("anything"), Some("a"));
    /// ```
    pub fn new(nodes: impl Into<Nodes>) -> Self {
        Self::with(nodes, Mode::default(), Size::default())
    }

    /// A ring of this mode and size.
    ///
    /// ```
    /// use seawall::hash::{HashRing, Mode, Placement, Size};
    /// let ring = HashRing::with(["127.0.0.1:7777", "127.0.0.1:7778"], Mode::KetamaCrc32, Size::default());
    /// assert_eq!(ring.lookup_key("/some/path"), Some("127.0.0.1:7778"));
    /// ```
    pub fn with(nodes: impl Into<Nodes>, mode: Mode, size: Size) -> Self {
        let nodes = nodes.into();
        let counts = if mode == Mode::KetamaMd5 { digests(&nodes) } else { size.counts(&nodes) };
        let circle = match mode {
            Mode::Xxh3 => Circle::Wide(points(&nodes, &counts, xxh3)),
            Mode::Xxh64 => Circle::Wide(points(&nodes, &counts, envoy)),
            Mode::KetamaCrc32 => Circle::Narrow(points(&nodes, &counts, nginx)),
            Mode::KetamaMd5 => Circle::Narrow(points(&nodes, &counts, libketama)),
        };
        Self { nodes, circle, mode, size }
    }
}

/// The circle of what `of` makes of each id and its number of points.
fn points<H: super::points::Hash>(
    nodes: &Nodes,
    counts: &[u32],
    of: impl Fn(&str, u32, &mut dyn FnMut(H)),
) -> Points<H> {
    let mut points = Vec::with_capacity(counts.iter().map(|&count| count as usize).sum());
    for ((node, id), &count) in (0..).zip(nodes.ids()).zip(counts) {
        of(id, count, &mut |point| points.push((point, node)));
    }
    Points::of(points)
}

fn xxh3(id: &str, count: u32, put: &mut dyn FnMut(u64)) {
    (0..count).for_each(|k| put(xxh3_64_with_seed(id.as_bytes(), k.into())));
}

fn envoy(id: &str, count: u32, put: &mut dyn FnMut(u64)) {
    use std::fmt::Write;
    let mut text = format!("{id}_");
    let prefix = text.len();
    for k in 0..count {
        text.truncate(prefix);
        // Writing to a string does not fail.
        let _ = write!(text, "{k}");
        put(xxh64(text.as_bytes(), 0));
    }
}

fn nginx(id: &str, count: u32, put: &mut dyn FnMut(u32)) {
    let (host, port) = id.rsplit_once(':').unwrap_or((id, ""));
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let base = crc32(crc32(crc32(0, host.as_bytes()), &[0]), port.as_bytes());
    let mut point = 0u32;
    for _ in 0..count {
        point = crc32(base, &point.to_le_bytes());
        put(point);
    }
}

/// How many digests each node has in libketama: forty for each node on the average, by weight.
fn digests(nodes: &Nodes) -> Vec<u32> {
    let (total, n) = (u128::from(nodes.total_weight()), nodes.len() as u128);
    let of = |&weight: &u32| (40 * n * u128::from(weight)).checked_div(total).unwrap_or_default() as u32;
    nodes.weights().iter().map(of).collect()
}

fn libketama(id: &str, count: u32, put: &mut dyn FnMut(u32)) {
    for digest in 0..count {
        md5(format!("{id}-{digest}").as_bytes()).into_iter().for_each(&mut *put);
    }
}

impl Placement for HashRing {
    fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        match self.mode {
            Mode::Xxh3 => xxh3_64(key),
            Mode::Xxh64 => xxh64(key, 0),
            Mode::KetamaCrc32 => crc32(0, key).into(),
            Mode::KetamaMd5 => md5(key)[0].into(),
        }
    }

    #[inline]
    fn first(&self, hash: u64) -> Option<usize> {
        match &self.circle {
            Circle::Wide(points) => points.node(hash),
            Circle::Narrow(points) => points.node(hash as u32),
        }
    }

    fn walk(&self, hash: u64) -> impl Iterator<Item = usize> {
        let n = self.nodes.len();
        let (wide, narrow) = match &self.circle {
            Circle::Wide(points) => (Some(points.walk(hash, n)), None),
            Circle::Narrow(points) => (None, Some(points.walk(hash as u32, n))),
        };
        wide.into_iter().flatten().chain(narrow.into_iter().flatten())
    }

    fn fingerprint(&self) -> u64 {
        let mode = match self.mode {
            Mode::Xxh3 => "ring/xxh3",
            Mode::Xxh64 => "ring/xxh64",
            Mode::KetamaCrc32 => "ring/ketama_crc32",
            Mode::KetamaMd5 => "ring/ketama_md5",
        };
        let parameters = match self.size.0 {
            Points160::PerWeight(per) => [0, per.get().into()],
            Points160::Between(min, max) => [1, u64::from(min) << 32 | u64::from(max)],
        };
        self.nodes.fingerprint(mode, parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per(points: u32) -> Size {
        Size::per_weight(NonZeroU32::new(points).unwrap())
    }

    fn wide(ring: &HashRing) -> Vec<(&str, u64)> {
        let Circle::Wide(points) = &ring.circle else { panic!("a narrow ring") };
        points.list().iter().map(|&(hash, node)| (ring.nodes.id(node as usize).unwrap(), hash)).collect()
    }

    #[test]
    fn the_points_of_the_default_mode_stay_what_they_are() {
        let ring = HashRing::with(["a", "b", "c"], Mode::Xxh3, per(2));
        let points = [
            ("c", 1_505_962_308_935_319_597),
            ("b", 6_294_355_645_245_719_615),
            ("c", 10_106_114_510_314_666_011),
            ("b", 11_024_971_560_246_387_488),
            ("a", 15_201_566_949_650_179_872),
            ("a", 16_629_034_431_890_738_719),
        ];
        assert_eq!(wide(&ring), points);
    }

    #[test]
    fn the_points_of_xxh64_are_those_of_envoys_own_test() {
        let ring = HashRing::with(["127.0.0.1:80", "127.0.0.1:81"], Mode::Xxh64, per(2));
        let points = [
            ("127.0.0.1:80", 5_454_692_015_285_649_509),
            ("127.0.0.1:81", 7_859_399_908_942_313_493),
            ("127.0.0.1:80", 13_838_424_394_637_650_569),
            ("127.0.0.1:81", 16_064_866_803_292_627_174),
        ];
        assert_eq!(wide(&ring), points);
    }

    #[test]
    fn the_sizes_are_those_of_envoys_rule() {
        let nodes = Nodes::from([("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(Size::between(6, MOST).counts(&nodes), [1, 2, 3]);
        assert_eq!(Size::between(1024, MOST).counts(&nodes), [171, 342, 513]);
        assert_eq!(Size::between(1024, 3).counts(&nodes), [1, 1, 1]);
        assert_eq!(Size::between(1024, MOST).counts(&Nodes::default()), [0; 0]);
        let heavy = Nodes::from([("a", u32::MAX), ("b", u32::MAX)]);
        assert_eq!(Size::default().counts(&heavy), [512, 512]);
    }

    #[test]
    fn an_ipv6_host_stands_in_nginx_without_brackets() {
        let points = |id: &str| {
            let mut points = Vec::new();
            nginx(id, 3, &mut |point| points.push(point));
            points
        };
        assert_eq!(points("[::1]:80")[0], crc32(0, b"::1\x0080\0\0\0\0"));
        assert_eq!(points("host")[0], crc32(0, b"host\0\0\0\0\0"));
    }
}
