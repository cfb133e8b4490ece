//! A wire that counts, delays and is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Between a client and the server at `port`.
#[derive(Clone)]
pub(super) struct Proxy(Arc<Shared>, u16);

struct Shared {
    requested: AtomicU64,
    connections: AtomicU64,
    delay: AtomicU64,
    // Bytes of replies that still pass; without end if negative.
    passes: AtomicI64,
}

impl Proxy {
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            requested: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            delay: AtomicU64::new(0),
            passes: AtomicI64::new(-1),
        });
        let proxy = Self(shared, own);
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                serving.0.connections.fetch_add(1, SeqCst);
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(serving.clone().requests(from_client, to_server));
                tokio::spawn(serving.clone().replies(from_server, to_client));
            }
        });
        proxy
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.1)
    }

    /// Bytes that clients have sent.
    pub(super) fn requested(&self) -> u64 {
        self.0.requested.load(SeqCst)
    }

    pub(super) fn connections(&self) -> u64 {
        self.0.connections.load(SeqCst)
    }

    /// Holds each reply back for so long.
    pub(super) fn delay(&self, delay: Duration) {
        self.0.delay.store(delay.as_millis() as u64, SeqCst);
    }

    /// Cuts the connection in the midst of the next reply, after so many bytes of it.
    pub(super) fn cut_after(&self, bytes: i64) {
        self.0.passes.store(bytes, SeqCst);
    }

    async fn requests(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut part = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut part).await {
            self.0.requested.fetch_add(read as u64, SeqCst);
            if to.write_all(&part[..read]).await.is_err() {
                return;
            }
        }
    }

    async fn replies(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut part = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut part).await {
            let delay = self.0.delay.load(SeqCst);
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            let passes = self.0.passes.load(SeqCst);
            let cut = passes >= 0;
            let whole = if cut { read.min(passes as usize) } else { read };
            if to.write_all(&part[..whole]).await.is_err() {
                return;
            }
            if cut {
                self.0.passes.store(-1, SeqCst);
                return; // both halves go, and the client sees the end
            }
        }
    }
}
