//! Three nodes on this machine: a key's limits stay together, and redirects are followed.

use super::{PATIENT, RedisServer, until};
use seawall::rate_limit::Quota;
use seawall::rate_limit::remote::Rule;
use seawall::redis::{Limits, SharedRateLimiter, Store};
use std::time::Duration;

#[tokio::test]
async fn limits_of_a_key_live_together_and_keys_are_spread() {
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "20000"];
    let nodes: Vec<_> = (0..3).map_while(|_| RedisServer::start(&arguments)).collect();
    let [first, others @ ..] = &*nodes else { return };
    for (node, slots) in nodes.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
        assert_eq!(node.command(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]), "+OK\r\n");
    }
    for other in others {
        first.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()]);
    }
    for node in &nodes {
        until("the nodes agree", async || node.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok"))
            .await;
    }

    // It is told of one node only; the others it learns of.
    let client = redis::cluster::ClusterClient::new([first.url()]).unwrap();
    let store = Store::new("store", client).timeout(PATIENT);
    let limits = Limits::of(Quota::per_day(3))
        .and(Rule::FixedWindow { limit: 2, window: Duration::from_secs(86_400) });
    let limiter = SharedRateLimiter::new("api", store, limits.remembered(0));
    for key in 0..60 {
        let key = format!("user {key}");
        let admitted = [(); 3].map(|()| limiter.try_acquire(&key));
        let mut passed = 0;
        for call in admitted {
            passed += u32::from(call.await.is_ok());
        }
        assert_eq!(passed, 2, "{key}");
    }
    let held: Vec<u32> = nodes
        .iter()
        .map(|node| node.command(&["DBSIZE"]).trim_start_matches(':').trim().parse().unwrap())
        .collect();
    assert_eq!(held.iter().sum::<u32>(), 120);
    assert!(held.iter().all(|&keys| keys > 0), "{held:?}");
}
