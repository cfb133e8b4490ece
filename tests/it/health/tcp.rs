//! Whether a port is open: real sockets.

use seawall::balance::{Endpoint, Id, Pool, RoundRobin, State};
use seawall::health::{Checks, Finding, Thresholds, tcp};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

#[tokio::test]
async fn an_open_port_passes_and_a_shut_one_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let id = Id::from(listener.local_addr().unwrap());
    assert_eq!(tcp(&id).await, Finding::Pass);
    drop(listener);
    assert_eq!(tcp(&id).await, Finding::Fail);
    assert_eq!(tcp(&"no port".into()).await, Finding::Fail);
}

#[tokio::test]
async fn a_backend_that_dies_is_left_out_and_taken_back_when_it_returns() {
    let (one, two) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let dies = one.local_addr().unwrap();
    let pool = Pool::new("pool", RoundRobin::new());
    pool.set([&one, &two].map(|listener| Endpoint::new(listener.local_addr().unwrap(), ())));
    let checks = Checks::new().interval(Duration::from_millis(10)).thresholds(Thresholds::new(2, 2));
    let mut checking = Box::pin(pool.check(checks, |id, ()| tcp(id)));
    let dead = |pool: &Pool<()>| pool.endpoints().iter().filter(|e| e.state == State::Unhealthy).count();
    let mut until = async |count: usize| {
        let begin = seawall::Instant::now();
        while dead(&pool) != count {
            assert!(timeout(Duration::from_millis(5), &mut checking).await.is_err());
            assert!(seawall::Instant::now() - begin < Duration::from_secs(20), "{:?}", pool.endpoints());
        }
    };
    until(0).await;
    drop(one);
    until(1).await;
    assert!((0..10).all(|_| pool.pick().unwrap().id().as_str() != dies.to_string()));
    let _back = TcpListener::bind(dies).await.unwrap();
    until(0).await;
    drop(two);
}
