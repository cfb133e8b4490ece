//! Uploads: small ones are sent again where that is allowed, large ones are streamed.

use super::Storm;
use crate::Failure;
use crate::auth::GOLD;
use crate::upload::KEPT;
use axum::body::Body;
use http::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How many pieces a large upload comes in, of 64 KiB.
const PIECES: usize = 32;

impl Storm {
    pub(super) async fn bodies(&mut self) -> Result<(), Failure> {
        self.account.phase("uploads, small and large");
        let bytes = |storm: &Self| storm.orders.iter().map(|backend| backend.seen().bytes()).sum::<u64>();
        let asked = |storm: &Self| storm.orders.iter().map(|backend| backend.seen().requests()).sum::<u64>();
        let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();

        // One of three backends fails: small ones find another.
        self.orders[0].seen().fail_every(1);
        let mut small = 0;
        for _ in 0..20 {
            small +=
                u32::from(client.request(self.put(Body::from(vec![b'x'; 1024]))?).await?.status() == 200);
        }
        self.account
            .must(format!("small ones were sent again where one failed: {small} of 20 served"), small == 20);
        self.orders[0].seen().fail_every(0);
        self.recovered("a works again").await;

        // The client sends the rest only when a backend has the beginning.
        let (before, length) = (bytes(self), PIECES * KEPT);
        let mut stream = TcpStream::connect(self.address).await?;
        let head = format!(
            "PUT /orders/upload HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n",
            GOLD.key
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&[b'x'; 2 * KEPT]).await?;
        let streamed = self.until(|storm| bytes(storm) > before).await;
        stream.write_all(&vec![b'x'; length - 2 * KEPT]).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let whole = answer.contains(" 200 ") && answer.contains(&format!("got {length} bytes"));
        self.account
            .must("a backend had the beginning of a large one before the client sent its end", streamed);
        self.account.must(format!("and all {length} bytes of it in the end"), whole);

        // A large one is sent once, whatever comes of it.
        self.orders.iter().for_each(|backend| backend.seen().fail_every(1));
        let before = asked(self);
        let failed = client.request(self.put(Body::from(vec![b'x'; 2 * KEPT]))?).await?.status();
        let times = asked(self) - before;
        self.account.must(
            format!("a large one that fails is sent {times} time: {failed}"),
            times == 1 && failed == 500,
        );
        self.orders.iter().for_each(|backend| backend.seen().fail_every(0));
        self.recovered("they work again").await;
        Ok(())
    }

    fn put(&self, body: Body) -> Result<Request<Body>, Failure> {
        let uri = format!("http://{}/orders/upload", self.address);
        Ok(Request::put(uri).header("x-api-key", GOLD.key).body(body)?)
    }
}
