//! An axum server at three times its capacity, with an overload guard and without: goodput, as numbers and as a plot.
//!
//! `cargo run --example overload` prints a line for each second and writes `overload.svg`. Time is tokio's, paused, so the
//! run is over in a few seconds and is the same each time.
//!
//! The server has ten workers that take 10 ms for a request: 1000 a second. Its callers give up after 200 ms, and the
//! server does not notice: it works on their requests all the same. Of 30 s, the middle 10 bring 3000 a second.

#![expect(clippy::disallowed_methods, reason = "a program has clocks and tasks of its own")]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use seawall::Priority;
use seawall::concurrency::{OverloadGuard, Vegas};
use seawall::http::Respond;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tower::ServiceExt;

const WORKERS: usize = 10;
const WORK: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_millis(200);
const SECONDS: usize = 30;

/// Requests per millisecond, by the second.
const fn load(second: usize) -> usize {
    // A step to three times the capacity, and back to four fifths.
    if second >= 10 && second < 20 { 3 } else { 0 }
}

#[derive(Default)]
struct Second {
    asked: AtomicU32,
    answered: AtomicU32,
    refused: AtomicU32,
    gave_up: AtomicU32,
}

/// What the server does for a request: a worker's whole attention, for ten milliseconds.
fn server() -> Router {
    let workers = Arc::new(Semaphore::new(WORKERS));
    let work = move || {
        let workers = Arc::clone(&workers);
        async move {
            let worker = workers.acquire_owned().await;
            sleep(WORK).await;
            drop(worker);
            "done"
        }
    };
    Router::new().route("/orders", get(work)).route("/health", get(|| async { "well" }))
}

/// Sends the load, and counts the answers that came in time.
async fn run(app: Router) -> Vec<Second> {
    let seconds: Arc<Vec<Second>> = Arc::new((0..SECONDS).map(|_| Second::default()).collect());
    let start = Instant::now();
    for millis in 0..SECONDS * 1000 {
        sleep_until(start + Duration::from_millis(millis as u64)).await;
        let second = millis / 1000;
        // Four requests every five milliseconds in quiet times, three each millisecond in the storm.
        let requests = if load(second) > 0 { load(second) } else { usize::from(millis % 5 != 0) };
        for _ in 0..requests {
            let (app, seconds) = (app.clone(), Arc::clone(&seconds));
            seconds[second].asked.fetch_add(1, Relaxed);
            tokio::spawn(async move {
                // The caller gives up; the request goes on in a task of the server's.
                let request = Request::get("/orders").body(Body::empty()).expect("a valid request");
                let answer = timeout(PATIENCE, tokio::spawn(app.oneshot(request))).await;
                let seen = &seconds[second];
                match answer {
                    Ok(Ok(Ok(response))) if response.status() == StatusCode::OK => &seen.answered,
                    Ok(_) => &seen.refused,
                    Err(_) => &seen.gave_up,
                }
                .fetch_add(1, Relaxed);
            });
        }
        if millis == 15_500 {
            let health = Request::get("/health").body(Body::empty()).expect("a valid request");
            let answer = timeout(PATIENCE, app.clone().oneshot(health)).await;
            assert!(matches!(answer, Ok(Ok(response)) if response.status() == StatusCode::OK));
        }
    }
    sleep(PATIENCE * 2).await;
    Arc::into_inner(seconds).unwrap_or_default()
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let bare = run(server()).await;

    let guard = OverloadGuard::new("api", Vegas::new().initial(WORKERS as u32), 50);
    let queued = guard.by(
        |_: &Request<Body>| Priority::CriticalPlus,
        |request: &Request<Body>| request.uri().path() == "/health",
    );
    let guarded = run(server().layer(Respond(queued.layer()))).await;

    println!("second   asked | answered without a guard | answered with one, refused at once");
    for (second, (bare, guarded)) in bare.iter().zip(&guarded).enumerate() {
        println!(
            "{second:6} {:7} | {:24} | {:17} {:16}",
            bare.asked.load(Relaxed),
            bare.answered.load(Relaxed),
            guarded.answered.load(Relaxed),
            guarded.refused.load(Relaxed),
        );
    }
    let storm = |run: &[Second]| run[12..20].iter().map(|s| s.answered.load(Relaxed)).sum::<u32>() / 8;
    let (without, with) = (storm(&bare), storm(&guarded));
    println!(
        "answers in time per second, in the storm: {without} without, {with} with a guard; the capacity is 1000"
    );
    assert!(without < 100, "a server that works for those who have left");
    assert!(with > 900, "a server that works for those who wait");

    std::fs::write("overload.svg", plot(&bare, &guarded)).expect("a place to write the plot to");
    println!("the plot is in overload.svg");
}

/// Goodput over time, by hand: three lines in a frame.
fn plot(bare: &[Second], guarded: &[Second]) -> String {
    let line = |of: &dyn Fn(usize) -> u32, colour: &str, name: &str, at: u32| {
        let points = (0..SECONDS).fold(String::new(), |mut points, second| {
            let _ = write!(points, "{},{} ", 60 + second * 24, 320 - of(second) / 10);
            points
        });
        format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <text x=\"70\" y=\"{at}\" fill=\"{colour}\">{name}</text>\n"
        )
    };
    let asked = line(&|s| bare[s].asked.load(Relaxed), "#999999", "asked", 40);
    let with = line(&|s| guarded[s].answered.load(Relaxed), "#1a7f37", "answered in time, with a guard", 60);
    let without = line(&|s| bare[s].answered.load(Relaxed), "#cf222e", "answered in time, without", 80);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 360\" font-family=\"sans-serif\" font-size=\"14\">\n\
         <rect width=\"800\" height=\"360\" fill=\"white\"/>\n\
         <path d=\"M60 20V320H780\" fill=\"none\" stroke=\"black\"/>\n\
         <text x=\"10\" y=\"225\">1000</text><text x=\"10\" y=\"25\">3000</text><text x=\"700\" y=\"345\">seconds</text>\n\
         <path d=\"M60 220H780\" stroke=\"#dddddd\"/>\n{asked}{without}{with}</svg>\n"
    )
}
