//! axum with `CacheAside` before a slow database with four connections: a herd, values that grow old, an outage, what does not
//! exist, and writes. `cargo run --example cache_axum` prints what the clients got and what it cost the database, and
//! asserts it. Time is tokio's, paused: the run is over at once and is the same each time.
//!
//! `shop` is the app, `database` the origin.

#![expect(clippy::disallowed_methods, reason = "a program has clocks and tasks of its own")]

mod database;
mod shop;

use crate::shop::Shop;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    println!(
        "{:<58} {:>6} {:>6} {:>6} {:>6} {:>8} {:>9}",
        "", "sent", "200", "404", "503", "queries", "longest"
    );

    let bare = Shop::new();
    let database = Arc::clone(&bare.database);
    let got = ask(&bare.bare_app(), vec![7; 1000]).await;
    let queries = database.take_queries();
    got.print("1000 clients want one product, without a cache", queries);
    assert!(got.status(503) > 900 && queries < 100, "four connections, 50 ms a query, a second's patience");

    let shop = Shop::new();
    tokio::spawn(shop.products.background());
    let (app, database, products) = (shop.clone().app(), Arc::clone(&shop.database), shop.products.clone());

    let got = ask(&app, vec![7; 1000]).await;
    let queries = database.take_queries();
    got.print("the same with one", queries);
    assert_eq!((got.status(200), queries), (1000, 1));

    let got = ask(&app, (0..100).flat_map(|id| vec![id; 10]).collect()).await;
    let queries = database.take_queries();
    got.print("1000 clients want 100 products", queries);
    assert_eq!((got.status(200), queries), (1000, 99), "each once, four at a time, nobody refused");

    sleep(Duration::from_secs(90)).await;
    let got = ask(&app, vec![7; 1000]).await;
    sleep(Duration::from_millis(60)).await;
    let queries = database.take_queries();
    got.print("it has grown old: all get it at once, and one refresh", queries);
    assert_eq!((got.status(200), got.told("stale, revalidating"), queries), (1000, 1000, 1));
    assert_eq!(got.longest, Duration::ZERO);
    assert_eq!(ask(&app, vec![7]).await.told("fresh"), 1);

    sleep(Duration::from_secs(3600)).await;
    database.fail();
    let mut served = 0;
    for _ in 0..100 {
        let got = ask(&app, vec![7; 10]).await;
        served += got.told("stale, failed") + got.told("stale, throttled");
        sleep(Duration::from_secs(1)).await;
    }
    println!("{:<58} {:>6} {served:>6}", "an hour later the database is down, for 100 s", 1000);
    assert_eq!((served, database.take_queries()), (1000, 0), "what there was, for all");
    database.recover();
    sleep(Duration::from_secs(30)).await;
    ask(&app, vec![7]).await;
    assert_eq!(ask(&app, vec![7]).await.told("fresh"), 1, "and it recovers by itself");
    database.take_queries();

    let got = ask(&app, vec![404; 1000]).await;
    let again = ask(&app, vec![404; 1000]).await;
    let queries = database.take_queries();
    got.print("1000 clients want what is not there, twice", queries);
    assert_eq!((got.status(404), again.status(404), queries), (1000, 1000, 1));

    // A read that began before the write ends after it: what it brings is not kept.
    products.invalidate(&7);
    let reading = tokio::spawn({
        let app = app.clone();
        async move { text(&app, "/products/7").await }
    });
    sleep(Duration::from_millis(40)).await;
    assert_eq!(send(&app, Method::PUT, "/products/7/price/250").await, StatusCode::NO_CONTENT);
    assert_eq!(reading.await.expect("no panic"), "product 7: 100\n", "asked before, answered with before");
    assert_eq!(text(&app, "/products/7").await, "product 7: 250\n", "asked after");
    println!("a price is changed: whoever asks after that sees it, whatever was being read meanwhile");
    database.take_queries();

    ask(&app, (0..100).collect()).await;
    database.take_queries();
    assert_eq!(send(&app, Method::POST, "/categories/tools/sale").await, StatusCode::NO_CONTENT);
    let got = ask(&app, (0..100).collect()).await;
    let queries = database.take_queries() - 1;
    got.print("the tools are on sale: half of the products is read anew", queries);
    assert_eq!((got.status(200), queries), (100, 50));
    assert_eq!(text(&app, "/products/7").await, "product 7: 125\n");
    assert_eq!(text(&app, "/products/8").await, "product 8: 100\n");
}

/// What clients got.
#[derive(Debug, Default)]
struct Got {
    answers: Vec<(StatusCode, String)>,
    longest: Duration,
}

impl Got {
    fn status(&self, status: u16) -> usize {
        self.answers.iter().filter(|(got, _)| *got == status).count()
    }

    /// How many were told so of the cache.
    fn told(&self, cache: &str) -> usize {
        self.answers.iter().filter(|(_, told)| told == cache).count()
    }

    fn print(&self, what: &str, queries: u32) {
        let (sent, longest) = (self.answers.len(), self.longest.as_millis());
        let [ok, none, failed] = [200, 404, 503].map(|status| self.status(status));
        println!("{what:<58} {sent:>6} {ok:>6} {none:>6} {failed:>6} {queries:>8} {longest:>6} ms");
    }
}

/// Clients that ask at once, each for one of these products.
async fn ask(app: &Router, ids: Vec<u32>) -> Got {
    let mut clients = JoinSet::new();
    for id in ids {
        let (app, start) = (app.clone(), Instant::now());
        clients.spawn(async move {
            let request =
                Request::get(format!("/products/{id}")).body(Body::empty()).expect("a valid request");
            let answer = app.oneshot(request).await.expect("axum answers");
            let told = answer.headers().get("x-cache").and_then(|told| told.to_str().ok()).unwrap_or("");
            (answer.status(), told.to_owned(), start.elapsed())
        });
    }
    let mut got = Got::default();
    while let Some(client) = clients.join_next().await {
        let (status, told, took) = client.expect("no panic");
        got.answers.push((status, told));
        got.longest = got.longest.max(took);
    }
    got
}

async fn send(app: &Router, method: Method, path: &str) -> StatusCode {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a valid request");
    app.clone().oneshot(request).await.expect("axum answers").status()
}

async fn text(app: &Router, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).expect("a valid request");
    let answer = app.clone().oneshot(request).await.expect("axum answers");
    let bytes = answer.into_body().collect().await.expect("a body in memory").to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}
