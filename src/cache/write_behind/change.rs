use crate::time::Instant;
use std::time::Duration;

/// A value, or that there is none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change<V> {
    pub(super) value: Option<V>,
    pub(super) seq: u64,
    pub(super) since: u64,
    pub(super) first_dirty: Instant,
}

/// What to store, and the how-manieth attempt it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent<K, V> {
    pub(super) key: K,
    pub(super) value: Option<V>,
    pub(super) seq: u64,
    pub(super) attempt: u32,
}

/// How a change was taken in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put<V> {
    Queued,
    /// It took the place of one that is not going to be stored.
    Coalesced(Option<V>),
}

/// How storing one key went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Stored,
    /// The source has newer.
    Outdated,
    /// Failed; at the earliest after this time once more.
    Again(Duration),
    /// Failed, and this value always will.
    Never,
}

/// What becomes of a key whose store call has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended<V> {
    /// The source has it, and it is the newest: a cache may keep it.
    Kept(Option<V>),
    /// The source has it or newer, but a newer change waits or nobody may keep it.
    Passed(Option<V>),
    /// The source has something else: whoever keeps this key must ask again.
    Unknown(Option<V>),
    /// It is tried again, or the newer change instead of it.
    Again(Option<V>),
    /// Given up on: the newest change, after so many attempts, and the value that it had replaced.
    Dead(Change<V>, u32, Option<V>),
}
