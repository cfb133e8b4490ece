use super::write::WriteError;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// What a store function may answer: one result for the whole batch, or one for each key.
///
/// # Examples
///
/// All or nothing, as a transaction is:
///
/// ```
/// use seawall::cache::write_behind::Write;
///
/// async fn store(batch: Vec<Write<u32, String>>) -> Result<(), std::io::Error> {
///     // begin, upsert each, commit
/// #   drop(batch);
///     Ok(())
/// }
/// # let _ = store;
/// ```
///
/// Key by key; a key that is not among them counts as failed:
///
/// ```
/// use seawall::cache::write_behind::Write;
///
/// async fn store(batch: Vec<Write<u32, String>>) -> Vec<(u32, Result<(), &'static str>)> {
///     let fits = |write: &Write<u32, String>| if *write.key() < 1000 { Ok(()) } else { Err("no such row") };
///     batch.iter().map(|write| (*write.key(), fits(write))).collect()
/// }
/// # let _ = store;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how the writes went",
    note = "a store function answers `Result<(), E>` for the whole batch, or `Vec<(K, Result<(), E>)>` for each key"
)]
pub trait Answers<K> {
    /// What the store says when it fails.
    type Error;

    /// What is said of each key.
    fn into_results(self) -> Results<K, Self::Error>;
}

/// The results of one store call; made by [`Answers`].
#[derive(Debug)]
pub struct Results<K, E>(Said<K, E>);

#[derive(Debug)]
enum Said<K, E> {
    OfAll(Result<(), Arc<E>>),
    OfEach(HashMap<K, Result<(), E>>),
}

impl<K: Hash + Eq, E> Results<K, E> {
    /// Said of one key: at most once.
    pub(super) fn of(&mut self, key: &K) -> Result<(), WriteError<E>> {
        match &mut self.0 {
            Said::OfAll(result) => result.clone().map_err(WriteError::Failed),
            Said::OfEach(results) => match results.remove(key) {
                Some(result) => result.map_err(|error| WriteError::Failed(Arc::new(error))),
                None => Err(WriteError::Unanswered),
            },
        }
    }
}

impl<K, E> Answers<K> for Result<(), E> {
    type Error = E;

    fn into_results(self) -> Results<K, E> {
        Results(Said::OfAll(self.map_err(Arc::new)))
    }
}

impl<K: Hash + Eq, E> Answers<K> for Vec<(K, Result<(), E>)> {
    type Error = E;

    fn into_results(self) -> Results<K, E> {
        Results(Said::OfEach(self.into_iter().collect()))
    }
}
