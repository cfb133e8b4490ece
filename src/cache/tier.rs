use super::lifetime::Lifetime;
use super::loaded::Loaded;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// An answer of a second tier that is under way.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A second tier between a process and its source: shared, remote, and allowed to fail.
///
/// The cache asks it inside the one load of a key, so it too is asked once for any number of callers:
///
/// ```text
///   L1 ──► flight ──► Tier::read ─┬─ Found ───────────────────────────► L1
///                                 ├─ Empty(lease) ──► loader ──► fill ─► L1
///                                 └─ Unavailable  ──► loader ──────────► L1
/// ```
///
/// Whatever it cannot answer counts as nothing: a tier fails open, and keeps its own time limits. A **lease** is its
/// leave to fill: a fence of the key in between must make `fill` answer [`Filled::Refused`], and then the value is
/// answered and not kept (Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013).
///
/// A fence comes in two steps. [`distrust`](Self::distrust) at once, before the fence is done here: from then on reads
/// and fills of what it names skip the tier. [`settle`](Self::settle) deletes there, tells the other processes and
/// trusts again; who fences with a plain verb leaves that to the tier's own driver. What other processes tell comes in
/// through the cache's `heed`, see [`Notice`].
pub trait Tier<K, V>: Send + Sync {
    /// What it has of `key`, with the age it has there ([`Loaded::age`], [`Loaded::at_most`]).
    fn read<'a>(&'a self, key: &'a K, lifetime: &'a Lifetime) -> Answering<'a, Read<V>>;

    /// Keeps what was loaded under `lease`; tags, version and lifetimes are in `loaded` and `lifetime`.
    fn fill<'a>(
        &'a self,
        key: &'a K,
        loaded: &'a Loaded<V>,
        lifetime: &'a Lifetime,
        lease: Lease,
    ) -> Answering<'a, Filled>;

    /// From now on reads and fills of this skip the tier, until it is settled there.
    fn distrust(&self, fence: &Fence<K>);

    /// Deletes there, tells the others, and trusts again.
    fn settle<'a>(&'a self, fence: Fence<K>) -> Answering<'a, Reach>;
}

/// What a tier has of a key.
#[derive(Debug)]
#[non_exhaustive]
pub enum Read<V> {
    /// A value that is fresh.
    Found(Loaded<V>),
    /// Nothing, and the leave to fill it.
    Empty(Lease),
    /// Not to be had: the load goes on without the tier.
    Unavailable,
}

/// The leave to fill one key once; the tier alone knows what the number means.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease(pub u64);

/// What became of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filled {
    /// The tier has it.
    Stored,
    /// The key was fenced in between: the value is answered, and kept nowhere.
    Refused,
    /// The tier has it or not: the value is kept here.
    Unknown,
}

/// What is fenced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fence<K> {
    /// One key, wrong from now on.
    Key(K),
    /// One key, old from now on.
    Old(K),
    /// Everything that carries a tag, wrong from now on.
    Tag(String),
    /// Everything that carries a tag, old from now on.
    OldTag(String),
    /// Everything.
    All,
}

/// What another process fenced, as its tier tells it: heeded here, and told to nobody.
pub type Notice<K> = Fence<K>;

/// How far a fence has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// To the second tier, and so to every process.
    Everywhere,
    /// To this process; the tier distrusts the key until it has caught up.
    Here,
}

/// Reads the tier, else loads and fills.
pub(super) async fn through<K, V, E, Fut>(
    tier: Arc<dyn Tier<K, V>>,
    key: K,
    lifetime: Lifetime,
    load: impl FnOnce() -> Fut,
) -> Result<Loaded<V>, E>
where
    Fut: Future<Output = Result<Loaded<V>, E>>,
{
    let lease = match tier.read(&key, &lifetime).await {
        Read::Found(loaded) => return Ok(loaded),
        Read::Empty(lease) => Some(lease),
        Read::Unavailable => None,
    };
    let loaded = load().await?;
    if let Some(lease) = lease
        && loaded.is_kept()
        && tier.fill(&key, &loaded, &lifetime, lease).await == Filled::Refused
    {
        return Ok(loaded.unkept());
    }
    Ok(loaded)
}
