use super::dial::{DIALLING, Dialling, Line, Server};
use crate::circuit_breaker::{CircuitBreaker, Config, OpenFor, Probes, State, Trip};
use crate::class::Class;
use crate::clock::Timer;
use crate::gate::{Gate, Now};
use crate::ratio::Ratio;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::telemetry::Telemetry;
use crate::time::{Instant, nanos};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, PushInfo, RedisError, RedisResult, ServerErrorKind, Value};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
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
pub struct Store(Arc<Shared>);

struct Shared {
    server: Server,
    // The line, and how many there were before it.
    line: Mutex<(u64, Option<Line>)>,
    // Whoever holds the lock drives it; who is cut off leaves it to the next.
    dialling: tokio::sync::Mutex<Option<(Instant, Dialling)>>,
    // Nanoseconds.
    timeout: AtomicU64,
    breaker: CircuitBreaker,
    failure: Mutex<Option<RedisError>>,
}

/// There is no reply: nothing was sent, or it may or may not have happened.
#[derive(Debug)]
pub(super) struct Unavailable;

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
        Self(Arc::new(Shared {
            server: server.into(),
            line: Mutex::new((0, None)),
            dialling: tokio::sync::Mutex::new(None),
            timeout: AtomicU64::new(nanos(Duration::from_millis(50))),
            breaker: CircuitBreaker::new(telemetry, circuit()),
            failure: Mutex::new(None),
        }))
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
        self.0.timeout.store(nanos(timeout), Relaxed);
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
        self.0.breaker.set(config);
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
        &self.0.breaker
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
        self.0.failure.lock().clone()
    }

    /// When a command that is sent now has to be answered.
    pub(super) fn due(&self, now: Instant) -> Instant {
        now + Duration::from_nanos(self.0.timeout.load(Relaxed))
    }

    /// Whether nothing would be sent now; counted nowhere.
    pub(super) fn is_away(&self, now: Instant) -> bool {
        self.0.breaker.refuses(&mut Now::at(now)).is_some()
    }

    /// The reply to `command`; what else there is to send comes from `next`, once.
    pub(super) async fn ask(
        &self,
        command: &Cmd,
        next: impl FnOnce(&RedisError) -> Option<Cmd>,
        due: Instant,
    ) -> Result<Value, Unavailable> {
        let permit = self.0.breaker.try_acquire().map_err(|_| Unavailable)?;
        let reply = within(due, self.0.send(command, next)).await;
        let class = match &reply {
            None => Class::Overload(None),
            Some(Ok(_)) => Class::Success,
            Some(Err(error)) => class(error),
        };
        permit.settle(class);
        if class != Class::Success && self.0.breaker.state() == State::Open {
            // Whoever probes asks anew where the server is: this line may lead nowhere, and never tell.
            self.0.line.lock().1 = None;
        }
        match reply {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => {
                *self.0.failure.lock() = Some(error);
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
            let mut line = self.0.server.listen(tell).await?;
            line.subscribe(channel).await.map(|()| line)
        };
        let line = within(now + 2 * DIALLING, subscribing).await.ok_or(Unavailable)?;
        line.map_err(|error| {
            *self.0.failure.lock() = Some(error);
            Unavailable
        })
    }
}

impl Shared {
    async fn send(&self, command: &Cmd, next: impl FnOnce(&RedisError) -> Option<Cmd>) -> RedisResult<Value> {
        let (number, mut line) = self.line().await?;
        let mut reply = line.send(command).await;
        if let Err(error) = &reply
            && let Some(next) = next(error)
        {
            reply = line.send(&next).await;
        }
        if let Err(error) = &reply
            && is_lost(error)
        {
            let mut current = self.line.lock();
            if current.0 == number {
                current.1 = None;
            }
        }
        reply
    }

    async fn line(&self) -> RedisResult<(u64, Line)> {
        if let (number, Some(line)) = &*self.line.lock() {
            return Ok((*number, line.clone()));
        }
        let mut dialling = self.dialling.lock().await;
        if let (number, Some(line)) = &*self.line.lock() {
            return Ok((*number, line.clone()));
        }
        let now = Instant::now();
        // One that nobody has driven for so long has timed out.
        if dialling.as_ref().is_some_and(|(since, _)| now - *since >= DIALLING) {
            *dialling = None;
        }
        let (_, dial) = dialling.get_or_insert_with(|| (now, self.server.dial()));
        let made = dial.as_mut().await;
        *dialling = None;
        let line = made?;
        let mut current = self.line.lock();
        *current = (current.0 + 1, Some(line.clone()));
        Ok((current.0, line))
    }
}

/// Whether the line leads nowhere any more, or to a server that is no longer the master.
fn is_lost(error: &RedisError) -> bool {
    let elsewhere = ErrorKind::Server(ServerErrorKind::ReadOnly);
    error.is_unrecoverable_error() || error.is_io_error() || error.kind() == elsewhere
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

/// What `future` answers, unless `due` comes first.
pub(super) async fn within<F: Future>(due: Instant, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = pin!(Timer::unarmed());
    poll_fn(|cx| {
        if let Poll::Ready(answer) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        if !timer.is_armed() {
            timer.as_mut().arm(due);
        }
        timer.as_mut().poll_fired(cx).map(|()| None)
    })
    .await
}

/// Both answers, asked for at the same time.
pub(super) async fn join<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(answer) = one.as_mut().poll(cx)
        {
            first = Some(answer);
        }
        if second.is_none()
            && let Poll::Ready(answer) = other.as_mut().poll(cx)
        {
            second = Some(answer);
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

/// Until then.
pub(super) async fn pause(until: Instant) {
    within(until, std::future::pending::<()>()).await;
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("server", &self.0.server).field("breaker", &self.0.breaker).finish()
    }
}
