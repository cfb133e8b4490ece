//! Real backends on real sockets under load: killed and started, slow, hung, all gone; and names that change.

use super::backends::{ANY, Backend, eventually, load};
use crate::discover::names::{Say, Server};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::SRV;
use hickory_proto::rr::{Name, RData, RecordType};
use http::uri::PathAndQuery;
use seawall::balance::{Config, LeastConnections, P2c, PeakEwma, Picker, Pool, RoundRobin, State};
use seawall::discover::{Discovery, Dns};
use seawall::health::{Checks, HttpCheck, Thresholds};
use seawall::outlier::Outliers;
use seawall::telemetry::{Counters, Telemetry};
use seawall::{Instant, Ratio};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const PATIENT: Duration = Duration::from_secs(20);

fn pool<S>(picker: impl Into<Picker>, outliers: Outliers) -> Pool<S> {
    Pool::new("backends", Config::new(picker).outliers(outliers))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_die_and_come_back_under_load_and_no_request_is_lost() {
    let mut backends: Vec<_> = (0..4).map(|_| Backend::start(ANY)).collect();
    let minute = Duration::from_secs(60);
    let outliers = Outliers::new().consecutive(3).most(Ratio::percent(50)).times(minute, minute);
    let pool = pool(P2c::new(), outliers);
    pool.set(backends.iter().map(Backend::endpoint));
    // The ejection lasts for a minute: only the checks bring a backend back sooner.
    let checks =
        Checks::new().interval(Duration::from_millis(100)).thresholds(Thresholds::new(3, 2)).unejects();
    let check = HttpCheck::get(PathAndQuery::from_static("/healthz"));
    let checking = pool.check(checks, move |id, service| check.ask(id, service));
    let (seen, mut tasks) = load(&pool, PATIENT);
    tasks.spawn(async {
        checking.await;
    });
    let answers = |backend: &Backend| seen.lock().answers(backend);

    eventually(|| backends.iter().all(|backend| answers(backend) > 50)).await;
    // Half of them die in the middle of whatever they do.
    for backend in &mut backends[..2] {
        backend.kill();
    }
    let out = || pool.endpoints().iter().filter(|endpoint| endpoint.state != State::In).count();
    eventually(|| out() == 2).await;
    let before = (answers(&backends[0]), answers(&backends[2]));
    eventually(|| answers(&backends[2]) > before.1 + 200).await;
    assert_eq!(answers(&backends[0]), before.0);

    // One comes back.
    let address = backends[0].address;
    backends[0] = Backend::start(address);
    let begin = Instant::now();
    eventually(|| answers(&backends[0]) > before.0).await;
    let recovery = Instant::now() - begin;
    // Two checks, a tenth of a second apart; the rest is a slow machine's.
    assert!(recovery < Duration::from_secs(5), "{recovery:?}");
    eventually(|| answers(&backends[0]) > before.0 + 50).await;

    drop(tasks);
    let seen = seen.lock();
    println!("{} requests served, {} lost, back after {recovery:?}", seen.served(), seen.lost);
    assert_eq!(seen.lost, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_becomes_slow_gets_what_it_can_do_and_is_found_again_when_it_is_well() {
    for picker in [
        Picker::from(P2c::new()),
        PeakEwma::new().decay(Duration::from_secs(1)).into(),
        LeastConnections::new().into(),
    ] {
        let backends: Vec<_> = (0..4).map(|_| Backend::start(ANY)).collect();
        let pool = Pool::new("backends", Config::new(picker.clone()));
        pool.set(backends.iter().map(Backend::endpoint));
        backends.iter().for_each(|backend| backend.take(2));
        let (seen, tasks) = load(&pool, PATIENT);
        let answers = |backend: &Backend| seen.lock().answers(backend);
        eventually(|| backends.iter().all(|backend| answers(backend) > 50)).await;
        backends[0].take(300);
        let before = (answers(&backends[0]), seen.lock().served());
        eventually(|| seen.lock().served() > before.1 + 1_500).await;
        let share = f64::from(answers(&backends[0]) - before.0) / f64::from(seen.lock().served() - before.1);
        // Round robin would give it a quarter, and all eight callers would stand there.
        assert!(share < 0.05, "{picker:?}: {share}");
        backends[0].take(2);
        let before = answers(&backends[0]);
        eventually(|| answers(&backends[0]) > before + 50).await;
        drop(tasks);
        println!("{picker:?}: {:.2} % while slow", share * 100.0);
        assert_eq!(seen.lock().lost, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_accepts_and_never_answers_is_found_by_the_calls_that_are_given_up() {
    let patience = Duration::from_millis(500);
    let outliers = Outliers::new().consecutive(3).slow(patience).times(Duration::from_secs(1), PATIENT);
    // The blindest picker: only the judgement of the calls keeps it away from there.
    let pool = pool(RoundRobin::new(), outliers);
    let mut backends = [Backend::hung(ANY), Backend::start(ANY), Backend::start(ANY)];
    pool.set(backends.iter().map(Backend::endpoint));
    let (begin, address) = (Instant::now(), backends[0].address);
    let (seen, tasks) = load(&pool, patience);
    let answers = |backend: &Backend| seen.lock().answers(backend);
    let is_out = || {
        let of = pool.endpoints();
        of.iter().any(|e| e.id.as_str() == address.to_string() && matches!(e.state, State::Ejected { .. }))
    };
    eventually(is_out).await;
    let found = Instant::now() - begin;
    // While it is out nobody waits for it.
    let before = answers(&backends[1]);
    eventually(|| answers(&backends[1]) > before + 200).await;

    backends[0].kill();
    backends[0] = Backend::start(address);
    let (before, begin) = (answers(&backends[0]), Instant::now());
    eventually(|| answers(&backends[0]) > before + 50).await;
    let back = Instant::now() - begin;
    drop(tasks);
    let seen = seen.lock();
    println!("{} served, {} lost; out after {found:?}, back after {back:?}", seen.served(), seen.lost);
    assert!(found >= patience && found < Duration::from_secs(5), "{found:?}");
    assert_eq!(seen.lost, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_backends_down_callers_hear_at_once_and_one_that_returns_serves() {
    let outliers = Outliers::new().consecutive(3).most(Ratio::ONE);
    let pool = pool(P2c::new(), outliers);
    let mut backends: Vec<_> = (0..3).map(|_| Backend::start(ANY)).collect();
    pool.set(backends.iter().map(Backend::endpoint));
    let (seen, tasks) = load(&pool, PATIENT);
    let answers = |backend: &Backend| seen.lock().answers(backend);
    eventually(|| backends.iter().all(|backend| answers(backend) > 50)).await;
    backends.iter_mut().for_each(Backend::kill);
    // Refused connections are answers: nobody waits for anything.
    let before = seen.lock().lost;
    eventually(|| seen.lock().lost > before + 500).await;

    let address = backends[1].address;
    backends[1] = Backend::start(address);
    let (before, begin) = (answers(&backends[1]), Instant::now());
    eventually(|| answers(&backends[1]) > before).await;
    let back = Instant::now() - begin;
    eventually(|| answers(&backends[1]) > before + 50).await;
    // From its first answer on it carries all alone.
    let lost = seen.lock().lost;
    let served = answers(&backends[1]);
    eventually(|| answers(&backends[1]) > served + 200).await;
    assert_eq!(seen.lock().lost, lost, "what could be served was");
    for backend in [0, 2] {
        backends[backend] = Backend::start(backends[backend].address);
    }
    eventually(|| backends.iter().all(|backend| answers(backend) > served)).await;
    drop(tasks);
    println!("served again after {back:?}");
    assert!(back < Duration::from_secs(5), "{back:?}");
}

const SERVICE: &str = "_http._tcp.test.";
const NODE: &str = "node.test.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_change_under_load_and_no_request_is_lost() {
    let names = Server::start().await;
    let tell = |backends: &[&Backend]| {
        let record = |backend: &&Backend| {
            let srv = SRV::new(1, 1, backend.address.port(), Name::from_ascii(NODE).unwrap());
            (0, RData::SRV(srv))
        };
        names.say(SERVICE, RecordType::SRV, Say::Records(backends.iter().map(record).collect()));
    };
    names.addresses(NODE, 0, &["127.0.0.1"]);
    let mut backends: Vec<_> = (0..4).map(|_| Backend::start(ANY)).collect();
    tell(&[&backends[0], &backends[1]]);

    let counters = Arc::new(Counters::default());
    let pool = Pool::new(Telemetry::new("backends").observer(counters.clone()), P2c::new());
    let often = Duration::from_millis(20);
    let rules = Discovery::new().ttl_within(often, often);
    let source = Dns::service(SERVICE).server(names.address);
    let driving = pool.drive(rules, source, |found| {
        let address = found.id().as_str().parse().unwrap();
        found.with(seawall::Lift::new(super::backends::To::new(address)))
    });
    let mut drivers = JoinSet::new();
    drivers.spawn(async {
        driving.await;
    });
    pool.ready().await;
    let (seen, tasks) = load(&pool, PATIENT);
    let answers = |backend: &Backend| seen.lock().answers(backend);
    eventually(|| answers(&backends[0]) > 50 && answers(&backends[1]) > 50).await;

    // One comes, and one leaves as it should: first its name, then its calls, then itself.
    tell(&[&backends[0], &backends[1], &backends[2]]);
    eventually(|| answers(&backends[2]) > 50).await;
    tell(&[&backends[1], &backends[2]]);
    eventually(|| pool.len() == 2).await;
    let last = answers(&backends[0]);
    let before = answers(&backends[2]);
    eventually(|| answers(&backends[2]) > before + 100).await;
    // Eight were under way at most.
    assert!(answers(&backends[0]) <= last + 8);
    backends[0].kill();

    // One dies without a word, and its name stays for a while.
    backends[1].kill();
    let before = answers(&backends[2]);
    eventually(|| answers(&backends[2]) > before + 100).await;
    // Then nobody has a name, and then nobody answers for names: the last good set stays.
    tell(&[&backends[2]]);
    eventually(|| pool.len() == 1).await;
    names.say(SERVICE, RecordType::SRV, Say::Records(Vec::new()));
    eventually(|| counters.snapshot().discovery_failures > 0).await;
    names.say(SERVICE, RecordType::SRV, Say::Code(ResponseCode::ServFail));
    let (before, failures) = (answers(&backends[2]), counters.snapshot().discovery_failures);
    eventually(|| answers(&backends[2]) > before + 100 && counters.snapshot().discovery_failures > failures)
        .await;
    assert_eq!(pool.len(), 1);
    tell(&[&backends[2], &backends[3]]);
    eventually(|| answers(&backends[3]) > 50).await;

    drop(tasks);
    let seen = seen.lock();
    println!("{} requests served, {} lost", seen.served(), seen.lost);
    assert_eq!(seen.lost, 0);
}
