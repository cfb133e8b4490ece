//! The second tier's side of the store: its keys, its scripts, and what may be believed of what they answer.

use super::codec::Codec;
use super::frame::Frame;
use super::pending::Pending;
use super::script::{Text, is_unknown};
use super::store::{Store, Unavailable};
use super::wait::{join, pause};
use crate::cache::{Fence, Filled, Lease, Lifetime, Loaded, Read};
use crate::chance::Chance;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use crate::time::Instant;
use redis::{FromRedisValue, ToRedisArgs, Value};
use std::hash::Hash;
use std::time::Duration;

pub(super) struct Shared<K, C> {
    pub(super) store: Store,
    pub(super) name: String,
    pub(super) codec: C,
    /// Who this process is in its notices.
    pub(super) node: u64,
    pub(super) pending: Pending<K>,
    /// Whether notices arrive.
    pub(super) hears: AtomicBool,
    pub(super) work: tokio::sync::Notify,
    scripts: Scripts,
    pub(super) lease: AtomicU64,
    pub(super) lease_wait: AtomicU64,
    pub(super) l1_life: AtomicU64,
    pub(super) undecodable: AtomicU64,
}

struct Scripts {
    read: Text,
    fill: Text,
    drop: Text,
}

/// While nothing is heard of what others fence.
const DEAF: Duration = Duration::from_secs(1);

impl<K: Hash + Eq + Clone, C> Shared<K, C> {
    pub(super) fn new(store: Store, name: String, codec: C) -> Self {
        Self {
            store,
            name: name.replace(['{', '}'], "_"),
            codec,
            node: Chance::new().draw(),
            pending: Pending::new(),
            hears: AtomicBool::new(false),
            work: tokio::sync::Notify::new(),
            scripts: Scripts {
                read: Text::new(include_str!("script/read.lua")),
                fill: Text::new(include_str!("script/fill.lua")),
                drop: Text::new(include_str!("script/drop.lua")),
            },
            lease: AtomicU64::new(10_000),
            lease_wait: AtomicU64::new(0),
            l1_life: AtomicU64::new(60_000),
            undecodable: AtomicU64::new(0),
        }
    }
}

impl<K, C> Shared<K, C>
where
    K: Hash + Eq + Clone + Send + Sync,
    C: Codec<K>,
{
    /// The keys of a value and of its lease, which a cluster keeps together.
    pub(super) fn keys(&self, key: &K) -> Option<[Vec<u8>; 2]> {
        let encoded = Codec::<K>::encode(&self.codec, key)?;
        let mut value = format!("{}:{{", self.name).into_bytes();
        value.extend_from_slice(&encoded);
        value.push(b'}');
        let lease = [&*value, b":lease"].concat();
        Some([value, lease])
    }

    pub(super) fn tag(&self, tag: &str) -> String {
        format!("{}:tag:{tag}", self.name)
    }

    pub(super) fn channel(&self) -> String {
        format!("{}:notices", self.name)
    }

    pub(super) async fn command(&self, words: &[&(dyn Words + Sync)]) -> Result<Value, Unavailable> {
        let mut command = redis::Cmd::new();
        for word in words {
            word.add(&mut command);
        }
        self.store.ask(&command, |_| None, self.store.due(Instant::now())).await
    }

    async fn run(
        &self,
        text: &Text,
        keys: &[Vec<u8>],
        arguments: &[&(dyn Words + Sync)],
    ) -> Result<Value, Unavailable> {
        let command = |verb: &str, script: &str| {
            let mut command = redis::cmd(verb);
            command.arg(script).arg(keys.len()).arg(keys);
            for argument in arguments {
                argument.add(&mut command);
            }
            command
        };
        let short = command("EVALSHA", &text.hash);
        let whole = |error: &redis::RedisError| is_unknown(error).then(|| command("EVAL", &text.whole));
        self.store.ask(&short, whole, self.store.due(Instant::now())).await
    }

    /// How many fences of tags and of everything there have been, the number of the last one of everything, and those of
    /// these tags.
    async fn numbers(&self, tags: &[String]) -> Result<Vec<u64>, Unavailable> {
        let mut command = redis::cmd("MGET");
        command.arg(format!("{}:sequence", self.name)).arg(format!("{}:cleared", self.name));
        for tag in tags {
            command.arg(self.tag(tag));
        }
        let value = self.store.ask(&command, |_| None, self.store.due(Instant::now())).await?;
        let numbers = Vec::<Option<u64>>::from_redis_value_ref(&value).map_err(|_| Unavailable)?;
        Ok(numbers.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Whether a value with this stamp and these tags is still what it was. A fence that comes meanwhile is heard of.
    async fn is_valid(&self, frame: &Frame<'_>, sequence: u64, cleared: u64) -> Result<bool, Unavailable> {
        let stamp = u64::from(frame.stamp);
        // A stamp above the sequence: that was lost, and with it which tags were invalidated.
        if stamp > sequence || cleared > stamp {
            return Ok(false);
        }
        if frame.tags.is_empty() {
            return Ok(true);
        }
        Ok(self.numbers(&frame.tags).await?.iter().skip(1).all(|&number| number <= stamp))
    }

    pub(super) async fn read<V>(&self, key: &K) -> Read<V>
    where
        C: Codec<V>,
    {
        let wait = Duration::from_millis(self.lease_wait.load(SeqCst));
        let patience = Instant::now() + wait;
        loop {
            match self.read_once(key).await {
                Ok(Once::Held) if Instant::now() < patience => {
                    // Not in step with the others that wait.
                    let spread = Duration::from_millis(10 + Chance::new().draw() % 20);
                    pause(patience.min(Instant::now() + spread)).await;
                }
                Ok(Once::Read(read)) => return read,
                Ok(Once::Held) | Err(Unavailable) => return Read::Unavailable,
            }
        }
    }

    async fn read_once<V>(&self, key: &K) -> Result<Once<V>, Unavailable>
    where
        C: Codec<V>,
    {
        let unavailable = Ok(Once::Read(Read::Unavailable));
        if self.pending.distrusts(key) {
            return unavailable;
        }
        let Some(keys) = self.keys(key) else { return unavailable };
        // Half a lease is a number of its own, by which the store knows it; the other half is the stamp of what is loaded
        // under it, which is known no earlier than the store has answered.
        let own = Chance::new().draw() & u64::from(u32::MAX);
        let lease = self.lease.load(SeqCst);
        let (numbers, reply) =
            join(self.numbers(&[]), self.run(&self.scripts.read, &keys, &[&own, &lease])).await;
        let ([sequence, cleared], reply) = (two(&numbers?)?, reply?);
        let token = u64::from(u32::try_from(sequence).unwrap_or(u32::MAX)) << 32 | own;
        let Value::Array(parts) = &reply else { return Err(Unavailable) };
        match &**parts {
            [Value::Int(1)] => Ok(Once::Read(Read::Empty(Lease(token)))),
            [Value::BulkString(bytes), Value::Int(left)] => {
                let decoded = Frame::decode(bytes).and_then(|frame| {
                    let value = Codec::<V>::decode(&self.codec, frame.payload)?;
                    Some((frame, value))
                });
                let Some((frame, value)) = decoded else {
                    self.undecodable.fetch_add(1, SeqCst);
                    return self.take_over(&keys, bytes, token, lease).await;
                };
                if !self.is_valid(&frame, sequence, cleared).await? {
                    return self.take_over(&keys, bytes, token, lease).await;
                }
                // It was fenced while it was read.
                if self.pending.distrusts(key) {
                    return unavailable;
                }
                let left = Duration::from_millis(u64::try_from(*left).unwrap_or(0));
                let hears = self.hears.load(SeqCst);
                let here = if hears { Duration::from_millis(self.l1_life.load(SeqCst)) } else { DEAF };
                let age = frame.life.saturating_sub(left);
                let loaded = Loaded::value(value).ttl(frame.life).age(age).at_most(here).tags(frame.tags);
                Ok(Once::Read(Read::Found(loaded)))
            }
            _ => Ok(Once::Held),
        }
    }

    /// What is there is of no use: it goes, unless it has been replaced, and with that comes the lease.
    async fn take_over<V>(
        &self,
        keys: &[Vec<u8>; 2],
        bytes: &[u8],
        token: u64,
        lease: u64,
    ) -> Result<Once<V>, Unavailable> {
        let bytes = bytes.to_vec();
        self.run(&self.scripts.drop, &keys[..1], &[&bytes]).await?;
        let reply = self.run(&self.scripts.read, keys, &[&(token & u64::from(u32::MAX)), &lease]).await?;
        let got = matches!(&reply, Value::Array(parts) if matches!(**parts, [Value::Int(1)]));
        Ok(if got { Once::Read(Read::Empty(Lease(token))) } else { Once::Held })
    }

    pub(super) async fn fill<V>(
        &self,
        key: &K,
        loaded: &Loaded<V>,
        lifetime: &Lifetime,
        Lease(token): Lease,
    ) -> Filled
    where
        C: Codec<V>,
    {
        if self.pending.distrusts(key) {
            return Filled::Refused;
        }
        let life = loaded.terms.lifetime(lifetime).ttl().saturating_sub(loaded.terms.age);
        let encode = || {
            let payload = Codec::<V>::encode(&self.codec, loaded.as_value()?)?;
            let tags = loaded.known_tags().to_vec();
            let stamp = (token >> 32) as u32;
            Some((self.keys(key)?, Frame { stamp, life, tags, payload: &payload }.encode()?))
        };
        let Some((keys, bytes)) = encode() else { return Filled::Unknown };
        let life = millis(life);
        if life == 0 {
            return Filled::Unknown;
        }
        match self.run(&self.scripts.fill, &keys, &[&(token & u64::from(u32::MAX)), &bytes, &life]).await {
            Ok(Value::Int(1)) => Filled::Stored,
            Ok(_) => Filled::Refused,
            Err(Unavailable) => {
                // It may be there, and nobody would delete it: the driver does.
                self.pending.note(&Fence::Key(key.clone()));
                self.work.notify_one();
                Filled::Unknown
            }
        }
    }
}

fn two(numbers: &[u64]) -> Result<[u64; 2], Unavailable> {
    numbers.first_chunk().copied().ok_or(Unavailable)
}

enum Once<V> {
    Read(Read<V>),
    /// Another process loads it.
    Held,
}

/// A word of a command.
pub(super) trait Words {
    fn add(&self, command: &mut redis::Cmd);
}

impl<T: ToRedisArgs> Words for T {
    fn add(&self, command: &mut redis::Cmd) {
        command.arg(self);
    }
}

/// At most a century, which the server takes.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(3_155_760_000_000)
}
