use xxhash_rust::xxh64::xxh64;

/// A part of the members, the same wherever it is asked for, so that not every client connects to everybody.
///
/// # Examples
///
/// ```
/// use seawall::hash::Subset;
///
/// let members = (0..10).map(|i| format!("endpoint-{i}"));
/// let mine = Subset::random(5, 0).of(members);
/// assert_eq!(mine, ["endpoint-1", "endpoint-3", "endpoint-5", "endpoint-2", "endpoint-8"]);
/// ```
///
/// # Not for
///
/// An exactly even load: of random subsets some members are in more than others. [`Aperture`] is even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subset {
    size: usize,
    seed: u64,
}

impl Subset {
    /// `size` members, chosen by `seed`: one that differs from client to client (gRFC A68).
    ///
    /// ```
    /// let subset = seawall::hash::Subset::random(20, 7);
    /// # let _ = subset;
    /// ```
    #[must_use]
    pub const fn random(size: usize, seed: u64) -> Self {
        Self { size, seed }
    }

    /// The members of the subset, in the order in which they were chosen; all, if there are no more.
    ///
    /// ```
    /// use seawall::hash::Subset;
    /// assert_eq!(Subset::random(5, 0).of(["a"]), ["a"]);
    /// ```
    pub fn of<I: AsRef<str>>(self, members: impl IntoIterator<Item = I>) -> Vec<I> {
        let hash = |id: &str| xxh64(id.as_bytes(), self.seed);
        let mut members: Vec<_> = members.into_iter().map(|id| (hash(id.as_ref()), id)).collect();
        members.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.as_ref().cmp(b.1.as_ref())));
        members.truncate(self.size);
        members.into_iter().map(|(_, id)| id).collect()
    }
}

/// The part of a circle of members that one of several equal clients loads: exactly even over all clients
/// (Finagle's deterministic aperture).
///
/// # Examples
///
/// ```
/// use seawall::hash::Aperture;
/// use std::num::NonZeroU32;
///
/// // The first of 12 clients, before 24 members: half of them, each of full weight.
/// let aperture = Aperture::of(0, NonZeroU32::new(12).unwrap());
/// let shares: Vec<_> = aperture.shares(24).collect();
/// assert_eq!(shares.len(), 12);
/// assert!(shares.iter().all(|share| share.parts == 12 && share.member < 12));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aperture {
    instance: u32,
    peers: std::num::NonZeroU32,
    least: u32,
}

/// How much of one member a client loads: `parts` of as many as there are clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Share {
    /// Which member, in the order of ids.
    pub member: u32,
    /// How many parts of it, of as many as there are clients.
    pub parts: u32,
}

impl Aperture {
    /// That of client `instance` of `peers`; a number past the last wraps around.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// let aperture = seawall::hash::Aperture::of(3, NonZeroU32::new(8).unwrap());
    /// # let _ = aperture;
    /// ```
    #[must_use]
    pub const fn of(instance: u32, peers: std::num::NonZeroU32) -> Self {
        Self { instance: instance % peers.get(), peers, least: 12 }
    }

    /// At least so many members: 12 by default, so that one that fails is a twelfth of the load.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// let aperture = seawall::hash::Aperture::of(0, NonZeroU32::MIN).at_least(3);
    /// # let _ = aperture;
    /// ```
    #[must_use]
    pub const fn at_least(mut self, members: u32) -> Self {
        self.least = if members == 0 { 1 } else { members };
        self
    }

    /// The shares of this client in `n` members, in the order of the circle from where its part begins.
    ///
    /// ```
    /// use seawall::hash::Aperture;
    /// use std::num::NonZeroU32;
    /// assert_eq!(Aperture::of(0, NonZeroU32::MIN).shares(0).count(), 0);
    /// ```
    pub fn shares(self, n: u32) -> impl Iterator<Item = Share> {
        let (peers, n) = (u64::from(self.peers.get()), u64::from(n));
        // So many clients' worth of the circle cover the least number of members.
        let width = (u64::from(self.least) * peers).checked_div(n).map_or(0, |whole| {
            (whole + u64::from(!(u64::from(self.least) * peers).is_multiple_of(n))).min(peers)
        });
        // Who loads the whole circle may as well begin at its start, and meets nobody twice.
        let from = if width == peers { 0 } else { u64::from(self.instance) * n };
        let to = from + width * n;
        (from / peers..to.div_ceil(peers)).map(move |place| {
            let (begins, ends) = (place * peers, (place + 1) * peers);
            let parts = ends.min(to) - begins.max(from);
            Share { member: (place % n.max(1)) as u32, parts: parts as u32 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::num::NonZeroU32;

    proptest! {
        #[test]
        fn over_all_clients_every_member_is_loaded_alike(peers in 1u32..40, n in 1u32..60, least in 1u32..20) {
            let mut parts = vec![0u64; n as usize];
            for instance in 0..peers {
                let aperture = Aperture::of(instance, NonZeroU32::new(peers).unwrap()).at_least(least);
                let mut members = 0;
                for share in aperture.shares(n) {
                    parts[share.member as usize] += u64::from(share.parts);
                    prop_assert!(share.parts <= peers);
                    members += 1;
                }
                prop_assert!(members >= least.min(n));
            }
            prop_assert!(parts.windows(2).all(|pair| pair[0] == pair[1]), "{parts:?}");
        }
    }
}
