//! A circuit for each host around a client: what one host does wrong, no other pays for. Real sockets; run with
//! `cargo run --example breaker_per_host`.

use seawall::circuit_breaker::{KeyedCircuitBreaker, State, Trip};
use seawall::{Class, Error, Gate, LiftLayer};
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

/// A request of the client: where to, and what for.
#[derive(Clone)]
struct Request {
    host: SocketAddr,
    path: &'static str,
}

/// The client: one request over one connection, and the status that came back.
async fn get(Request { host, path }: Request) -> io::Result<u16> {
    let mut stream = TcpStream::connect(host).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| io::Error::other("no status"))
}

/// A host that answers every request with the same status.
async fn host(status: &'static str) -> io::Result<(SocketAddr, impl Future<Output = ()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serve = async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ =
                stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
        }
    };
    Ok((address, serve))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let (good, serve_good) = host("200 OK").await?;
    let (bad, serve_bad) = host("503 Service Unavailable").await?;

    let per_host = KeyedCircuitBreaker::new("hosts", Trip::run_of(3), 1_000);
    let by_host = per_host.by(|request: &Request| request.host).classify(
        |answer: Result<&u16, &io::Error>| match answer {
            Ok(500..) | Err(_) => Class::Transient,
            Ok(_) => Class::Success,
        },
    );
    // Over reqwest it is the same: a `reqwest::Client` is a `Service<reqwest::Request>`, and the key is
    // `request.url().authority().to_owned()`.
    let mut client = ServiceBuilder::new().layer(by_host.layer()).layer(LiftLayer).service(service_fn(get));

    let calls = async {
        for _ in 0..3 {
            let answer = client.ready().await?.call(Request { host: bad, path: "/" }).await;
            assert!(matches!(answer, Ok(503)));
        }
        // Three in a row: the bad host is left alone, and the good one hears nothing of it.
        let refused =
            client.ready().await?.call(Request { host: bad, path: "/" }).await.expect_err("refused");
        println!("{refused}");
        assert!(refused.rejected().is_some_and(|rejected| rejected.retry_after().is_some()));
        assert!(matches!(client.ready().await?.call(Request { host: good, path: "/" }).await, Ok(200)));
        assert_eq!((per_host.state(&bad), per_host.state(&good)), (State::Open, State::Closed));
        Ok::<_, Error<io::Error>>(())
    };
    tokio::select! {
        done = calls => done.map_err(io::Error::other),
        () = serve_good => unreachable!("the host serves for ever"),
        () = serve_bad => unreachable!("the host serves for ever"),
    }
}
