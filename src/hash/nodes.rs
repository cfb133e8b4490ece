use xxhash_rust::xxh3::xxh3_64;

/// The members of a placement: in the order of their ids, each once, with a weight above zero.
///
/// # Examples
///
/// ```
/// use seawall::hash::Nodes;
///
/// let nodes = Nodes::weighted([("b", 2), ("a", 1), ("drained", 0)]);
/// assert_eq!(nodes.ids().collect::<Vec<_>>(), ["a", "b"]);
/// assert_eq!(nodes.total_weight(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    ids: Box<[Box<str>]>,
    weights: Box<[u32]>,
}

impl Nodes {
    /// Members of weight 1.
    ///
    /// ```
    /// assert_eq!(seawall::hash::Nodes::equal(["a", "b"]).len(), 2);
    /// ```
    pub fn equal<I: Into<Box<str>>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self::weighted(ids.into_iter().map(|id| (id, 1)))
    }

    /// Members with weights. One of weight 0 is not placed; of two with one id the last counts.
    ///
    /// ```
    /// use seawall::hash::Nodes;
    /// assert_eq!(Nodes::weighted([("a", 1), ("a", 0)]).len(), 0);
    /// ```
    pub fn weighted<I: Into<Box<str>>>(members: impl IntoIterator<Item = (I, u32)>) -> Self {
        let mut members: Vec<(Box<str>, u32)> =
            members.into_iter().map(|(id, weight)| (id.into(), weight)).collect();
        // The sort is stable, so that the last of equal ids stands last.
        members.sort_by(|a, b| a.0.cmp(&b.0));
        members.reverse();
        members.dedup_by(|a, b| a.0 == b.0);
        members.reverse();
        members.retain(|&(_, weight)| weight > 0);
        let (ids, weights): (Vec<_>, Vec<_>) = members.into_iter().unzip();
        Self { ids: ids.into(), weights: weights.into() }
    }

    /// How many are placed.
    ///
    /// ```
    /// assert_eq!(seawall::hash::Nodes::default().len(), 0);
    /// ```
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none is placed.
    ///
    /// ```
    /// assert!(seawall::hash::Nodes::default().is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids, in order.
    ///
    /// ```
    /// use seawall::hash::Nodes;
    /// assert_eq!(Nodes::equal(["b", "a"]).ids().next(), Some("a"));
    /// ```
    #[must_use]
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.ids.iter().map(|id| &**id)
    }

    /// The id at `index`.
    ///
    /// ```
    /// use seawall::hash::Nodes;
    /// assert_eq!(Nodes::equal(["b", "a"]).id(1), Some("b"));
    /// ```
    #[must_use]
    pub fn id(&self, index: usize) -> Option<&str> {
        self.ids.get(index).map(|id| &**id)
    }

    /// The weight at `index`; 0 past the end.
    ///
    /// ```
    /// use seawall::hash::Nodes;
    /// assert_eq!(Nodes::weighted([("a", 7)]).weight(0), 7);
    /// ```
    #[must_use]
    pub fn weight(&self, index: usize) -> u32 {
        self.weights.get(index).copied().unwrap_or_default()
    }

    /// The sum of the weights.
    ///
    /// ```
    /// use seawall::hash::Nodes;
    /// assert_eq!(Nodes::weighted([("a", u32::MAX), ("b", 1)]).total_weight(), 1 << 32);
    /// ```
    #[must_use]
    pub fn total_weight(&self) -> u64 {
        self.weights.iter().map(|&weight| u64::from(weight)).sum()
    }

    pub(super) fn weights(&self) -> &[u32] {
        &self.weights
    }

    pub(super) fn are_equal(&self) -> bool {
        self.weights.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// A number that is the same for the same mode, parameters, ids and weights, and else as good as different.
    pub(super) fn fingerprint(&self, mode: &str, parameters: [u64; 2]) -> u64 {
        let mut text = Vec::from(mode);
        for parameter in parameters {
            text.extend(parameter.to_le_bytes());
        }
        for (id, weight) in self.ids.iter().zip(&self.weights) {
            text.extend((id.len() as u64).to_le_bytes());
            text.extend(id.as_bytes());
            text.extend(weight.to_le_bytes());
        }
        xxh3_64(&text)
    }
}

impl<const N: usize> From<[&str; N]> for Nodes {
    fn from(ids: [&str; N]) -> Self {
        Self::equal(ids)
    }
}

impl<const N: usize> From<[(&str, u32); N]> for Nodes {
    fn from(members: [(&str, u32); N]) -> Self {
        Self::weighted(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_one_id_counts_and_the_order_of_arrival_does_not() {
        let nodes = Nodes::weighted([("b", 1), ("a", 5), ("b", 7), ("a", 2)]);
        assert_eq!(nodes, Nodes::weighted([("a", 2), ("b", 7)]));
        assert_eq!(
            nodes.fingerprint("x", [1, 2]),
            Nodes::from([("b", 7), ("a", 2)]).fingerprint("x", [1, 2])
        );
        assert_ne!(nodes.fingerprint("x", [1, 2]), nodes.fingerprint("x", [1, 3]));
        assert_ne!(nodes.fingerprint("x", [1, 2]), Nodes::from(["a", "b"]).fingerprint("x", [1, 2]));
    }
}
