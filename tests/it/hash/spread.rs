//! Shares stray no further from the weights than is stated.

use seawall::Chance;
use seawall::hash::{HashRing, Maglev, Nodes, Placement, Rendezvous, Size};
use std::num::NonZeroU32;

/// The share of each node in a hundred thousand keys, as a multiple of what it should be.
fn shares(placement: &impl Placement) -> Vec<f64> {
    const KEYS: u32 = 100_000;
    let nodes = placement.nodes();
    let (mut counts, mut chance) = (vec![0u32; nodes.len()], Chance::seeded(1));
    for _ in 0..KEYS {
        counts[placement.first(chance.draw()).unwrap()] += 1;
    }
    let due = |index| f64::from(nodes.weight(index)) / nodes.total_weight() as f64 * f64::from(KEYS);
    counts.iter().enumerate().map(|(index, &count)| f64::from(count) / due(index)).collect()
}

fn deviation(shares: &[f64]) -> f64 {
    (shares.iter().map(|share| (share - 1.0).powi(2)).sum::<f64>() / shares.len() as f64).sqrt()
}

fn nodes(n: usize) -> Nodes {
    Nodes::equal((0..n).map(|i| format!("10.0.0.{i}:80")))
}

#[test]
fn a_ring_strays_by_about_the_root_of_its_points() {
    for (points, stated) in [(160u32, 0.079), (1000, 0.031)] {
        let size = Size::per_weight(NonZeroU32::new(points).unwrap());
        let seen = deviation(&shares(&HashRing::with(nodes(50), Default::default(), size)));
        // On both sides: too even would be another mapping.
        assert!((stated * 0.6..stated * 1.5).contains(&seen), "{points}: {seen}");
    }
}

#[test]
fn maglev_is_even_within_a_hundredth() {
    let table = Maglev::new(nodes(50));
    let mut counts = vec![0u32; 50];
    (0..65_537).for_each(|slot| counts[table.first(slot).unwrap()] += 1);
    assert!(counts.iter().all(|&count| (1310..=1311).contains(&count)), "{counts:?}");
}

#[test]
fn rendezvous_keeps_any_weights() {
    let equal = shares(&Rendezvous::new(nodes(20)));
    assert!(equal.iter().all(|share| (0.94..1.06).contains(share)), "{equal:?}");
    let weighted = shares(&Rendezvous::new([("a", 1), ("b", 10), ("c", 100), ("d", 3)]));
    assert!(weighted.iter().all(|share| (0.9..1.1).contains(share)), "{weighted:?}");
}

#[test]
fn the_second_homes_of_a_nodes_keys_are_spread() {
    // So that one that is out, or overloaded, does not bury its neighbour.
    fn worst(placement: &impl Placement) -> f64 {
        let (mut seconds, mut chance) = (vec![0u32; placement.nodes().len()], Chance::seeded(2));
        let mut all = 0;
        while all < 20_000 {
            let hash = chance.draw();
            let mut walk = placement.walk(hash);
            if walk.next() == Some(0) {
                seconds[walk.next().unwrap()] += 1;
                all += 1;
            }
        }
        f64::from(*seconds.iter().max().unwrap()) / f64::from(all) * (seconds.len() - 1) as f64
    }
    assert!(worst(&Rendezvous::new(nodes(10))) < 1.1);
    assert!(worst(&Maglev::new(nodes(10))) < 1.2);
    assert!(worst(&HashRing::new(nodes(10))) < 2.0);
}

#[test]
fn one_has_all_and_none_has_nothing() {
    fn check<P: Placement>(place: impl Fn(Nodes) -> P) {
        let (one, none) = (place(Nodes::from(["a"])), place(Nodes::from([("a", 0)])));
        for hash in [0, 1, u64::MAX, 1 << 63] {
            assert_eq!(one.successors(hash).collect::<Vec<_>>(), ["a"]);
            assert_eq!(one.lookup(hash), Some("a"));
            assert_eq!((none.lookup(hash), none.walk(hash).next()), (None, None));
        }
        assert!(one.lookup_key("").is_some());
    }
    check(HashRing::new);
    check(|nodes| HashRing::with(nodes, seawall::hash::Mode::KetamaCrc32, Size::default()));
    check(Maglev::new);
    check(Rendezvous::new);
}
