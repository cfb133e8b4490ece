//! A layer-4 balancer: accepts TCP connections and copies bytes between them and whichever backend has the fewest.
//!
//! `cargo run --example tcp_balancer` plays a scene of its own; with `-- LISTEN BACKEND...` it serves for real.

#![expect(clippy::disallowed_methods, reason = "a program has tasks of its own")]

use seawall::Class;
use seawall::balance::{Ask, Config, Endpoint, LeastConnections, Pool, Tried};
use seawall::health::{Checks, tcp};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const HANDSHAKE: Duration = Duration::from_secs(1);

/// One connection: as many backends are tried as there are, and then bytes go to and fro until one side ends.
async fn serve(pool: &Pool<SocketAddr>, mut client: TcpStream) -> io::Result<()> {
    let tried = Tried::new();
    loop {
        // The ticket is held as long as the connection: that is what the fewest are counted by.
        let ticket = pool.pick_for(Ask::new().tried(&tried)).map_err(io::Error::other)?;
        match timeout(HANDSHAKE, TcpStream::connect(*ticket.service())).await {
            Ok(Ok(mut backend)) => {
                let copied = copy_bidirectional(&mut client, &mut backend).await;
                ticket.settle(if copied.is_ok() { Class::Success } else { Class::Neutral });
                return copied.map(drop);
            }
            // It rests; nothing was sent yet, so the connection is not lost.
            _ => ticket.unready(),
        }
    }
}

async fn balance(listener: TcpListener, backends: Vec<SocketAddr>) -> io::Result<()> {
    let pool = Pool::new("backends", Config::new(LeastConnections::new()).strict());
    pool.set(backends.into_iter().map(|address| Endpoint::new(address, address)));
    let checks = Checks::new().interval(Duration::from_secs(2));
    tokio::spawn(pool.check(checks, |id, _| tcp(id)));
    loop {
        let (client, _) = listener.accept().await?;
        let pool = pool.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(&pool, client).await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let addresses: Vec<_> = std::env::args().skip(1).collect();
    if let [listen, backends @ ..] = &*addresses {
        let backends: Result<Vec<SocketAddr>, _> = backends.iter().map(|address| address.parse()).collect();
        let backends = backends.map_err(|_| io::Error::other("usage: tcp_balancer LISTEN BACKEND..."))?;
        return balance(TcpListener::bind(listen).await?, backends).await;
    }
    scene().await
}

/// A backend that greets every connection with its name and waits for the other side to end.
async fn greeter(name: &'static str) -> io::Result<(SocketAddr, tokio::task::JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(name.as_bytes()).await;
                let _ = stream.read(&mut [0; 1]).await;
            });
        }
    });
    Ok((address, task))
}

/// Three backends, thirty connections held at once; then one dies.
async fn scene() -> io::Result<()> {
    let (a, _a) = greeter("a").await?;
    let (b, _b) = greeter("b").await?;
    let (c, dies) = greeter("c").await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let front = listener.local_addr()?;
    tokio::spawn(balance(listener, vec![a, b, c]));
    let dial = async || -> io::Result<(TcpStream, char)> {
        let mut stream = TcpStream::connect(front).await?;
        let mut name = [0];
        stream.read_exact(&mut name).await?;
        Ok((stream, name[0].into()))
    };

    let (mut held, mut seen) = (Vec::new(), BTreeMap::new());
    for _ in 0..30 {
        let (stream, name) = dial().await?;
        held.push(stream);
        *seen.entry(name).or_insert(0) += 1;
    }
    println!("held at once: {seen:?}");
    // Even but for the moment's checks, which greet and leave as well.
    assert!(seen.len() == 3 && seen.values().all(|count| (9..=11).contains(count)), "{seen:?}");

    dies.abort();
    let mut seen = BTreeMap::new();
    for _ in 0..20 {
        *seen.entry(dial().await?.1).or_insert(0) += 1;
    }
    println!("after c died: {seen:?}");
    assert!(!seen.contains_key(&'c'), "no connection was lost, and none went there");
    Ok(())
}
