use std::sync::Arc;

/// A cache that stands before the buffer, and is told what a put and a write mean for it.
///
/// Both verbs are called under the buffer's lock, so that no reader sees a key in neither: they must be quick, and must not call
/// the [`WriteBehind`](super::WriteBehind) they stand before. `()` is no cache.
///
/// # Examples
///
/// ```
/// use seawall::cache::write_behind::{Config, Front, Write, WriteBehind};
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Kept(Mutex<HashMap<u32, Arc<String>>>);
///
/// impl Front<u32, String> for Kept {
///     fn fence(&self, key: &u32) {
///         self.0.lock().unwrap().remove(key);
///     }
///
///     fn keep(&self, key: &u32, value: Option<&Arc<String>>) {
///         if let Some(value) = value {
///             self.0.lock().unwrap().insert(*key, Arc::clone(value));
///         }
///     }
/// }
///
/// let store = |_: Vec<Write<u32, String>>| async { Ok::<_, ()>(()) };
/// let (orders, driver) = WriteBehind::before(Kept::default(), "orders", Config::new(), store, |_| ());
/// # drop((orders, driver));
/// ```
pub trait Front<K, V> {
    /// What is held of `key` is old, and so is what any load of it brings that has begun by now.
    fn fence(&self, key: &K);

    /// The source has this value of `key`, and nothing newer waits for it; none: the key is gone.
    fn keep(&self, key: &K, value: Option<&Arc<V>>);
}

impl<K, V> Front<K, V> for () {
    fn fence(&self, _: &K) {}

    fn keep(&self, _: &K, _: Option<&Arc<V>>) {}
}

impl<K, V, L: Front<K, V> + ?Sized> Front<K, V> for Arc<L> {
    fn fence(&self, key: &K) {
        (**self).fence(key);
    }

    fn keep(&self, key: &K, value: Option<&Arc<V>>) {
        (**self).keep(key, value);
    }
}
