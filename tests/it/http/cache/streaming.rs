//! The first client reads an answer while it is being stored.

use super::*;
use crate::tools::{CUTS, cut};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use seawall::http::cache::CacheBody;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A body whose pieces come when the test sends them; it ends when the sender is dropped.
struct Piped(UnboundedReceiver<io::Result<&'static str>>);

impl HttpBody for Piped {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(|piece| Frame::data(piece.into()))))
    }
}

type Pipe = UnboundedSender<io::Result<&'static str>>;
type Piping = Response<CacheBody<Piped>>;

/// An origin whose answers are piped, the sending ends of them in the order of the requests.
struct Pipes {
    cache: HttpCache,
    pipes: Arc<Mutex<Vec<Pipe>>>,
    service: BoxCloneSyncService<Request<Body>, Piping, String>,
}

impl Pipes {
    fn new(config: Config) -> Self {
        let cache = HttpCache::new("edge", 1 << 24, config);
        let pipes = Arc::<Mutex<Vec<Pipe>>>::default();
        let sending = Arc::clone(&pipes);
        let origin = service_fn(move |_: Request<Body>| {
            let (sender, receiver) = unbounded_channel();
            sending.lock().push(sender);
            let answer = Response::builder().header("cache-control", "max-age=60").body(Piped(receiver));
            async move { Ok::<_, io::Error>(answer.unwrap()) }
        });
        let service = ServiceBuilder::new().layer(cache.clone()).layer(LiftLayer).service(origin);
        let service = BoxCloneSyncService::new(service.map_err(|error| error.to_string()));
        Self { cache, pipes, service }
    }

    async fn with_background(self) -> Self {
        tokio::spawn(self.cache.background());
        // It is there once it has been polled.
        tokio::task::yield_now().await;
        self
    }

    fn ask(&self) -> impl Future<Output = Result<Piping, String>> + Send + 'static {
        let request = Request::get("http://a.example/x").body(Body::empty()).unwrap();
        self.service.clone().oneshot(request)
    }

    fn calls(&self) -> usize {
        self.pipes.lock().len()
    }

    fn send(&self, call: usize, piece: &'static str) {
        self.pipes.lock()[call].send(Ok(piece)).unwrap();
    }

    /// Ends the body of a call: whole, or broken.
    fn end(&self, call: usize, how: io::Result<()>) {
        let pipe = std::mem::replace(&mut self.pipes.lock()[call], unbounded_channel().0);
        if let Err(error) = how {
            pipe.send(Err(error)).unwrap();
        }
    }
}

async fn piece(answer: &mut Piping) -> Option<Result<Bytes, String>> {
    let frame = answer.body_mut().frame().await?;
    Some(frame.map(|frame| frame.into_data().unwrap()).map_err(|error| error.to_string()))
}

async fn whole(answer: Piping) -> Result<String, String> {
    let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

fn told(answer: &Piping) -> &str {
    answer.headers()["cache-status"].to_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_first_client_reads_while_the_answer_is_stored() {
    let edge = Pipes::new(Config::new());
    let mut answer = edge.ask().await.unwrap();
    assert_eq!(told(&answer), "seawall; fwd=uri-miss; fwd-status=200; stored");
    edge.send(0, "one ");
    assert_eq!(piece(&mut answer).await.unwrap().unwrap(), "one ", "before the origin has sent the rest");
    edge.send(0, "two");
    edge.end(0, Ok(()));
    assert_eq!(whole(answer).await.unwrap(), "two");
    let hit = edge.ask().await.unwrap();
    assert_eq!((told(&hit), edge.calls()), ("seawall; hit; ttl=60", 1));
    assert_eq!(whole(hit).await.unwrap(), "one two");
}

/// RFC 9111, 3.3: an incomplete answer is not stored.
#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_breaks_off_for_its_client_and_is_not_stored() {
    let edge = Pipes::new(Config::new());
    let mut answer = edge.ask().await.unwrap();
    edge.send(0, "one ");
    edge.end(0, Err(io::ErrorKind::ConnectionReset.into()));
    assert_eq!(piece(&mut answer).await.unwrap().unwrap(), "one ");
    assert!(piece(&mut answer).await.unwrap().is_err());
    assert!(piece(&mut answer).await.is_none());
    let again = edge.ask().await.unwrap();
    edge.end(1, Ok(()));
    assert_eq!((whole(again).await.unwrap().as_str(), edge.calls()), ("", 2));
}

#[tokio::test(start_paused = true)]
async fn a_body_found_too_long_goes_on_to_its_client_and_is_not_stored() {
    let edge = Pipes::new(Config::new().body(5));
    let mut answer = edge.ask().await.unwrap();
    edge.send(0, "one ");
    assert_eq!(piece(&mut answer).await.unwrap().unwrap(), "one ");
    let waiting = tokio::spawn(edge.ask());
    tokio::task::yield_now().await;
    edge.send(0, "two ");
    edge.send(0, "three");
    edge.end(0, Ok(()));
    assert_eq!(whole(answer).await.unwrap(), "two three");
    // Whoever waited with it asks for itself.
    let other = waiting.await.unwrap().unwrap();
    edge.send(1, "other");
    edge.end(1, Ok(()));
    assert_eq!((whole(other).await.unwrap().as_str(), edge.calls()), ("other", 2));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let edge = Pipes::new(Config::new());
    let slow = edge.ask().await.unwrap();
    let waiting = tokio::spawn(edge.ask());
    tokio::task::yield_now().await;
    edge.send(0, "all of it");
    edge.end(0, Ok(()));
    let other = waiting.await.unwrap().unwrap();
    assert_eq!((told(&other), edge.calls()), ("seawall; hit; ttl=60; collapsed", 1));
    assert_eq!(whole(other).await.unwrap(), "all of it");
    assert_eq!(whole(slow).await.unwrap(), "all of it");
}

#[tokio::test(start_paused = true)]
async fn when_the_first_client_leaves_halfway_the_background_reads_on() {
    for (background, calls) in [(true, 1), (false, 2)] {
        let edge = Pipes::new(Config::new());
        let edge = if background { edge.with_background().await } else { edge };
        let answer = edge.ask().await.unwrap();
        edge.send(0, "all of it");
        drop(answer);
        edge.end(0, Ok(()));
        seconds(1).await;
        let again = tokio::spawn(edge.ask());
        seconds(1).await;
        for call in 1..edge.calls() {
            edge.send(call, "all of it");
            edge.end(call, Ok(()));
        }
        assert_eq!(whole(again.await.unwrap().unwrap()).await.unwrap(), "all of it");
        assert_eq!(edge.calls(), calls, "with a background: {background}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_purged_while_it_comes_is_not_stored() {
    let edge = Pipes::new(Config::new());
    let answer = edge.ask().await.unwrap();
    edge.send(0, "old");
    edge.cache.purge(&"http://a.example/x".parse().unwrap());
    edge.end(0, Ok(()));
    assert_eq!(whole(answer).await.unwrap(), "old");
    let again = edge.ask().await.unwrap();
    edge.send(1, "new");
    edge.end(1, Ok(()));
    assert_eq!(whole(again).await.unwrap(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_hangs_is_given_up_with_its_load() {
    let edge = Pipes::new(Config::new().load_deadline(Duration::from_secs(5))).with_background().await;
    let mut answer = edge.ask().await.unwrap();
    edge.send(0, "half");
    assert_eq!(piece(&mut answer).await.unwrap().unwrap(), "half");
    let start = seawall::Instant::now();
    assert!(piece(&mut answer).await.unwrap().is_err());
    assert_eq!(seawall::Instant::now() - start, Duration::from_secs(5));
    drop(edge.ask().await.unwrap());
    assert_eq!(edge.calls(), 2, "the key is free");
}

/// Each request and the reading of its body is dropped after any number of polls; the next client is served all the same.
#[tokio::test(start_paused = true)]
async fn cut_at_every_poll_nothing_is_stuck() {
    for background in [true, false] {
        for polls in 0..CUTS {
            let edge = Pipes::new(Config::new());
            let edge = if background { edge.with_background().await } else { edge };
            let feed = Arc::clone(&edge.pipes);
            let fed = AtomicU32::new(0);
            // An origin that sends a piece whenever somebody looks.
            let feeding = async {
                loop {
                    tokio::task::yield_now().await;
                    let mut pipes = feed.lock();
                    for pipe in pipes.iter_mut() {
                        match fed.fetch_add(1, SeqCst) % 3 {
                            2 => drop(std::mem::replace(pipe, unbounded_channel().0)),
                            _ => drop(pipe.send(Ok("x"))),
                        }
                    }
                }
            };
            let reading = {
                let ask = edge.ask();
                async move { whole(ask.await?).await }
            };
            tokio::select! {
                biased;
                _ = cut(reading, polls) => {}
                () = feeding => {}
            }
            let next = edge.ask();
            let calls = edge.calls();
            let next = tokio::spawn(async move { whole(next.await?).await });
            seconds(1).await;
            edge.pipes.lock().clear();
            let body = tokio::time::timeout(Duration::from_secs(60), next).await.expect("nothing is stuck");
            body.unwrap().unwrap();
            assert!(calls <= 1, "cut after {polls} polls: {calls} calls");
        }
    }
}
