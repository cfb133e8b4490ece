//! Answers that other implementations and earlier versions give, and that may never change.

use seawall::hash::{
    HashRing, JumpHash, Maglev, Mode, Nodes, Placement, Rendezvous, Size, Subset, TableSize,
};
use std::num::NonZeroU32;

/// The last octets, in order, of all that follow the home of `key`.
fn octets(placement: &impl Placement, key: &str) -> String {
    let all = placement.successors(placement.hash(key.as_bytes()));
    all.map(|id| id.split_once(':').unwrap().0.rsplit('.').next().unwrap()).collect::<Vec<_>>().join(" ")
}

const THREE: [&str; 3] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];

#[test]
fn the_ring_of_the_default_mode() {
    let ring = HashRing::new(THREE);
    let expected = [
        ("user-1", "3 2 1"),
        ("user-2", "3 2 1"),
        ("user-3", "1 3 2"),
        ("user-4", "3 1 2"),
        ("user-5", "2 3 1"),
    ];
    for (key, order) in expected {
        assert_eq!(octets(&ring, key), order, "{key}");
    }
}

/// From pingora-ketama's own tests, which follow nginx.
#[test]
fn the_ring_of_nginx_and_pingora() {
    let ring = |nodes: Nodes| HashRing::with(nodes, Mode::KetamaCrc32, Size::default());
    let two = ring(["127.0.0.1:7777", "127.0.0.1:7778"].into());
    for (key, id) in [
        ("/some/path", "127.0.0.1:7778"),
        ("/some/longer/path", "127.0.0.1:7777"),
        ("/sad/zaidoon", "127.0.0.1:7778"),
    ] {
        assert_eq!(two.lookup_key(key), Some(id), "{key}");
    }
    let three = ring(["127.0.0.1:7777", "127.0.0.1:7778", "127.0.0.1:7779"].into());
    let all: Vec<_> = three.successors(three.hash(b"doghash")).collect();
    assert_eq!(all, ["127.0.0.1:7778", "127.0.0.1:7779", "127.0.0.1:7777"]);
    let weighted = ring([("127.0.0.1:12345", 1), ("127.0.0.2:12345", 2), ("127.0.0.3:12345", 3)].into());
    for (key, id) in
        [("some_key", "127.0.0.3:12345"), ("another_key", "127.0.0.3:12345"), ("last_key", "127.0.0.2:12345")]
    {
        assert_eq!(weighted.lookup_key(key), Some(id), "{key}");
    }
}

#[test]
fn rendezvous_of_equals_and_of_unequals() {
    let equal = Rendezvous::new(THREE);
    for (key, order) in [("user-1", "1 3 2"), ("user-2", "2 1 3"), ("user-3", "1 3 2")] {
        assert_eq!(octets(&equal, key), order, "{key}");
    }
    let weighted = Rendezvous::new([("a", 1), ("b", 2), ("c", 3)]);
    for (key, id) in [("user-0", "c"), ("user-2", "b"), ("user-6", "a")] {
        assert_eq!(weighted.lookup_key(key), Some(id), "{key}");
    }
}

/// From the paper's reference implementation.
#[test]
fn jump_hash_of_the_paper() {
    let buckets = |key, n| JumpHash::new(NonZeroU32::new(n).unwrap()).lookup(key);
    let of_one: Vec<_> = (1..=19).map(|n| buckets(1, n)).collect();
    assert_eq!(of_one, [0, 0, 0, 0, 0, 0, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 17, 17]);
    assert_eq!(buckets(10_863_919_174_838_991, 11), 6);
    let ten = JumpHash::new(NonZeroU32::new(10).unwrap());
    assert_eq!([0, 1, 2, 3, 4].map(|i| ten.lookup_key(format!("user-{i}"))), [7, 9, 6, 2, 1]);
}

#[test]
fn the_random_subset() {
    let members = (0..10).map(|i| format!("endpoint-{i}"));
    let chosen = Subset::random(5, 0).of(members.rev());
    assert_eq!(chosen, [1, 3, 5, 2, 8].map(|i| format!("endpoint-{i}")));
}

/// Whoever changes a mapping, changes these. A better mapping is a new mode.
#[test]
fn the_fingerprints() {
    let nodes = || Nodes::from([("10.0.0.1:80", 1), ("10.0.0.2:80", 2)]);
    let prints = [
        HashRing::new(nodes()).fingerprint(),
        HashRing::with(nodes(), Mode::Xxh64, Size::between(1024, 4096)).fingerprint(),
        HashRing::with(nodes(), Mode::KetamaCrc32, Size::default()).fingerprint(),
        Maglev::new(nodes()).fingerprint(),
        Maglev::with(nodes(), TableSize::at_least(10_000)).fingerprint(),
        Rendezvous::new(nodes()).fingerprint(),
    ];
    let mut distinct = prints.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), prints.len());
    assert_eq!(prints[0], HashRing::new([("10.0.0.2:80", 2), ("10.0.0.1:80", 1)]).fingerprint());
}

#[test]
fn a_ring_of_md5_is_libketamas() {
    // From libketama's and its clients' tests.
    let ring = HashRing::with([("r01", 100), ("r02", 100)], Mode::KetamaMd5, Size::default());
    assert_eq!(ring.lookup_key("161c6d14dae73a874ac0aa0017fb8340"), Some("r01"));
    let weights = [600, 300, 200, 350, 1000, 800, 950, 100];
    let ids = (1..=8).map(|i| format!("10.0.1.{i}"));
    let ring = HashRing::with(Nodes::weighted(ids.zip(weights)), Mode::KetamaMd5, Size::default());
    assert_eq!(ring.hash(b"SVa_]_V41)"), 443_691_461);
    assert_eq!(ring.lookup_key("SVa_]_V41)"), Some("10.0.1.7"));
}
