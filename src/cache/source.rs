use super::loaded::Loaded;
use crate::error::Error;
use std::future::Future;

/// Where the values of a [`ReadThrough`](super::ReadThrough) come from.
///
/// A function `Fn(K) -> Future<Result<L, E>>` is one, where `L` is a `V`, an `Option<V>` or a [`Loaded<V>`].
///
/// # Examples
///
/// ```
/// use seawall::Error;
/// use seawall::cache::{Loaded, Source};
/// use std::io;
///
/// struct Users;
///
/// impl Source<u64, String> for Users {
///     type Error = io::Error;
///
///     async fn load(&self, id: u64) -> Result<Loaded<String>, Error<io::Error>> {
///         Ok(Loaded::value(format!("user {id}")).tags([format!("shard:{}", id % 16)]))
///     }
/// }
/// ```
pub trait Source<K, V>: Send + Sync + 'static {
    /// Its own error.
    type Error: Send + Sync + 'static;

    /// Loads one key. A source that goes through other primitives passes their refusals and timeouts on.
    fn load(&self, key: K) -> impl Future<Output = Result<Loaded<V>, Error<Self::Error>>> + Send;

    /// Loads several keys in one go. Keys that the answer leaves out are
    /// [`Unanswered`](super::LoadError::Unanswered), keys that were not asked for are ignored. The default loads one
    /// after the other.
    fn load_many(&self, keys: Vec<K>) -> impl Future<Output = Batch<K, V, Self::Error>> + Send
    where
        K: Clone + Send,
        V: Send,
    {
        async move {
            let mut loaded = Vec::with_capacity(keys.len());
            for key in keys {
                loaded.push((key.clone(), self.load(key).await?));
            }
            Ok(loaded)
        }
    }
}

/// What a source answers for several keys.
pub type Batch<K, V, E> = Result<Vec<(K, Loaded<V>)>, Error<E>>;

impl<K, V, F, Fut, L, E> Source<K, V> for F
where
    F: Fn(K) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<L, E>> + Send,
    L: Into<Loaded<V>>,
    E: Send + Sync + 'static,
    K: Send,
{
    type Error = E;

    async fn load(&self, key: K) -> Result<Loaded<V>, Error<E>> {
        self(key).await.map(Into::into).map_err(Error::Inner)
    }
}

/// A source that can be written, for a [`WriteThrough`](super::WriteThrough).
///
/// # Examples
///
/// ```
/// use seawall::Error;
/// use seawall::cache::{Loaded, Sink, Source};
///
/// struct Table;
///
/// impl Source<u64, String> for Table {
///     type Error = std::io::Error;
///
///     async fn load(&self, id: u64) -> Result<Loaded<String>, Error<std::io::Error>> {
///         Ok(Loaded::value(format!("user {id}")))
///     }
/// }
///
/// impl Sink<u64, String> for Table {
///     async fn write(&self, id: &u64, name: &String) -> Result<(), Error<std::io::Error>> {
///         println!("update users set name = '{name}' where id = {id}");
///         Ok(())
///     }
///
///     async fn erase(&self, id: &u64) -> Result<(), Error<std::io::Error>> {
///         println!("delete from users where id = {id}");
///         Ok(())
///     }
/// }
/// ```
pub trait Sink<K, V>: Source<K, V> {
    /// Writes one value.
    fn write(&self, key: &K, value: &V) -> impl Future<Output = Result<(), Error<Self::Error>>> + Send;

    /// Removes one key.
    fn erase(&self, key: &K) -> impl Future<Output = Result<(), Error<Self::Error>>> + Send;
}
