use crate::balance::{Endpoint, Id};

/// One endpoint came, changed or left; see [`Pool::follow_changes`](crate::balance::Pool::follow_changes).
///
/// # Examples
///
/// tower's changes become ours in a match:
///
/// ```
/// use seawall::balance::Endpoint;
/// use seawall::discover::Change;
/// use std::net::SocketAddr;
///
/// fn ours<S>(change: tower::discover::Change<SocketAddr, S>) -> Change<S> {
///     match change {
///         tower::discover::Change::Insert(address, service) => Change::Insert(Endpoint::new(address, service)),
///         tower::discover::Change::Remove(address) => Change::Remove(address.into()),
///     }
/// }
/// # let _ = ours::<()>;
/// ```
#[derive(Clone, Debug)]
pub enum Change<S> {
    /// This one too, instead of the one with its id if there is one.
    Insert(Endpoint<S>),
    /// Without the one of this id.
    Remove(Id),
}
