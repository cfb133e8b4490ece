//! The driver of a tier: it hears what other processes fence, and does the fences that wait.

use super::codec::Codec;
use super::notice;
use super::shelf::Shared;
use super::tier::RedisTier;
use super::wait::{pause, within};
use crate::cache::{Fence, Notice, Reach};
use crate::chance::Chance;
use crate::sync::atomic::Ordering::SeqCst;
use crate::time::Instant;
use redis::{PushInfo, PushKind, Value};
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Between two looks at a line on which nothing comes, and between two attempts of all that failed.
const LOOK: Duration = Duration::from_secs(2);

impl<K, V, C> RedisTier<K, V, C>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: 'static,
    C: Codec<K> + 'static,
{
    /// Hears what other processes fence, gives it to `heed`, and does what this one fenced and the store has not done yet.
    /// To be spawned, once for each process; it ends when it is dropped.
    ///
    /// What was missed while it did not hear is unknown, so all of the cache is fenced in this process when the line is
    /// lost, and once more when it is there again.
    ///
    /// ```no_run
    /// # async fn start(cache: seawall::cache::CacheAside<u64, String, ()>, tier: seawall::redis::RedisTier<u64, String>) {
    /// tokio::spawn(tier.attend(move |notice| cache.heed(notice)));
    /// # }
    /// ```
    pub fn attend<F>(&self, heed: F) -> impl Future<Output = ()> + Send + use<K, V, C, F>
    where
        F: Fn(&Notice<K>) + Send + Sync + 'static,
    {
        let shared = Arc::clone(&self.0);
        async move {
            let _deaf = Deaf(Arc::clone(&shared));
            both(shared.listen(&heed), shared.work_off()).await;
        }
    }
}

/// Whoever stops listening is deaf.
struct Deaf<K, C>(Arc<Shared<K, C>>);

impl<K, C> Drop for Deaf<K, C> {
    fn drop(&mut self) {
        self.0.hears.store(false, SeqCst);
    }
}

impl<K, C> Shared<K, C>
where
    K: Hash + Eq + Clone + Send + Sync,
    C: Codec<K>,
{
    async fn listen(&self, heed: &(impl Fn(&Notice<K>) + Sync)) {
        loop {
            let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
            let subscribed = self.store.subscribe(&self.channel(), tell).await;
            if let Ok(mut line) = subscribed {
                // What came before the subscription is unknown.
                heed(&Fence::All);
                self.hears.store(true, SeqCst);
                self.hear(&mut told, &mut line, heed).await;
                self.hears.store(false, SeqCst);
                heed(&Fence::All);
            }
            // Not in step with the other processes.
            let spread = Chance::new().sample() + 0.5;
            pause(Instant::now() + (LOOK / 4).mul_f64(spread)).await;
        }
    }

    /// Until the line is lost, or no longer answers.
    async fn hear(
        &self,
        told: &mut UnboundedReceiver<PushInfo>,
        line: &mut redis::aio::MultiplexedConnection,
        heed: &(impl Fn(&Notice<K>) + Sync),
    ) {
        loop {
            match within(Instant::now() + LOOK, told.recv()).await {
                Some(None) => return,
                Some(Some(push)) if push.kind == PushKind::Disconnection => return,
                Some(Some(push)) if push.kind == PushKind::Message => {
                    let notice = match push.data.last() {
                        Some(Value::BulkString(bytes)) => notice::decode(self.node, bytes, &self.codec),
                        _ => Some(Fence::All),
                    };
                    if let Some(notice) = notice {
                        heed(&notice);
                    }
                }
                Some(Some(_)) => {}
                None => {
                    let ping = redis::cmd("PING");
                    let due = Instant::now() + LOOK;
                    if within(due, ping.query_async::<Value>(line)).await.is_none_or(|pong| pong.is_err()) {
                        return;
                    }
                }
            }
        }
    }

    /// One after the other; at a failure a pause, since the next would fail too.
    async fn work_off(&self) {
        loop {
            while let Some(noted) = self.pending.any() {
                if self.settle(&noted).await == Reach::Here {
                    pause(Instant::now() + LOOK).await;
                }
            }
            self.work.notified().await;
        }
    }
}

/// Both, until one of them ends.
async fn both(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| {
        if one.as_mut().poll(cx).is_ready() || other.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}
