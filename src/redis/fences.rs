//! What a fence does in the store: it deletes there, and tells the other processes.

use super::codec::Codec;
use super::notice;
use super::pending::Noted;
use super::shelf::{Shared, millis};
use super::store::Unavailable;
use crate::cache::{Fence, Reach};
use redis::FromRedisValue;
use std::hash::Hash;
use std::time::Duration;

/// Longer than any value lives that was tagged before.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

impl<K, C> Shared<K, C>
where
    K: Hash + Eq + Clone + Send + Sync,
    C: Codec<K>,
{
    /// Deletes there, and tells the others.
    pub(super) async fn settle(&self, noted: &Noted<K>) -> Reach {
        let done = match &noted.fence {
            Fence::Key(key) | Fence::Old(key) => self.delete(key).await,
            Fence::Tag(tag) | Fence::OldTag(tag) => self.number(&self.tag(tag)).await,
            Fence::All => self.number(&format!("{}:cleared", self.name)).await,
        };
        let notice = notice::encode(self.node, &noted.fence, &self.codec);
        let channel = self.channel();
        if done.is_ok() && self.command(&[&"PUBLISH", &channel, &notice]).await.is_ok() {
            self.pending.done(noted);
            return Reach::Everywhere;
        }
        self.work.notify_one();
        Reach::Here
    }

    async fn delete(&self, key: &K) -> Result<(), Unavailable> {
        let Some([value, lease]) = self.keys(key) else { return Ok(()) };
        self.command(&[&"DEL", &value, &lease]).await.map(drop)
    }

    /// Gives `key` the next number: what was loaded before it is not valid.
    async fn number(&self, key: &String) -> Result<(), Unavailable> {
        let next = self.command(&[&"INCR", &format!("{}:sequence", self.name)]).await?;
        let next = u64::from_redis_value_ref(&next).map_err(|_| Unavailable)?;
        self.command(&[&"SET", key, &next, &"PX", &millis(WEEK)]).await.map(drop)
    }
}
