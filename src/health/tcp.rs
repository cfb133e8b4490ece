use super::judge::Finding;
use crate::balance::Id;
use std::future::Future;
use tokio::net::TcpStream;

/// Whether the endpoint of this id, a `host:port`, accepts a connection; it is closed again at once.
///
/// The weakest of checks: it finds machines that are gone and ports that are shut. A program that hangs accepts
/// connections as long as its backlog has room.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use seawall::balance::{Endpoint, P2c, Pool};
/// use seawall::health::{Checks, Finding, tcp};
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// assert_eq!(tcp(&listener.local_addr()?.into()).await, Finding::Pass);
///
/// let pool = Pool::new("db", P2c::new());
/// pool.insert(Endpoint::new(listener.local_addr()?, ()));
/// tokio::spawn(pool.check(Checks::new(), |id, _| tcp(id)));
/// # Ok(())
/// # }
/// ```
#[doc(alias = "connect")]
pub fn tcp(id: &Id) -> impl Future<Output = Finding> + use<> {
    let id = id.clone();
    async move { TcpStream::connect(id.as_str()).await.into() }
}
