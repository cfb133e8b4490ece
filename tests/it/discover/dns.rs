//! The name system: a real server on a real socket, whose answers change.

use super::Followed;
use super::names::{Say, Server};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{CNAME, SRV};
use hickory_proto::rr::{Name, RData, RecordType};
use seawall::discover::{Discovery, Dns, Found, Source};
use std::net::IpAddr;
use std::time::Duration;

const HOST: &str = "api.test.";

fn host(server: &Server) -> Dns {
    Dns::host(HOST, 80).server(server.address)
}

fn ids(found: &Found) -> Vec<String> {
    let mut ids: Vec<_> = found.endpoints().iter().map(|endpoint| endpoint.id().to_string()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn both_families_are_merged_and_the_port_added() {
    let server = Server::start().await;
    server.addresses(HOST, 60, &["10.0.0.1", "10.0.0.2", "fd00::1"]);
    let found = host(&server).ask().await.unwrap();
    assert_eq!(ids(&found), ["10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"]);
    assert_eq!(ids(&host(&server).ipv4().ask().await.unwrap()), ["10.0.0.1:80", "10.0.0.2:80"]);
    assert_eq!(ids(&host(&server).ipv6().ask().await.unwrap()), ["[fd00::1]:80"]);
}

#[tokio::test]
async fn an_address_is_itself_and_asks_nobody() {
    let server = Server::start().await;
    for (host, id) in [("10.0.0.9", "10.0.0.9:80"), ("fd00::9", "[fd00::9]:80")] {
        assert_eq!(ids(&Dns::host(host, 80).server(server.address).ask().await.unwrap()), [id]);
    }
    assert_eq!(*server.asked.lock(), 0);
}

#[tokio::test]
async fn every_question_reaches_the_server_though_the_answers_may_be_kept() {
    let server = Server::start().await;
    let mut dns = host(&server);
    for i in 1..10u8 {
        server.addresses(HOST, 86_400, &[&format!("10.0.0.{i}")]);
        assert_eq!(ids(&dns.ask().await.unwrap()), [format!("10.0.0.{i}:80")]);
    }
}

#[tokio::test]
async fn a_name_that_stands_for_another_is_followed() {
    let server = Server::start().await;
    let target = CNAME(Name::from_ascii("other.test.").unwrap());
    let address = RData::from("10.0.0.7".parse::<IpAddr>().unwrap());
    server.addresses(HOST, 60, &[]);
    server.say(HOST, RecordType::A, Say::Records(vec![(60, RData::CNAME(target)), (60, address)]));
    assert_eq!(ids(&host(&server).ask().await.unwrap()), ["10.0.0.7:80"]);
}

#[tokio::test]
async fn a_failure_of_one_family_leaves_it_as_it_was() {
    let server = Server::start().await;
    server.addresses(HOST, 60, &["10.0.0.1", "fd00::1"]);
    let mut dns = host(&server);
    dns.ask().await.unwrap();
    server.addresses(HOST, 60, &["10.0.0.2"]);
    server.say(HOST, RecordType::AAAA, Say::Code(ResponseCode::ServFail));
    assert_eq!(ids(&dns.ask().await.unwrap()), ["10.0.0.2:80", "[fd00::1]:80"]);
    server.say(HOST, RecordType::A, Say::Code(ResponseCode::Refused));
    let error = dns.ask().await.unwrap_err().to_string();
    assert!(error.contains("response"), "{error}");
}

#[tokio::test]
async fn a_name_that_is_not_there_is_nobody() {
    let server = Server::start().await;
    assert!(host(&server).ask().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_service_has_levels_weights_and_ports() {
    let server = Server::start().await;
    let record = |priority, weight, port, target: &str| {
        (60, RData::SRV(SRV::new(priority, weight, port, Name::from_ascii(target).unwrap())))
    };
    let records = vec![record(5, 3, 80, "a.test."), record(5, 1, 81, "b.test."), record(9, 0, 82, "c.test.")];
    server.say("_http._tcp.test.", RecordType::SRV, Say::Records(records));
    server.addresses("a.test.", 60, &["10.0.0.1"]);
    server.addresses("b.test.", 60, &["10.0.0.2", "fd00::2"]);
    server.addresses("c.test.", 60, &["10.0.0.3"]);
    let mut followed =
        Followed::new(Dns::service("_http._tcp.test.").server(server.address), Discovery::new());
    followed.until_that(|followed| !followed.pool.is_empty()).await;
    let stands: Vec<_> =
        followed.pool.endpoints().iter().map(|e| (e.id.to_string(), e.level, e.weight)).collect();
    let is = |id: &str, level, weight| (id.to_owned(), level, weight);
    assert_eq!(
        stands,
        [is("10.0.0.1:80", 0, 3), is("10.0.0.2:81", 0, 1), is("10.0.0.3:82", 1, 1), is("[fd00::2]:81", 0, 1)]
    );
}

#[tokio::test]
async fn an_address_knows_the_name_that_led_to_it() {
    let server = Server::start().await;
    let record =
        |port, target: &str| (60, RData::SRV(SRV::new(1, 1, port, Name::from_ascii(target).unwrap())));
    let records = vec![record(443, "a.test."), record(444, "b.test.")];
    server.say("_https._tcp.test.", RecordType::SRV, Say::Records(records));
    server.addresses("a.test.", 60, &["10.0.0.1"]);
    server.addresses("b.test.", 60, &["fd00::2"]);
    server.addresses(HOST, 60, &["10.0.0.9"]);
    let hosts = async |mut dns: Dns| {
        let found = dns.ask().await.unwrap();
        found.endpoints().iter().map(|e| format!("{} {}", e.id(), e.host_name())).collect::<Vec<_>>()
    };
    let service = Dns::service("_https._tcp.test.").server(server.address);
    assert_eq!(hosts(service).await, ["10.0.0.1:443 a.test", "[fd00::2]:444 b.test"]);
    assert_eq!(hosts(host(&server)).await, ["10.0.0.9:80 api.test"]);
    assert_eq!(hosts(Dns::host("10.0.0.7", 80)).await, ["10.0.0.7:80 10.0.0.7"]);
}

#[tokio::test]
async fn a_server_of_a_service_that_cannot_be_asked_for_stays_as_it_was() {
    let server = Server::start().await;
    let record = |target: &str| (60, RData::SRV(SRV::new(1, 1, 80, Name::from_ascii(target).unwrap())));
    server.say("_http._tcp.test.", RecordType::SRV, Say::Records(vec![record("a.test."), record("b.test.")]));
    server.addresses("a.test.", 60, &["10.0.0.1"]);
    server.addresses("b.test.", 60, &["10.0.0.2"]);
    let mut dns = Dns::service("_http._tcp.test.").server(server.address);
    assert_eq!(dns.ask().await.unwrap().len(), 2);
    server.addresses("a.test.", 60, &["10.0.0.9"]);
    server.fails("b.test.", &Say::Code(ResponseCode::ServFail));
    assert_eq!(ids(&dns.ask().await.unwrap()), ["10.0.0.2:80", "10.0.0.9:80"]);
    // Nothing but the root: the service is not offered here.
    server.say("_http._tcp.test.", RecordType::SRV, Say::Records(vec![record(".")]));
    assert!(dns.ask().await.unwrap().is_empty());
}

/// Short enough for real sockets and a real clock.
fn quick() -> Discovery {
    Discovery::new().ttl_within(Duration::from_millis(20), Duration::from_millis(40))
}

#[tokio::test]
async fn a_pool_follows_answers_that_change() {
    let server = Server::start().await;
    server.addresses(HOST, 0, &["10.0.0.1"]);
    let mut followed = Followed::new(host(&server), quick());
    followed.until(&["10.0.0.1:80"]).await;
    server.addresses(HOST, 0, &["10.0.0.1", "10.0.0.2"]);
    followed.until(&["10.0.0.1:80", "10.0.0.2:80"]).await;
    server.addresses(HOST, 86_400, &["10.0.0.2", "fd00::2"]);
    followed.until(&["10.0.0.2:80", "[fd00::2]:80"]).await;
    assert_eq!(followed.failures(), 0);
}

#[tokio::test]
async fn every_kind_of_failure_keeps_the_last_good_set() {
    let failures = [
        Say::Code(ResponseCode::ServFail),
        Say::Code(ResponseCode::Refused),
        Say::Code(ResponseCode::NXDomain),
        Say::Records(Vec::new()),
    ];
    for say in failures {
        let server = Server::start().await;
        server.addresses(HOST, 0, &["10.0.0.1"]);
        let mut followed = Followed::new(host(&server), quick());
        followed.until(&["10.0.0.1:80"]).await;
        server.fails(HOST, &say);
        followed.until_that(|followed| followed.failures() > 0).await;
        assert_eq!(followed.ids(), ["10.0.0.1:80"]);
        server.addresses(HOST, 0, &["10.0.0.2"]);
        followed.until(&["10.0.0.2:80"]).await;
    }
}

#[tokio::test]
async fn a_server_that_is_silent_is_a_failure_and_is_asked_again() {
    let server = Server::start().await;
    server.addresses(HOST, 0, &["10.0.0.1"]);
    let mut builder = hickory_resolver::TokioResolver::builder_with_config(
        {
            let mut name_server = hickory_resolver::config::NameServerConfig::udp(server.address.ip());
            name_server.connections[0].port = server.address.port();
            hickory_resolver::config::ResolverConfig::from_name_servers(vec![name_server])
        },
        hickory_resolver::net::runtime::TokioRuntimeProvider::default(),
    );
    builder.options_mut().cache_size = 0;
    builder.options_mut().attempts = 1;
    builder.options_mut().timeout = Duration::from_millis(50);
    let dns = Dns::host(HOST, 80).resolver(builder.build().unwrap());
    let mut followed = Followed::new(dns, quick());
    followed.until(&["10.0.0.1:80"]).await;
    server.fails(HOST, &Say::Nothing);
    followed.until_that(|followed| followed.failures() > 0).await;
    assert_eq!(followed.ids(), ["10.0.0.1:80"]);
    server.addresses(HOST, 0, &["10.0.0.2"]);
    followed.until(&["10.0.0.2:80"]).await;
}

#[tokio::test]
async fn a_time_to_live_of_nothing_is_five_seconds_and_one_of_a_day_five_minutes() {
    for (ttl, before, after) in [(0, 4_900, 700), (60, 59_900, 6_200), (86_400, 299_000, 32_000)] {
        let server = Server::start().await;
        server.addresses(HOST, ttl, &["10.0.0.1"]);
        let mut followed = Followed::new(host(&server).ipv4(), Discovery::new());
        followed.until_that(|followed| !followed.pool.is_empty()).await;
        // The socket is quiet from here on: virtual time is enough to see that nobody asks.
        tokio::time::pause();
        followed.run(Duration::from_millis(before)).await;
        assert_eq!(*server.asked.lock(), 1, "{ttl}");
        tokio::time::advance(Duration::from_millis(after)).await;
        tokio::time::resume();
        server.addresses(HOST, ttl, &["10.0.0.2"]);
        followed.until(&["10.0.0.2:80"]).await;
        assert_eq!(*server.asked.lock(), 2, "{ttl}");
    }
}
