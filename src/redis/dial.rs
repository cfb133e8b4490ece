use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::SentinelClient;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, ProtocolVersion, PushInfo, RedisResult, Value};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// Where the store is: one server, a group watched by Sentinel, or a cluster.
///
/// # Examples
///
/// ```
/// use seawall::redis::{Server, Store};
///
/// # fn main() -> redis::RedisResult<()> {
/// let one: Server = redis::Client::open("redis://127.0.0.1/")?.into();
/// let cluster: Server = redis::cluster::ClusterClient::new(["redis://10.0.0.1/", "redis://10.0.0.2/"])?.into();
/// let store = Store::new("limits", one);
/// # let _ = (cluster, store);
/// # Ok(())
/// # }
/// ```
///
/// With Sentinel each new connection asks who the master is now, so a failover needs nothing but a new connection:
///
/// ```
/// use redis::sentinel::{SentinelClient, SentinelServerType};
/// use seawall::redis::Server;
///
/// # fn main() -> redis::RedisResult<()> {
/// let sentinels = vec!["redis://10.0.0.1:26379/", "redis://10.0.0.2:26379/"];
/// let client = SentinelClient::build(sentinels, "mymaster".to_owned(), None, SentinelServerType::Master)?;
/// let server = Server::from(client);
/// # let _ = server;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Server(Kind);

#[derive(Clone)]
enum Kind {
    One(Client),
    // Its methods want it for themselves while they ask.
    Sentinel(Arc<tokio::sync::Mutex<SentinelClient>>),
    Cluster(Arc<ClusterClient>),
}

/// How long a connection may take to be made; longer than the timeout of a command, which the making outlives.
pub(super) const DIALLING: Duration = Duration::from_secs(1);

/// A connection that many share, each with a clone.
#[derive(Clone)]
pub(super) enum Line {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

pub(super) type Dialling = Pin<Box<dyn Future<Output = RedisResult<Line>> + Send>>;

impl Server {
    pub(super) fn dial(&self) -> Dialling {
        // The store has a timeout of its own around every command.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(DIALLING)).set_response_timeout(None);
        match self.0.clone() {
            Kind::One(client) => Box::pin(async move {
                client.get_multiplexed_async_connection_with_config(&config).await.map(Line::One)
            }),
            Kind::Sentinel(client) => Box::pin(async move {
                client.lock().await.get_async_connection_with_config(&config).await.map(Line::One)
            }),
            Kind::Cluster(client) => {
                Box::pin(async move { client.get_async_connection().await.map(Line::Cluster) })
            }
        }
    }

    /// A line on which pushes come in. A cluster has none: what is published there is heard on any of its nodes, and the
    /// client keeps them to itself.
    pub(super) async fn listen(&self, tell: UnboundedSender<PushInfo>) -> RedisResult<MultiplexedConnection> {
        let client = match &self.0 {
            Kind::One(client) => client.clone(),
            Kind::Sentinel(client) => client.lock().await.async_get_client().await?,
            Kind::Cluster(_) => {
                return Err((ErrorKind::InvalidClientConfig, "notices are not heard in a cluster").into());
            }
        };
        let info = client.get_connection_info().clone();
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(DIALLING))
            .set_response_timeout(None)
            .set_push_sender(tell);
        Client::open(info.set_redis_settings(settings))?
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }
}

impl Line {
    pub(super) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::One(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

impl From<Client> for Server {
    fn from(client: Client) -> Self {
        Self(Kind::One(client))
    }
}

impl From<SentinelClient> for Server {
    fn from(client: SentinelClient) -> Self {
        Self(Kind::Sentinel(Arc::new(tokio::sync::Mutex::new(client))))
    }
}

impl From<ClusterClient> for Server {
    fn from(client: ClusterClient) -> Self {
        Self(Kind::Cluster(Arc::new(client)))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::One(_) => "Server(one)",
            Kind::Sentinel(_) => "Server(sentinel)",
            Kind::Cluster(_) => "Server(cluster)",
        })
    }
}
