use super::dial::{DIALLING, Server};
use super::line::Lines;
use super::script::Scripts;
use super::terms::Kind;
use super::wait::within;
use crate::circuit_breaker::{CircuitBreaker, Config, OpenFor, Probes, State, Trip};
use crate::class::Class;
use crate::gate::{Gate, Now};
use crate::ratio::Ratio;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::telemetry::Telemetry;
use crate::time::{Instant, nanos};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, PushInfo, RedisError, ServerErrorKind, Value};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// A Redis or Valkey that is a dependency like any other: a hard timeout around each command and a circuit breaker
/// around the whole.
///
/// Clones share the connection, which is made by the first command, shared by all and made anew when it is lost. While
/// the circuit is open nothing touches a socket; then one command probes, over a new connection, so that a server that
/// vanished without a word, and a failover behind Sentinel, heal by themselves and without a herd.
///
/// # Examples
///
/// ```
/// use seawall::redis::Store;
/// use std::time::Duration;
///
/// # fn main() -> redis::RedisResult<()> {
/// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/")?).timeout(Duration::from_millis(20));
/// # let _ = store;
/// # Ok(())
/// # }
/// ```
///
/// # Defaults
///
/// | setting | default | why |
/// |---|---|---|
/// | [timeout](Self::timeout) | 50 ms | a hundred round trips within a data centre; shorter than any caller's own |
/// | opens after | 5 failures in a row | a store that lives answers nearly always, and each failure costs a caller the timeout |
/// | stays open | 0.5 s, doubling to 10 s, jitter 20 % | a restart is over in seconds; processes do not come back in step |
/// | probes | 1 | enough to tell, and no herd |
/// | [prefix](Self::prefix) | `seawall` | |
/// | [seed](Self::seed) | 0 | where callers choose their keys, a secret of your own keeps them from choosing another's |
/// | making a connection | 1 s | it goes on over the timeouts of those who wait for it |
///
/// # What counts
///
/// | | class |
/// |---|---|
/// | a reply | success |
/// | no reply in time; no connection; connection lost; out of memory; loading; a replica that is not a master | failure |
/// | an error reply about one key or one command | not counted: whoever answers is alive |
///
/// # Cancel safety
///
/// A command that is dropped may or may not have happened.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    prefix: Arc<str>,
    seed: u64,
}

struct Shared {
    lines: Lines,
    // Nanoseconds.
    timeout: AtomicU64,
    breaker: CircuitBreaker,
    failure: Mutex<Option<RedisError>>,
    // By the kinds of the limits; as many as a program asks together.
    scripts: Mutex<HashMap<Box<[Kind]>, Arc<Scripts>>>,
}

/// The store has not answered: nothing was sent, or it may or may not have happened.
///
/// ```
/// assert_eq!(seawall::redis::Unavailable.to_string(), "the store has not answered");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the store has not answered")]
pub struct Unavailable;

fn circuit() -> Config {
    let open_for = OpenFor::exponential(Duration::from_millis(500))
        .cap(Duration::from_secs(10))
        .jitter(Ratio::percent(20));
    Config::new().trip(Trip::run_of(5)).open_for(open_for).probes(Probes::of(1).need(1))
}

impl Store {
    /// The store at `server`. Nothing is connected before the first command.
    ///
    /// ```
    /// use seawall::redis::Store;
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// # let _ = store;
    /// ```
    #[must_use]
    pub fn new(telemetry: impl Into<Telemetry>, server: impl Into<Server>) -> Self {
        let shared = Shared {
            lines: Lines::to(server.into()),
            timeout: AtomicU64::new(nanos(Duration::from_millis(50))),
            breaker: CircuitBreaker::new(telemetry, circuit()),
            failure: Mutex::new(None),
            scripts: Mutex::default(),
        };
        Self { shared: Arc::new(shared), prefix: "seawall".into(), seed: 0 }
    }

    /// What the keys of all limits begin with. Braces in it become underscores: they would tell a cluster where to put them.
    ///
    /// ```
    /// use seawall::redis::Store;
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap()).prefix("shop");
    /// # let _ = store;
    /// ```
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        Self { prefix: prefix.replace(['{', '}'], "_").into(), ..self }
    }

    /// The secret under which the keys of limits are hashed; the same in all processes.
    ///
    /// ```
    /// use seawall::redis::Store;
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap()).seed(0x5EA_3A11);
    /// # let _ = store;
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The longest that a command may take, waiting for a connection included.
    ///
    /// ```
    /// use seawall::redis::Store;
    /// use std::time::Duration;
    /// let client = redis::Client::open("redis://127.0.0.1/").unwrap();
    /// let store = Store::new("limits", client).timeout(Duration::from_millis(20));
    /// # let _ = store;
    /// ```
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.shared.timeout.store(nanos(timeout), Relaxed);
        self
    }

    /// When the circuit around it opens, and for how long.
    ///
    /// ```
    /// use seawall::circuit_breaker::Trip;
    /// use seawall::redis::Store;
    /// let client = redis::Client::open("redis://127.0.0.1/").unwrap();
    /// let store = Store::new("limits", client).circuit(Trip::run_of(20));
    /// # let _ = store;
    /// ```
    #[must_use]
    pub fn circuit(self, config: impl Into<Config>) -> Self {
        self.shared.breaker.set(config);
        self
    }

    /// The circuit breaker around it: its state, and the hand on it.
    ///
    /// ```
    /// use seawall::circuit_breaker::State;
    /// use seawall::redis::Store;
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// store.breaker().force_open();
    /// assert_eq!(store.breaker().state(), State::ForcedOpen);
    /// ```
    #[must_use]
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.shared.breaker
    }

    /// The latest error, other than a late reply: wrong credentials, an unknown host, a full server say so here.
    ///
    /// ```
    /// use seawall::redis::Store;
    /// let store = Store::new("limits", redis::Client::open("redis://127.0.0.1/").unwrap());
    /// assert!(store.last_error().is_none());
    /// ```
    #[must_use]
    pub fn last_error(&self) -> Option<RedisError> {
        self.shared.failure.lock().clone()
    }

    /// When a command that is sent now has to be answered.
    pub(super) fn due(&self, now: Instant) -> Instant {
        now + Duration::from_nanos(self.shared.timeout.load(Relaxed))
    }

    pub(super) fn hash(&self, key: &[u8]) -> u128 {
        xxhash_rust::xxh3::xxh3_128_with_seed(key, self.seed)
    }

    /// What the names of this key's limits begin with; the brace is closed after the hash.
    pub(super) fn key(&self, hash: u128) -> String {
        format!("{}:{{{hash:032x}", self.prefix)
    }

    /// The scripts for limits of these kinds.
    pub(super) fn scripts(&self, kinds: &[Kind]) -> Arc<Scripts> {
        if let Some(known) = self.shared.scripts.lock().get(kinds) {
            return Arc::clone(known);
        }
        let scripts = Arc::new(Scripts::new(kinds));
        self.shared.scripts.lock().insert(kinds.into(), Arc::clone(&scripts));
        scripts
    }

    /// Whether nothing would be sent now; counted nowhere.
    pub(super) fn is_away(&self, now: Instant) -> bool {
        self.shared.breaker.refuses(&mut Now::at(now)).is_some()
    }

    /// The reply to `command`; what else there is to send comes from `next`, once.
    pub(super) async fn ask(
        &self,
        command: &Cmd,
        next: impl FnOnce(&RedisError) -> Option<Cmd>,
        due: Instant,
    ) -> Result<Value, Unavailable> {
        let permit = self.shared.breaker.try_acquire().map_err(|_| Unavailable)?;
        let reply = within(due, self.shared.lines.send(command, next)).await;
        let class = match &reply {
            None => Class::Overload(None),
            Some(Ok(_)) => Class::Success,
            Some(Err(error)) => class(error),
        };
        permit.settle(class);
        if class != Class::Success && self.shared.breaker.state() == State::Open {
            // Whoever probes asks anew where the server is: this line may lead nowhere, and never tell.
            self.shared.lines.let_go();
        }
        match reply {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => {
                *self.shared.failure.lock() = Some(error);
                Err(Unavailable)
            }
            None => Err(Unavailable),
        }
    }
}

impl Store {
    /// A line of its own on which `channel` is heard; nothing is dialled while the circuit is open.
    pub(super) async fn subscribe(
        &self,
        channel: &str,
        tell: UnboundedSender<PushInfo>,
    ) -> Result<MultiplexedConnection, Unavailable> {
        let now = Instant::now();
        if self.is_away(now) {
            return Err(Unavailable);
        }
        let subscribing = async {
            let mut line = self.shared.lines.server.listen(tell).await?;
            line.subscribe(channel).await.map(|()| line)
        };
        let line = within(now + 2 * DIALLING, subscribing).await.ok_or(Unavailable)?;
        line.map_err(|error| {
            *self.shared.failure.lock() = Some(error);
            Unavailable
        })
    }
}

/// What an error says about the server.
fn class(error: &RedisError) -> Class {
    let about_one_command = matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::ResponseError
                | ServerErrorKind::ExecAbort
                | ServerErrorKind::CrossSlot
                | ServerErrorKind::NotBusy
                | ServerErrorKind::NoSub
                | ServerErrorKind::NoScript
        ) | ErrorKind::UnexpectedReturnType
    ) || error.code() == Some("WRONGTYPE");
    if about_one_command && !is_out_of_memory(error) { Class::Neutral } else { Class::Transient }
}

/// Some versions say so with a code of its own, some in the text of a script's error.
fn is_out_of_memory(error: &RedisError) -> bool {
    error.code() == Some("OOM") || error.detail().is_some_and(|detail| detail.contains("OOM"))
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("server", &self.shared.lines.server)
            .field("breaker", &self.shared.breaker)
            .finish()
    }
}
