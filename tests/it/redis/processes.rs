//! Four processes hammer one limit: together they are admitted exactly what one would be.

use super::{RedisServer, patient};
use seawall::rate_limit::Quota;
use seawall::redis::{Limits, SharedRateLimiter};
use std::process::{Command, Stdio};

const URL: &str = "SEAWALL_TEST_HAMMERED";
const LEASES: &str = "SEAWALL_TEST_LEASES";

fn limits(leased: bool) -> Limits {
    let limits = Limits::of(Quota::per_day(1000));
    if leased { limits.leases_of(50, 4) } else { limits }
}

/// One of the four; nothing when it is run as a test.
#[test]
fn one_of_the_hammers() {
    let Ok(url) = std::env::var(URL) else { return };
    let limits = limits(std::env::var_os(LEASES).is_some());
    let limiter = SharedRateLimiter::new("hammered", patient(url), limits);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let admitted = runtime.block_on(async {
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move {
                    let mut admitted = 0;
                    for _ in 0..100 {
                        admitted += u32::from(limiter.try_acquire("all").await.is_ok());
                    }
                    admitted
                })
            })
            .collect();
        let mut admitted = 0;
        for task in tasks {
            admitted += task.await.unwrap();
        }
        admitted
    });
    println!("admitted={admitted};");
}

fn admitted_by_four(leased: bool) -> Option<u32> {
    let server = RedisServer::start(&[])?;
    let hammers: Vec<_> = (0..4)
        .map(|_| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "redis::processes::one_of_the_hammers", "--nocapture"]);
            command.env(URL, server.url()).stdout(Stdio::piped()).stderr(Stdio::null());
            if leased {
                command.env(LEASES, "1");
            }
            command.spawn().unwrap()
        })
        .collect();
    let admitted = hammers.into_iter().map(|hammer| {
        let told = String::from_utf8(hammer.wait_with_output().unwrap().stdout).unwrap();
        let (_, told) = told.split_once("admitted=").expect(&told);
        told.split(';').next().unwrap().parse::<u32>().unwrap()
    });
    Some(admitted.sum())
}

#[test]
fn four_processes_are_admitted_what_one_would_be() {
    // One comes back in 86 seconds: at most one while they run.
    let Some(admitted) = admitted_by_four(false) else { return };
    assert!((1000..=1001).contains(&admitted), "{admitted}");
}

#[test]
fn four_processes_with_leases_are_never_admitted_more() {
    let Some(admitted) = admitted_by_four(true) else { return };
    // Up to a lease of each may lie unused.
    assert!((800..=1001).contains(&admitted), "{admitted}");
}
