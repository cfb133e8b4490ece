//! Balance over DNS: backends come, leave, die, and the name server itself fails; no request is lost. Real sockets, a name
//! server of its own; run with `cargo run --example balance_dns`.

#![expect(clippy::disallowed_methods, reason = "a program has clocks of its own")]

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use parking_lot::Mutex;
use seawall::Lift;
use seawall::balance::{Endpoint, P2c, Pool, Tried};
use seawall::discover::{Discovery, Dns};
use seawall::retry::{Backoff, Plan, Retry};
use seawall::telemetry::{Counters, Telemetry};
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tower::{Service, ServiceExt};

const SERVICE: &str = "_api._tcp.example.test.";
const NODE: &str = "node.example.test.";

/// What the name server knows: the ports of the service, or nothing at all while it fails.
type Zone = Arc<Mutex<Option<Vec<u16>>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut tasks = JoinSet::new();
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let (name_server, zone) = (socket.local_addr()?, Zone::default());
    tasks.spawn(serve_names(socket, zone.clone()));

    // A pool of whoever has an SRV record. Times to live of 20 ms, so that the example is short; leave the defaults alone.
    let counters = Arc::new(Counters::default());
    let pool = Pool::new(Telemetry::new("api").observer(counters.clone()), P2c::new());
    let source = Dns::service(SERVICE).server(name_server);
    let often = Duration::from_millis(20);
    let connect = |found: Endpoint<()>| {
        let address = found.id().as_str().parse().expect("the id of an address is its text");
        found.with(Lift::new(Backend(address)))
    };
    tasks.spawn({
        // Connected ahead, an address that nobody listens at is found before a call finds it.
        let driving = pool
            .drive(Discovery::new().ttl_within(often, often), source, connect)
            .warm(|id, _| seawall::health::tcp(id));
        async move { match driving.await {} }
    });

    let (one, first) = backend(&mut tasks).await?;
    let (two, second) = backend(&mut tasks).await?;
    *zone.lock() = Some(vec![one, two]);
    pool.ready().await;
    let seen = load(&pool, &mut tasks);
    let answers = |port: u16| seen.lock().answers.get(&port).copied().unwrap_or_default();
    until("both answer", || answers(one) > 100 && answers(two) > 100).await?;

    // One comes.
    let (three, _third) = backend(&mut tasks).await?;
    *zone.lock() = Some(vec![one, two, three]);
    until("the third answers", || answers(three) > 100).await?;

    // One leaves as it should: first its name, then its calls, then itself.
    *zone.lock() = Some(vec![two, three]);
    until("the first has left", || pool.len() == 2).await?;
    sleep(Duration::from_millis(50)).await;
    first.abort();

    // One dies, and its name is there for a while yet: its callers turn to the other.
    let before = answers(three);
    second.abort();
    until("the third carries on", || answers(three) > before + 200).await?;
    *zone.lock() = Some(vec![three]);
    until("the second has left", || pool.len() == 1).await?;

    // The name server fails: the last good answer stays.
    *zone.lock() = None;
    until("the names fail", || counters.snapshot().discovery_failures > 0).await?;
    let before = answers(three);
    until("the third carries on", || answers(three) > before + 200).await?;
    assert_eq!(pool.len(), 1);

    // And is back, with somebody new.
    let (four, _fourth) = backend(&mut tasks).await?;
    *zone.lock() = Some(vec![three, four]);
    until("the fourth answers", || answers(four) > 100).await?;

    let seen = seen.lock();
    for (port, answers) in &seen.answers {
        println!("backend on port {port}: {answers} answers");
    }
    println!("lost: {}, tried again elsewhere: {}", seen.lost.len(), counters.snapshot().failed);
    assert_eq!(seen.lost, [""; 0], "no request may be lost");
    assert_eq!(seen.answers.len(), 4);
    Ok(())
}

/// A backend that says its port; the handle kills it, with whatever it is doing.
async fn backend(tasks: &mut JoinSet<()>) -> io::Result<(u16, AbortHandle)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let handle = tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if stream.read_u8().await.is_ok() {
                let _ = stream.write_u16(port).await;
            }
        }
    });
    Ok((port, handle))
}

/// The client of one backend: one request over one connection, answered with the port of who answered.
#[derive(Clone)]
struct Backend(SocketAddr);

impl Service<Tried> for Backend {
    type Response = u16;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<u16>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Tried) -> Self::Future {
        let address = self.0;
        Box::pin(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_u8(b'?').await?;
            stream.read_u16().await
        })
    }
}

#[derive(Default)]
struct Seen {
    answers: BTreeMap<u16, u32>,
    lost: Vec<String>,
}

/// Four callers without a pause. What failed is tried again, at somebody who was not tried yet.
fn load(pool: &Pool<Lift<Backend>>, tasks: &mut JoinSet<()>) -> Arc<Mutex<Seen>> {
    let seen = Arc::<Mutex<Seen>>::default();
    let retry = Retry::new("api", Plan::new().backoff(Backoff::constant(Duration::from_millis(1))));
    for _ in 0..4 {
        let service = pool.balance().tried(|tried: &Tried| Some(tried));
        let (seen, retry) = (seen.clone(), retry.clone());
        tasks.spawn(async move {
            loop {
                let tried = Tried::new();
                let answer = retry.run(|| service.clone().oneshot(tried.clone())).await;
                let mut seen = seen.lock();
                match answer {
                    Ok(port) => *seen.answers.entry(port).or_default() += 1,
                    Err(error) => seen.lost.push(error.to_string()),
                }
            }
        });
    }
    seen
}

async fn until(what: &str, is: impl Fn() -> bool) -> io::Result<()> {
    let waiting = async {
        while !is() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), waiting)
        .await
        .map_err(|_| io::Error::other(format!("not in time: {what}")))?;
    println!("{what}");
    Ok(())
}

async fn serve_names(socket: UdpSocket, zone: Zone) {
    let mut buffer = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        let Ok(question) = Message::from_vec(&buffer[..length]) else { continue };
        let answer = answer(&question, zone.lock().as_deref()).to_vec();
        if let Ok(answer) = answer {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

fn answer(question: &Message, ports: Option<&[u16]>) -> Message {
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    let Some((query, ports)) = question.queries.first().zip(ports) else {
        answer.metadata.response_code = ResponseCode::ServFail;
        answer.add_queries(question.queries.clone());
        return answer;
    };
    let node = Name::from_ascii(NODE).expect("a name");
    let record = |data| Record::from_rdata(query.name().clone(), 0, data);
    answer.add_query(query.clone());
    match query.query_type() {
        RecordType::SRV => {
            let servers = ports.iter().map(|&port| SRV::new(1, 1, port, node.clone()));
            answer.add_answers(servers.map(|server| record(RData::SRV(server))));
        }
        RecordType::A => {
            answer.add_answer(record(RData::A(A(Ipv4Addr::LOCALHOST))));
        }
        _ => {}
    }
    answer
}
