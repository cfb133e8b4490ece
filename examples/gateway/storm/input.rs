//! What clients send who do not know better, or do.

use super::Storm;
use crate::Failure;
use crate::auth::GOLD;
use crate::upload::LONGEST;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

impl Storm {
    pub(super) async fn bad_input(&mut self) -> Result<(), Failure> {
        self.account.phase("bad input");
        let asked = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        let key = format!("x-api-key: {}\r\n", GOLD.key);
        let put = format!("PUT /orders/1 HTTP/1.1\r\nhost: x\r\n{key}");
        let long = format!("{put}content-length: {}\r\n\r\n", LONGEST + 1);
        let chunk = "x".repeat(LONGEST + 1);
        let longer = format!("{put}transfer-encoding: chunked\r\n\r\n{:x}\r\n{chunk}", chunk.len() + 1);
        let with = |more: &str| format!("{key}{more}");
        let binary = [b"GET /orders/1 HTTP/1.1\r\nhost: x\r\nx-api-key: ", &[0xff][..], b"\r\n\r\n"].concat();
        let cases: [(&str, Vec<u8>, u16); 14] = [
            ("an unknown route", asked("/nowhere", &key).into(), 404),
            ("no key", asked("/orders/1", "").into(), 401),
            ("a wrong key", asked("/orders/1", "x-api-key: gold-0000000000000000000\r\n").into(), 401),
            ("two keys", asked("/orders/1", &with(&key)).into(), 400),
            ("a key that is no text", binary, 400),
            ("a malformed header", asked("/orders/1", "no colon here\r\n").into(), 400),
            ("a malformed request line", b"GET\r\n\r\n".to_vec(), 400),
            ("a length that is none", asked("/orders/1", "content-length: many\r\n").into(), 400),
            ("a body that says it is too long", long.into(), 413),
            ("a body that turns out to be, half sent", longer.into(), 413),
            ("a path that does not decode", asked("/orders/%ff", &key).into(), 200),
            (
                "a client who will not wait",
                asked("/orders/1", &with("x-request-timeout-ms: 0\r\n")).into(),
                504,
            ),
            ("a timeout that is none", asked("/orders/1", &with("x-request-timeout-ms: -1\r\n")).into(), 200),
            ("a forged way here", asked("/orders/1", &with("x-forwarded-for: ,;\"\r\n")).into(), 200),
        ];
        for (what, request, expected) in cases {
            let status = raw(self.address, &request).await?;
            self.account.must(format!("{what}: {status} (as it should be: {expected})"), status == expected);
        }
        let well = self.gateway.groups.iter().all(|group| group.is_well());
        self.account.must("no backend was blamed for any of it", well);
        for (path, expected) in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200)] {
            let status = raw(self.address, asked(path, "").as_bytes()).await?;
            self.account.must(format!("{path} needs no key: {status}"), status == expected);
        }
        Ok(())
    }
}

/// The status that a request gets, sent byte by byte as it is; 0 for none.
async fn raw(gateway: SocketAddr, request: &[u8]) -> Result<u16, Failure> {
    let (mut answers, mut asks) = TcpStream::connect(gateway).await?.into_split();
    let mut answer = Vec::new();
    let reading = async {
        while answer.len() < 12 && answers.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {}
    };
    // An answer may come before all is sent.
    let talking = async {
        tokio::pin!(reading);
        tokio::select! {
            () = &mut reading => return,
            _ = asks.write_all(request) => {}
        }
        reading.await;
    };
    tokio::time::timeout(Duration::from_secs(10), talking).await.ok();
    let status = answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    Ok(status.unwrap_or(0))
}
