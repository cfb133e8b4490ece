//! When a node comes or goes, only its own keys move. Maglev moves a few more, within a bound.

use proptest::prelude::*;
use seawall::hash::{HashRing, Maglev, Mode, Nodes, Placement, Rendezvous, Size};
use std::num::NonZeroU32;

/// Some members with weights, one of them to be taken out, and keys.
fn members() -> impl Strategy<Value = (Vec<(String, u32)>, usize)> {
    prop::collection::btree_map("[a-z]{1,4}:[0-9]{2}", 1u32..4, 2..12)
        .prop_flat_map(|members| {
            (Just(members.into_iter().collect::<Vec<_>>()), any::<prop::sample::Index>())
        })
        .prop_map(|(members, index)| {
            let out = index.index(members.len());
            (members, out)
        })
}

fn without(members: &[(String, u32)], out: usize) -> Nodes {
    Nodes::weighted(members.iter().enumerate().filter(|&(i, _)| i != out).map(|(_, m)| (m.0.as_str(), m.1)))
}

fn all(members: &[(String, u32)]) -> Nodes {
    Nodes::weighted(members.iter().map(|(id, weight)| (id.as_str(), *weight)))
}

/// Each key keeps its order of nodes, less the one that left: so it moves only if that was its home, and then to
/// its next successor.
fn assert_minimal(before: &impl Placement, after: &impl Placement, out: &str) -> Result<(), TestCaseError> {
    for key in 0..200u32 {
        let hash = before.hash(&key.to_le_bytes());
        let (was, is): (Vec<_>, Vec<_>) =
            (before.successors(hash).filter(|&id| id != out).collect(), after.successors(hash).collect());
        prop_assert_eq!(&was, &is);
        prop_assert_eq!(before.lookup(hash), before.successors(hash).next());
        prop_assert_eq!(before.successors(hash).count(), before.nodes().len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_ring_moves_only_the_keys_of_the_one_that_left((members, out) in members()) {
        let few = Size::per_weight(NonZeroU32::new(20).unwrap());
        for mode in [Mode::Xxh3, Mode::Xxh64] {
            let ring = |nodes| HashRing::with(nodes, mode, few);
            assert_minimal(&ring(all(&members)), &ring(without(&members, out)), &members[out].0)?;
        }
    }

    #[test]
    fn a_rendezvous_moves_only_the_keys_of_the_one_that_left((members, out) in members()) {
        let before = Rendezvous::new(all(&members));
        let after = Rendezvous::new(without(&members, out));
        // Equal weights are scored otherwise than unequal ones: then both sides must be of a kind.
        let equal = |nodes: &Nodes| (0..nodes.len()).all(|i| nodes.weight(i) == nodes.weight(0));
        prop_assume!(equal(before.nodes()) == equal(after.nodes()));
        assert_minimal(&before, &after, &members[out].0)?;
    }

    #[test]
    fn a_raised_weight_only_attracts((members, up) in members()) {
        let before = HashRing::new(all(&members));
        let mut raised = members.clone();
        raised[up].1 += 1;
        let after = HashRing::new(all(&raised));
        for key in 0..500u32 {
            let hash = before.hash(&key.to_le_bytes());
            if before.lookup(hash) != after.lookup(hash) {
                prop_assert_eq!(after.lookup(hash), Some(members[up].0.as_str()));
            }
        }
    }
}

#[test]
fn equal_points_of_two_nodes_do_not_make_two_processes_disagree() {
    // A narrow ring of so many points has equal ones.
    let ids: Vec<_> = (0..1000).map(|i| format!("10.0.{}.{}:80", i / 250, i % 250)).collect();
    let ring = |ids: Vec<&str>| HashRing::with(Nodes::equal(ids), Mode::KetamaCrc32, Size::default());
    let forward = ring(ids.iter().map(String::as_str).collect());
    let backward = ring(ids.iter().rev().map(String::as_str).collect());
    for key in 0..20_000u32 {
        let key = key.to_le_bytes();
        assert_eq!(forward.lookup_key(key), backward.lookup_key(key));
    }
}

#[test]
fn maglev_moves_little_more_than_it_must() {
    for n in [3usize, 10, 50] {
        let ids: Vec<_> = (0..n).map(|i| format!("node-{i}")).collect();
        let before = Maglev::new(Nodes::equal(ids.iter().map(String::as_str)));
        let after = Maglev::new(Nodes::equal(ids[1..].iter().map(String::as_str)));
        let slots = 65_537u64;
        let moved = (0..slots).filter(|&hash| before.lookup(hash) != after.lookup(hash)).count();
        assert!(moved as f64 / slots as f64 <= 1.0 / n as f64 + 0.03, "{n}: {moved}");
    }
}

#[test]
fn jump_hash_moves_keys_only_to_the_new_shard() {
    let shards = |n| seawall::hash::JumpHash::new(NonZeroU32::new(n).unwrap());
    for n in 1..40 {
        for key in 0..500u64 {
            let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let (before, after) = (shards(n).lookup(hash), shards(n + 1).lookup(hash));
            assert!(before == after || after == n, "{n} {key}");
        }
    }
}
