use super::*;

const FRESH: Reply = Reply { fields: &[("cache-control", "max-age=60")], ..OK };

#[tokio::test(start_paused = true)]
async fn v54_variants_lie_beside_each_other() {
    let edge =
        Edge::new(Config::new(), Reply { fields: &[("cache-control", "max-age=60"), ("vary", "x")], ..OK });
    let one = edge.get(&[("x", "1")]).await;
    assert_eq!(one.told(), "seawall; fwd=uri-miss; fwd-status=200; stored");
    let two = edge.get(&[("x", "2")]).await;
    assert_eq!(two.told(), "seawall; fwd=vary-miss; fwd-status=200; stored");
    assert_eq!(edge.get(&[("x", "1")]).await.told(), "seawall; hit; ttl=60");
    assert_eq!(edge.get(&[("x", "2")]).await.told(), "seawall; hit; ttl=60");
    assert_eq!(edge.calls(), 2);
    edge.cache.purge(&"http://a.example/x".parse().unwrap());
    edge.get(&[("x", "1")]).await;
    edge.get(&[("x", "2")]).await;
    assert_eq!(edge.calls(), 4, "all variants are gone");
}

#[tokio::test(start_paused = true)]
async fn the_oldest_of_too_many_variants_goes() {
    let fields: Fields = &[("cache-control", "max-age=60"), ("vary", "x")];
    let edge = Edge::new(Config::new().variants(2), Reply { fields, ..OK });
    let asks: [Fields; 5] = [&[("x", "1")], &[("x", "2")], &[("x", "3")], &[("x", "3")], &[("x", "1")]];
    for fields in asks {
        edge.get(fields).await;
    }
    assert_eq!(edge.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn v56_s_maxage_is_for_shared_caches() {
    for (config, fresh) in [(Config::new(), 10), (Config::new().private(), 60)] {
        let edge = Edge::new(config, Reply { fields: &[("cache-control", "s-maxage=10, max-age=60")], ..OK });
        edge.get(&[]).await;
        assert_eq!(edge.get(&[]).await.told(), format!("seawall; hit; ttl={fresh}"));
        seconds(fresh).await;
        edge.get(&[]).await;
        assert_eq!(edge.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn v58_only_if_cached() {
    let edge = Edge::new(Config::new(), FRESH);
    let asked: Fields = &[("cache-control", "only-if-cached")];
    assert_eq!(edge.get(asked).await.status, 504);
    assert_eq!(edge.calls(), 0);
    edge.get(&[]).await;
    assert_eq!(edge.get(asked).await.told(), "seawall; hit; ttl=60");
}

/// RFC 9111, 4.4.
#[tokio::test(start_paused = true)]
async fn v59_an_unsafe_request_that_went_well_invalidates() {
    for (status, calls) in [(200, 3), (303, 3), (500, 2), (404, 2)] {
        let edge = Edge::new(Config::new(), FRESH);
        edge.get(&[]).await;
        edge.set(Reply { status, ..OK });
        edge.ask(Method::POST, "http://a.example/x", &[]).await.unwrap();
        edge.set(FRESH);
        edge.get(&[]).await;
        assert_eq!(edge.calls(), calls, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unsafe_request_invalidates_what_its_answer_names_on_the_same_origin() {
    for (location, calls) in [("/x", 3), ("http://a.example/x", 3), ("http://b.example/x", 2)] {
        let edge = Edge::new(Config::new(), FRESH);
        edge.get(&[]).await;
        let fields: Fields = Box::leak(Box::new([("location", location)]));
        edge.set(Reply { status: 201, fields, ..OK });
        edge.ask(Method::PUT, "http://a.example/y", &[]).await.unwrap();
        edge.set(FRESH);
        edge.get(&[]).await;
        assert_eq!(edge.calls(), calls, "{location}");
    }
}

/// RFC 9111, 4.2.3 and 5.1; RFC 9211, 2.
#[tokio::test(start_paused = true)]
async fn v60_the_age_is_what_it_was_and_what_it_has_become() {
    let edge =
        Edge::new(Config::new(), Reply { fields: &[("cache-control", "max-age=60"), ("age", "3")], ..OK });
    edge.get(&[]).await;
    seconds(7).await;
    let got = edge.get(&[]).await;
    assert_eq!((got.field("age"), got.told()), ("10", "seawall; hit; ttl=50"));
}

/// RFC 9111, 4.3.2; RFC 9110, 13.1.
#[tokio::test(start_paused = true)]
async fn a_client_that_has_it_already_gets_no_body() {
    let date = "Wed, 21 Oct 2015 07:28:00 GMT";
    let fields: Fields = &[
        ("cache-control", "max-age=60"),
        ("etag", "W/\"a\""),
        ("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT"),
    ];
    let edge = Edge::new(Config::new(), Reply { fields, ..OK });
    let first = edge.get(&[("if-none-match", "\"b\"")]).await;
    assert_eq!(
        (first.status.as_u16(), &*first.body),
        (200, "body"),
        "the client's condition is not the origin's"
    );
    assert!(!edge.asked.lock()[0].1.contains_key("if-none-match"));
    let cases: [(Fields, u16); 5] = [
        (&[("if-none-match", "\"b\", \"a\"")], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"b\""), ("if-modified-since", "Wed, 21 Oct 2015 07:28:00 GMT")], 200),
        (&[("if-modified-since", "Wed, 21 Oct 2015 07:28:00 GMT")], 304),
        (&[("if-modified-since", "Wed, 21 Oct 2015 07:27:59 GMT")], 200),
    ];
    for (asked, status) in cases {
        let got = edge.get(asked).await;
        assert_eq!(
            (got.status.as_u16(), got.body.is_empty(), got.field("last-modified")),
            (status, status == 304, date)
        );
    }
    assert_eq!(edge.calls(), 1);
}

/// RFC 9110, 9.3.2; RFC 9111, 4.3.5.
#[tokio::test(start_paused = true)]
async fn head_is_answered_from_a_get_and_never_stored() {
    let tagged = Reply { fields: &[("cache-control", "max-age=60"), ("etag", "\"a\"")], ..OK };
    let edge = Edge::new(Config::new(), tagged);
    let head = || edge.ask(Method::HEAD, "http://a.example/x", &[]);
    head().await.unwrap();
    head().await.unwrap();
    assert_eq!(edge.calls(), 2);
    assert_eq!(edge.get(&[]).await.body, "body");
    let got = head().await.unwrap();
    assert_eq!((&*got.body, got.told(), edge.calls()), ("", "seawall; hit; ttl=60", 3));
    // A HEAD that had to be sent tells that the stored answer is old.
    edge.set(Reply { fields: &[("etag", "\"b\"")], ..OK });
    edge.ask(Method::HEAD, "http://a.example/x", &[("cache-control", "no-cache")]).await.unwrap();
    edge.set(tagged);
    edge.get(&[]).await;
    assert_eq!(edge.calls(), 5);
}
