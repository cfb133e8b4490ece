/// How many slots a [`Maglev`](super::Maglev) table has: always a prime.
///
/// It is a parameter, not a function of the nodes: a jump of the size would move every key. At least 100 slots per
/// node keep the shares within 1 %.
///
/// # Examples
///
/// ```
/// use seawall::hash::TableSize;
/// assert_eq!(TableSize::default().get(), 65_537);
/// assert_eq!(TableSize::at_least(100_000).get(), 100_003);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSize(u32);

/// The largest table that Envoy allows.
const MOST: u32 = 5_000_011;

impl TableSize {
    /// The first prime from `slots` on, at most 5 000 011.
    ///
    /// ```
    /// use seawall::hash::TableSize;
    /// assert_eq!(TableSize::at_least(0).get(), 2);
    /// assert_eq!(TableSize::at_least(u32::MAX).get(), 5_000_011);
    /// ```
    #[must_use]
    pub const fn at_least(slots: u32) -> Self {
        if slots >= MOST {
            return Self(MOST);
        }
        Self(next_prime(slots))
    }

    /// The number of slots.
    ///
    /// ```
    /// assert_eq!(seawall::hash::TableSize::at_least(7).get(), 7);
    /// ```
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The same, or the first prime from which each of `nodes` can have a slot.
    pub(super) const fn for_nodes(self, nodes: usize) -> u32 {
        if nodes <= self.0 as usize { self.0 } else { next_prime(nodes as u32) }
    }
}

impl Default for TableSize {
    fn default() -> Self {
        Self(65_537)
    }
}

const fn next_prime(from: u32) -> u32 {
    let mut candidate = if from < 2 { 2 } else { from };
    while !is_prime(candidate) {
        candidate += 1;
    }
    candidate
}

const fn is_prime(n: u32) -> bool {
    let mut divisor = 2;
    while divisor as u64 * divisor as u64 <= n as u64 {
        if n.is_multiple_of(divisor) {
            return false;
        }
        divisor += 1;
    }
    n >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_the_next_prime() {
        let sizes = [0, 2, 3, 4, 8, 65_536, 65_538, 5_000_011].map(|slots| TableSize::at_least(slots).get());
        assert_eq!(sizes, [2, 2, 3, 5, 11, 65_537, 65_539, 5_000_011]);
        assert_eq!(TableSize::at_least(7).for_nodes(8), 11);
        assert_eq!(TableSize::at_least(7).for_nodes(7), 7);
    }
}
