use super::judge::Finding;
use crate::balance::Id;
use std::future::Future;

/// Whether the endpoint, whose id is its `host:port`, accepts a TCP connection: the check that fits everything and
/// says least.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::balance::{Endpoint, P2c, Pool};
/// use seawall::health::{Checks, connect};
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// let pool = Pool::new("db", P2c::new());
/// pool.set([Endpoint::new(listener.local_addr().unwrap(), ())]);
/// tokio::spawn(pool.check(Checks::new(), |id, ()| connect(id)));
/// # }
/// ```
pub fn connect(id: &Id) -> impl Future<Output = Finding> + Send + use<> {
    let address = id.as_str().to_owned();
    async move {
        match tokio::net::TcpStream::connect(address).await {
            Ok(_) => Finding::Pass,
            Err(_) => Finding::Fail,
        }
    }
}
