use std::num::NonZeroU32;
use xxhash_rust::xxh3::xxh3_64;

/// Jump consistent hash (Lamping and Veach 2014): numbered shards that grow and shrink at the end. No table, no
/// weights, no successors.
///
/// From n to n + 1 shards only the keys of the new one move, exactly 1/(n + 1) of all.
///
/// # Examples
///
/// ```
/// use seawall::hash::JumpHash;
/// use std::num::NonZeroU32;
///
/// let shards = JumpHash::new(NonZeroU32::new(10).unwrap());
/// assert_eq!(shards.lookup_key("user-0"), 7);
/// ```
///
/// # Not for
///
/// Whatever fails: a shard in the middle cannot be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JumpHash(NonZeroU32);

impl JumpHash {
    /// So many shards.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// let shards = seawall::hash::JumpHash::new(NonZeroU32::MIN);
    /// assert_eq!(shards.lookup(7), 0);
    /// ```
    #[must_use]
    pub const fn new(shards: NonZeroU32) -> Self {
        Self(shards)
    }

    /// The shard of a key that is a hash already.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// // From the paper's reference implementation.
    /// let shards = seawall::hash::JumpHash::new(NonZeroU32::new(11).unwrap());
    /// assert_eq!(shards.lookup(10_863_919_174_838_991), 6);
    /// ```
    #[must_use]
    #[inline]
    pub fn lookup(self, mut hash: u64) -> u32 {
        let (mut shard, mut next) = (0, 0);
        while next < i64::from(self.0.get()) {
            shard = next;
            hash = hash.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
            next = ((shard + 1) as f64 * ((1u64 << 31) as f64 / ((hash >> 33) + 1) as f64)) as i64;
        }
        shard as u32
    }

    /// The shard of a key.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// let shards = seawall::hash::JumpHash::new(NonZeroU32::new(10).unwrap());
    /// assert_eq!(shards.lookup_key("user-1"), 9);
    /// ```
    #[must_use]
    #[inline]
    pub fn lookup_key(self, key: impl AsRef<[u8]>) -> u32 {
        self.lookup(xxh3_64(key.as_ref()))
    }
}
