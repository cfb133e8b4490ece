use super::front::Front;
use super::handle::WriteBehind;
use super::shared::Watch;
use super::write::{Closed, Write};
use crate::clock::Timer;
use crate::error::Rejected;
use crate::time::Instant;
use std::future::poll_fn;
use std::hash::Hash;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// How what is dirty gets written, now and at last.
impl<K: Hash + Eq + Clone, V, L: Front<K, V>> WriteBehind<K, V, L> {
    /// Sends what is dirty at once, without waiting for a batch to fill; ready when all that was put *before* is
    /// stored or dead. A key that rests after a failure rests on.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::Reason::Closed) if the driver ends before.
    ///
    /// # Cancel safety
    ///
    /// Dropped, what is dirty is sent all the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// # tokio::spawn(driver);
    /// orders.put(7, "paid").await.unwrap();
    /// orders.flush().await.unwrap();
    /// assert!(orders.is_empty());
    /// # }
    /// ```
    pub async fn flush(&self) -> Result<(), Rejected> {
        self.flushed(None).await
    }

    /// [`flush`](Self::flush) of one key: the write-through of a change that must not be lost.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::Reason::Closed) if the driver ends before.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
    /// # let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// # tokio::spawn(driver);
    /// orders.put(7, "paid").await.unwrap();
    /// orders.flush_key(&7).await.unwrap();
    /// # }
    /// ```
    pub async fn flush_key(&self, key: &K) -> Result<(), Rejected> {
        self.flushed(Some(key)).await
    }

    async fn flushed(&self, key: Option<&K>) -> Result<(), Rejected> {
        let shared = self.shared();
        let to = shared.flush(key);
        let mut watch = Watch::new(shared);
        poll_fn(|cx| shared.is_flushed(key, to, &mut watch, cx.waker()).map_or(Poll::Pending, Poll::Ready))
            .await
    }

    /// Takes no more puts, writes what is dirty, and says what came of it: at the latest after `within`.
    ///
    /// What is left is handed back and stays readable. A buffer that is dropped without this is written as well, for
    /// as long as its driver lives; only nobody is told.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it stays closed and what is dirty is written all the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// # use seawall::cache::write_behind::{Config, Write, WriteBehind};
    /// # use std::time::Duration;
    /// let store = |_: Vec<Write<u32, &str>>| async { Err::<(), _>("no database") };
    /// let (orders, driver) = WriteBehind::new("orders", Config::new(), store, |_| ());
    /// tokio::spawn(driver);
    /// orders.put(7, "paid").await.unwrap();
    /// let closed = orders.close(Duration::from_millis(50)).await;
    /// assert_eq!((closed.stored, closed.left.len()), (0, 1));
    /// # }
    /// ```
    pub async fn close(&self, within: Duration) -> Closed<K, V> {
        let shared = self.shared();
        let before = shared.begin_closing();
        let at = Instant::now() + within;
        {
            let mut timer = pin!(Timer::unarmed());
            let mut watch = Watch::new(shared);
            poll_fn(|cx| {
                if shared.is_drained(&mut watch, cx.waker()) {
                    return Poll::Ready(());
                }
                if !timer.is_armed() {
                    timer.as_mut().arm(at);
                }
                timer.as_mut().poll_fired(cx)
            })
            .await;
        }
        let (left, after) = shared.end();
        Closed {
            stored: after.stored + after.outdated - before.stored - before.outdated,
            dead: after.dead - before.dead,
            left: left.into_iter().map(Write::new).collect(),
        }
    }
}
