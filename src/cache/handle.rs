use super::backlog::Backlog;
use super::engine::Engine;
use super::settings::Settings;
use super::store::Store;
use crate::telemetry::Telemetry;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

/// A user's hold on an engine: when the last is dropped, backgrounds end.
pub(crate) struct Handle<K, V, E, S>(Arc<Owner<K, V, E, S>>);

struct Owner<K, V, E, S> {
    engine: Arc<Engine<K, V, E, S>>,
    backlog: Arc<Backlog<K, V, E>>,
}

impl<K, V, E, S> Handle<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    pub(crate) fn new(telemetry: Telemetry, store: S, settings: Settings<K, V, E>) -> Self {
        let engine = Arc::new(Engine::new(telemetry, store, settings));
        let backlog = Arc::clone(&engine.backlog);
        Self(Arc::new(Owner { engine, backlog }))
    }
}

impl<K, V, E, S> Deref for Handle<K, V, E, S> {
    type Target = Arc<Engine<K, V, E, S>>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0.engine
    }
}

impl<K, V, E, S> Clone for Handle<K, V, E, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V, E, S> Drop for Owner<K, V, E, S> {
    fn drop(&mut self) {
        self.backlog.close();
    }
}
