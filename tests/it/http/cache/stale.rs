use super::*;

const TAGGED: Fields = &[("cache-control", "max-age=10"), ("etag", "\"a\""), ("x", "old")];

/// RFC 9111, 4.3.3 and 3.2.
#[tokio::test(start_paused = true)]
async fn a_304_renews_what_is_stored() {
    let valid: Fields = &[
        ("cache-control", "max-age=20"),
        ("etag", "\"a\""),
        ("x", "new"),
        ("y", "new"),
        ("content-length", "0"),
    ];
    let edge = Edge::new(Config::new(), Reply { fields: TAGGED, valid: Some(valid), ..OK });
    edge.get(&[]).await;
    seconds(15).await;
    let got = edge.get(&[]).await;
    assert_eq!(
        (got.status.as_u16(), &*got.body, got.field("x"), got.field("y")),
        (200, "body", "new", "new")
    );
    assert_ne!(got.field("content-length"), "0");
    assert_eq!(got.told(), "seawall; fwd=stale; fwd-status=304; stored");
    assert_eq!(edge.asked.lock()[1].1["if-none-match"], "\"a\"");
    assert_eq!(edge.get(&[]).await.told(), "seawall; hit; ttl=20");
}

/// RFC 9111, 4.3.4.
#[tokio::test(start_paused = true)]
async fn a_304_about_another_answer_is_asked_about_once_more() {
    let edge = Edge::new(Config::new(), Reply { fields: TAGGED, valid: Some(&[("etag", "\"b\"")]), ..OK });
    edge.get(&[]).await;
    seconds(15).await;
    edge.reply.lock().body = "newer";
    let got = edge.get(&[]).await;
    assert_eq!((got.status.as_u16(), &*got.body, edge.calls()), (200, "newer", 3));
}

/// RFC 5861, 3.
#[tokio::test(start_paused = true)]
async fn v57_stale_while_revalidate() {
    let fields: Fields = &[("cache-control", "max-age=10, stale-while-revalidate=30"), ("etag", "\"a\"")];
    let edge = Edge::new(Config::new(), Reply { fields, ..OK });
    edge.get(&[]).await;
    seconds(20).await;
    edge.set(Reply { fields, body: "newer", after: Duration::from_millis(300), ..OK });
    let start = seawall::Instant::now();
    let got = edge.get(&[]).await;
    assert_eq!(seawall::Instant::now(), start, "at once");
    assert_eq!((&*got.body, got.told()), ("body", "seawall; hit; ttl=-10; detail=stale-while-revalidate"));
    seconds(1).await;
    assert_eq!(edge.asked.lock()[1].1["if-none-match"], "\"a\"");
    assert_eq!((&*edge.get(&[]).await.body, edge.calls()), ("newer", 2));
}

/// RFC 5861, 4: the window, what counts as an error, and what forbids it.
#[tokio::test(start_paused = true)]
async fn stale_if_error() {
    let sie: Fields = &[("cache-control", "max-age=10, stale-if-error=30")];
    let must: Fields = &[("cache-control", "max-age=10, stale-if-error=30, must-revalidate")];
    let shared: Fields = &[("cache-control", "s-maxage=10, stale-if-error=30")];
    let down = Reply { down: true, ..OK };
    let status = |status| Reply { status, body: "no", ..OK };
    let cases: [(&str, Fields, u64, Reply, u16, &str); 9] = [
        ("503", sie, 40, status(503), 200, "body"),
        ("500", sie, 20, status(500), 200, "body"),
        ("the window is over", sie, 41, status(503), 503, "no"),
        ("404 is no error", sie, 20, status(404), 404, "no"),
        ("429 is no error", sie, 20, status(429), 429, "no"),
        ("down", sie, 20, down, 200, "body"),
        ("must-revalidate, 503", must, 20, status(503), 503, "no"),
        ("must-revalidate, down (RFC 9111, 5.2.2.2)", must, 20, down, 504, ""),
        ("s-maxage (RFC 9111, 5.2.2.10)", shared, 20, status(503), 503, "no"),
    ];
    for (what, fields, at, reply, status, body) in cases {
        // With a validator, so that it is kept longer than it may be sent.
        let fields: Fields = Box::leak([fields, &[("etag", "\"a\"")]].concat().into_boxed_slice());
        let edge = Edge::new(Config::new(), Reply { fields, ..OK });
        edge.get(&[]).await;
        seconds(at).await;
        edge.set(reply);
        let got = edge.get(&[]).await;
        assert_eq!((got.status.as_u16(), &*got.body), (status, body), "{what}: {got:?}");
        if status == 200 {
            assert!(got.told().ends_with("detail=stale-if-error"), "{what}: {}", got.told());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_is_down_is_an_error_where_nothing_may_stand_in() {
    let edge = Edge::new(Config::new(), Reply { fields: TAGGED, ..OK });
    edge.set(Reply { down: true, ..OK });
    assert_eq!(edge.ask(Method::GET, "http://a.example/x", &[]).await.unwrap_err(), "the service failed");
    edge.set(Reply { fields: TAGGED, ..OK });
    edge.get(&[]).await;
    seconds(20).await;
    edge.set(Reply { down: true, ..OK });
    assert!(edge.ask(Method::GET, "http://a.example/x", &[]).await.is_err());
}

/// RFC 9111, 5.2.1.2; the request's own window of RFC 5861, 4.
#[tokio::test(start_paused = true)]
async fn a_client_may_take_what_is_stale() {
    let edge = Edge::new(Config::new(), Reply { fields: TAGGED, ..OK });
    edge.get(&[]).await;
    seconds(15).await;
    let got = edge.get(&[("cache-control", "max-stale=5")]).await;
    assert_eq!((edge.calls(), got.told()), (1, "seawall; hit; ttl=-5; detail=max-stale"));
    edge.set(Reply { status: 503, ..OK });
    let got = edge.get(&[("cache-control", "stale-if-error=60")]).await;
    assert_eq!((got.status.as_u16(), edge.calls()), (200, 2));
    assert_eq!(got.told(), "seawall; fwd=stale; fwd-status=503; detail=stale-if-error");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_may_be_deaf_to_reloads() {
    for (config, calls) in [(Config::new(), 2), (Config::new().ignore_reloads(), 1)] {
        let edge = Edge::new(config, Reply { fields: TAGGED, ..OK });
        edge.get(&[]).await;
        edge.get(&[("cache-control", "no-cache")]).await;
        assert_eq!(edge.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_soft_purge_begins_the_stale_windows() {
    let fields: Fields = &[("cache-control", "max-age=60, stale-while-revalidate=30"), ("cache-tag", "a, b")];
    let purges: [fn(&HttpCache); 2] =
        [|cache| cache.soft_purge(&"http://a.example/x".parse().unwrap()), |cache| cache.soft_purge_tag("b")];
    for purge in purges {
        let edge = Edge::new(Config::new(), Reply { fields, ..OK });
        edge.get(&[]).await;
        seconds(1).await;
        purge(&edge.cache);
        assert_eq!(edge.get(&[]).await.told(), "seawall; hit; ttl=0; detail=stale-while-revalidate");
        seconds(1).await;
        assert_eq!((edge.calls(), edge.get(&[]).await.told()), (2, "seawall; hit; ttl=59"));
    }
}

/// RFC 9111, 5.2.2.8: a shared cache must ask, a private one need not.
#[tokio::test(start_paused = true)]
async fn proxy_revalidate_is_for_shared_caches() {
    let fields: Fields =
        &[("cache-control", "max-age=10, stale-if-error=60, proxy-revalidate"), ("etag", "\"a\"")];
    for (config, status) in [(Config::new(), 503), (Config::new().private(), 200)] {
        let edge = Edge::new(config, Reply { fields, ..OK });
        edge.get(&[]).await;
        seconds(20).await;
        edge.set(Reply { status: 503, ..OK });
        assert_eq!(edge.get(&[]).await.status, status);
    }
}

/// RFC 9111, 5.2.1.1 and 5.2.1.2 together: old is fine, that old is not.
#[tokio::test(start_paused = true)]
async fn a_client_may_take_what_is_stale_but_not_older_than_it_says() {
    for (asked, calls) in [("max-stale=60, max-age=20", 1), ("max-stale=60, max-age=12", 2)] {
        let edge = Edge::new(Config::new(), Reply { fields: TAGGED, ..OK });
        edge.get(&[]).await;
        seconds(15).await;
        edge.get(Box::leak(Box::new([("cache-control", asked)]))).await;
        assert_eq!(edge.calls(), calls, "{asked}");
    }
}

/// RFC 9111, 5.2.1.4: whoever insists is not given what is stale, not even within a window.
#[tokio::test(start_paused = true)]
async fn no_cache_is_not_answered_from_a_stale_window() {
    let fields: Fields = &[("cache-control", "max-age=10, stale-while-revalidate=60"), ("etag", "\"a\"")];
    for asked in ["no-cache", "max-age=0", "min-fresh=1"] {
        let edge = Edge::new(Config::new(), Reply { fields, ..OK });
        edge.get(&[]).await;
        seconds(20).await;
        edge.reply.lock().body = "newer";
        let got = edge.get(Box::leak(Box::new([("cache-control", asked)]))).await;
        assert_eq!((&*got.body, got.told()), ("newer", "seawall; fwd=request; fwd-status=200"), "{asked}");
    }
}

/// One client's reload takes nothing away from the others.
#[tokio::test(start_paused = true)]
async fn a_reload_that_fails_leaves_what_is_stored() {
    let edge = Edge::new(Config::new(), Reply { fields: TAGGED, ..OK });
    edge.get(&[]).await;
    let reload: Fields = &[("cache-control", "no-cache")];
    edge.set(Reply { status: 503, ..OK });
    assert_eq!(edge.get(reload).await.status, 503);
    edge.set(Reply { down: true, ..OK });
    assert!(edge.ask(Method::GET, "http://a.example/x", reload).await.is_err());
    assert_eq!(edge.get(&[]).await.told(), "seawall; hit; ttl=10");
    assert_eq!(edge.calls(), 3);
}

/// RFC 9111, 4.3.5, for what a reload brings: another answer than the stored one makes that old.
#[tokio::test(start_paused = true)]
async fn a_reload_that_brings_another_answer_makes_the_stored_one_old() {
    let reload: Fields = &[("cache-control", "no-cache")];
    let other: Fields = &[("cache-control", "max-age=10"), ("etag", "\"b\"")];
    for (fields, calls) in [(TAGGED, 2), (other, 3)] {
        let edge = Edge::new(Config::new(), Reply { fields: TAGGED, ..OK });
        edge.get(&[]).await;
        edge.set(Reply { fields, ..OK });
        edge.get(reload).await;
        edge.get(&[]).await;
        assert_eq!(edge.calls(), calls);
    }
}

/// RFC 9211, 2.1 and 2.2: what was not forwarded is a hit, also when it is stale because the origin failed a moment ago.
#[tokio::test(start_paused = true)]
async fn while_a_failed_origin_is_spared_it_is_not_told_as_forwarded() {
    let fields: Fields = &[("cache-control", "max-age=10, stale-if-error=60")];
    let edge = Edge::new(Config::new(), Reply { fields, ..OK });
    edge.get(&[]).await;
    seconds(20).await;
    edge.set(Reply { status: 503, ..OK });
    assert_eq!(edge.get(&[]).await.told(), "seawall; fwd=stale; fwd-status=503; detail=stale-if-error");
    assert_eq!(edge.get(&[]).await.told(), "seawall; hit; ttl=-10; detail=stale-if-error");
    assert_eq!(edge.calls(), 2);
}
