use super::*;

const LONG_AGO: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

/// The section, what is asked with, what is answered, and whether the second of two requests is answered from here.
#[rustfmt::skip]
const CASES: &[(&str, Fields, u16, Fields, bool)] = &[
    ("9111, 5.2.2.1", &[], 200, &[("cache-control", "max-age=60")], true),
    ("9111, 5.2 (names in any case)", &[], 200, &[("cache-control", "MAX-AGE=60")], true),
    ("9111, 5.2.2.1", &[], 200, &[("cache-control", "max-age=0")], false),
    ("9111, 4.2.1 (of two the smaller)", &[], 200, &[("cache-control", "max-age=60, max-age=0")], false),
    ("9111, 1.2.2 (overflow)", &[], 200, &[("cache-control", "max-age=99999999999999999999999")], true),
    ("9111, 4.2.2 (heuristic)", &[], 200, &[("last-modified", LONG_AGO)], true),
    ("9111, 4.2.2 (nothing to go by)", &[], 200, &[], false),
    ("9111, 5.2.2.5", &[], 200, &[("cache-control", "no-store, max-age=60")], false),
    ("9111, 5.2.2.5 (names in any case)", &[], 200, &[("cache-control", "max-age=60, No-Store")], false),
    ("9111, 5.2.2.5 (over two lines)", &[], 200, &[("cache-control", "max-age=60"), ("cache-control", "no-store")], false),
    ("9111, 5.2.2.7", &[], 200, &[("cache-control", "PRIVATE, max-age=60")], false),
    ("9111, 5.2.2.3 (understood)", &[], 200, &[("cache-control", "must-understand, no-store, max-age=60")], true),
    ("9111, 5.2.2.3 (not understood)", &[], 299, &[("cache-control", "must-understand, no-store, max-age=60")], false),
    ("9111, 5.2.2.7 (of a field: taken for all)", &[], 200, &[("cache-control", "private=\"x\", max-age=60")], false),
    ("9111, 5.2.2.4 (of a field: taken for all)", &[], 200, &[("cache-control", "no-cache=\"x\", max-age=60")], false),
    ("9111, 5.2.2.6 (no-transform changes nothing)", &[], 200, &[("cache-control", "no-transform, max-age=60")], true),
    ("9111, 5.2.3 (an extension changes nothing)", &[], 200, &[("cache-control", "community=\"UCI, x\", max-age=60")], true),
    ("9111, 5.2 (a value that is no number)", &[], 200, &[("cache-control", "max-age=soon")], false),
    ("9111, 5.2.1.1 (met)", &[("cache-control", "max-age=5")], 200, &[("cache-control", "max-age=60")], true),
    ("9111, 5.2.1.3 (met)", &[("cache-control", "min-fresh=50")], 200, &[("cache-control", "max-age=60")], true),
    ("9111, 5.5 (Warning is nothing)", &[], 200, &[("cache-control", "max-age=60"), ("warning", "110 - x")], true),
    ("9110, 15.4.9 (308, heuristic)", &[], 308, &[("last-modified", LONG_AGO), ("location", "/y")], true),
    ("9110, 15.5.11 (410)", &[], 410, &[("cache-control", "max-age=60")], true),
    ("9111, 3.3 (If-Range)", &[("if-range", "x")], 200, &[("cache-control", "max-age=60")], false),
    ("9110, 13.1.1 (If-Match)", &[("if-match", "x")], 200, &[("cache-control", "max-age=60")], false),
    ("9111, 5.2.2.4", &[], 200, &[("cache-control", "no-cache, max-age=60")], false),
    ("9111, 5.2.1.5", &[("cache-control", "no-store")], 200, &[("cache-control", "max-age=60")], false),
    ("9111, 5.2.1.4", &[("cache-control", "no-cache")], 200, &[("cache-control", "max-age=60")], false),
    ("9111, 5.4", &[("pragma", "no-cache")], 200, &[("cache-control", "max-age=60")], false),
    ("9111, 5.2.1.1", &[("cache-control", "max-age=5")], 200, &[("cache-control", "max-age=60"), ("age", "10")], false),
    ("9111, 5.2.1.3", &[("cache-control", "min-fresh=70")], 200, &[("cache-control", "max-age=60")], false),
    ("9111, 3.5", &[("authorization", "x")], 200, &[("cache-control", "max-age=60")], false),
    ("9111, 3.5 (public)", &[("authorization", "x")], 200, &[("cache-control", "public, max-age=60")], true),
    ("9111, 3.5 (s-maxage)", &[("authorization", "x")], 200, &[("cache-control", "s-maxage=60")], true),
    ("9111, 3.5 (must-revalidate)", &[("authorization", "x")], 200, &[("cache-control", "must-revalidate, max-age=60")], true),
    ("9111, 7.3", &[], 200, &[("cache-control", "max-age=60"), ("set-cookie", "a=b")], false),
    ("9111, 4.1 (Vary: *)", &[], 200, &[("cache-control", "max-age=60"), ("vary", "x, *")], false),
    ("9111, 3.3 (206)", &[], 206, &[("cache-control", "max-age=60")], false),
    ("9111, 3.3 (Range)", &[("range", "bytes=0-1")], 200, &[("cache-control", "max-age=60")], false),
    ("9111, 3 (404)", &[], 404, &[("cache-control", "max-age=60")], true),
    ("9111, 3 (302)", &[], 302, &[("location", "/y")], false),
    ("9111, 3 (302, explicit)", &[], 302, &[("cache-control", "max-age=60")], true),
    ("9111, 3 (a status not understood)", &[], 299, &[("cache-control", "max-age=60")], false),
    ("9111, 3 (500)", &[], 500, &[("cache-control", "max-age=60")], false),
    ("9111, 3 (429)", &[], 429, &[("cache-control", "max-age=60")], false),
    ("9111, 5.3", &[], 200, &[("expires", "Wed, 21 Oct 2099 07:28:00 GMT")], true),
    ("9111, 5.3 (gone by)", &[], 200, &[("expires", LONG_AGO)], false),
    ("9111, 5.3 (no date)", &[], 200, &[("expires", "0")], false),
    ("9111, 5.3 (max-age goes first)", &[], 200, &[("expires", "0"), ("cache-control", "max-age=60")], true),
    ("9111, 5.2.2.10", &[], 200, &[("cache-control", "s-maxage=0, max-age=60")], false),
    ("9111, 5.1", &[], 200, &[("cache-control", "max-age=60"), ("age", "60")], false),
    ("9111, 5.1 (overflow)", &[], 200, &[("cache-control", "max-age=60"), ("age", "99999999999999999999999")], false),
    ("9111, 4.2.3 (apparent age)", &[], 200, &[("cache-control", "max-age=60"), ("date", LONG_AGO)], false),
];

#[tokio::test(start_paused = true)]
async fn what_may_be_stored_is_and_nothing_else() {
    for (section, asked, status, fields, stored) in CASES {
        let edge = Edge::new(Config::new(), Reply { status: *status, fields, ..OK });
        for _ in 0..2 {
            let got = edge.get(asked).await;
            assert_eq!((got.status.as_u16(), &*got.body), (*status, "body"), "{section} {fields:?}");
        }
        let calls = if *stored { 1 } else { 2 };
        assert_eq!(edge.calls(), calls, "RFC {section}: {asked:?} {status} {fields:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_private_cache_stores_what_is_for_its_user() {
    let fields: Fields = &[("cache-control", "private, max-age=60"), ("set-cookie", "a=b")];
    let edge = Edge::new(Config::new().private(), Reply { fields, ..OK });
    edge.get(&[("authorization", "x")]).await;
    let got = edge.get(&[("authorization", "x")]).await;
    assert_eq!((edge.calls(), got.field("set-cookie")), (1, "a=b"));
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_passes_whole_and_is_not_stored() {
    let fields: Fields = &[("cache-control", "max-age=60")];
    let edge = Edge::new(Config::new().body(3), Reply { fields, ..OK });
    for _ in 0..2 {
        let got = edge.get(&[]).await;
        assert_eq!((&*got.body, got.told()), ("body", "seawall; fwd=uri-miss; fwd-status=200"));
    }
    assert_eq!(edge.calls(), 2);
}

/// RFC 9111, 3.1: the body that breaks off is no answer to keep.
#[tokio::test(start_paused = true)]
async fn a_body_shorter_than_it_says_is_an_error_and_not_stored() {
    let fields: Fields = &[("cache-control", "max-age=60"), ("content-length", "400")];
    let edge = Edge::new(Config::new(), Reply { fields, ..OK });
    assert!(edge.ask(Method::GET, "http://a.example/x", &[]).await.is_err());
    edge.set(Reply { fields: &[("cache-control", "max-age=60")], ..OK });
    assert_eq!(edge.get(&[]).await.body, "body");
}

#[tokio::test(start_paused = true)]
async fn tags_and_fields_of_one_connection_go_no_further() {
    let fields: Fields = &[
        ("cache-control", "max-age=60"),
        ("surrogate-key", "a b"),
        ("cache-tag", "c"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("x-two", "1"),
        ("x-two", "2"),
    ];
    let edge = Edge::new(Config::new(), Reply { fields, ..OK });
    for _ in 0..2 {
        let got = edge.get(&[]).await;
        for name in ["surrogate-key", "cache-tag", "connection", "x-hop"] {
            assert!(!got.headers.contains_key(name), "{name}");
        }
        assert_eq!(got.headers.get_all("x-two").iter().count(), 2);
    }
    assert_eq!(edge.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_purged_is_asked_for_again() {
    let purges: [(&str, fn(&HttpCache), bool); 7] = [
        ("key", |cache| cache.purge(&"http://a.example/x".parse().unwrap()), true),
        ("another key", |cache| cache.purge(&"http://a.example/y".parse().unwrap()), false),
        ("tag", |cache| cache.purge_tag("b"), true),
        ("another tag", |cache| cache.purge_tag("z"), false),
        ("prefix", |cache| cache.purge_prefix("http://a.example/"), true),
        ("another prefix", |cache| cache.purge_prefix("http://b.example/"), false),
        ("all", HttpCache::clear, true),
    ];
    for (what, purge, gone) in purges {
        let fields: Fields = &[("cache-control", "max-age=60"), ("surrogate-key", "a b")];
        let edge = Edge::new(Config::new(), Reply { fields, ..OK });
        edge.get(&[]).await;
        purge(&edge.cache);
        edge.get(&[]).await;
        edge.get(&[]).await;
        assert_eq!(edge.calls(), if gone { 2 } else { 1 }, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_clients_of_one_cold_page_are_one_request() {
    let fields: Fields = &[("cache-control", "max-age=60")];
    let after = Duration::from_millis(200);
    let edge = Arc::new(Edge::new(Config::new(), Reply { fields, after, ..OK }));
    let clients: Vec<_> = (0..1000)
        .map(|_| {
            let edge = Arc::clone(&edge);
            tokio::spawn(async move { edge.get(&[]).await })
        })
        .collect();
    let mut collapsed = 0;
    for client in clients {
        let got = client.await.unwrap();
        assert_eq!(got.body, "body");
        collapsed += usize::from(got.told().ends_with("; collapsed"));
    }
    assert_eq!((edge.calls(), collapsed), (1, 999));
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_one_client_is_not_given_to_those_who_waited_with_it() {
    let fields: Fields = &[("cache-control", "private, max-age=60")];
    let after = Duration::from_millis(200);
    let edge = Arc::new(Edge::new(Config::new(), Reply { fields, after, ..OK }));
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let edge = Arc::clone(&edge);
            tokio::spawn(async move { edge.get(&[]).await })
        })
        .collect();
    for client in clients {
        assert_eq!(client.await.unwrap().body, "body");
    }
    assert_eq!(edge.calls(), 20);
}

/// RFC 9110, 6.6.1: whoever stores an answer without a date notes when it came.
#[tokio::test(start_paused = true)]
async fn an_answer_without_a_date_is_given_that_of_its_arrival() {
    let edge = Edge::new(Config::new(), Reply { fields: &[("cache-control", "max-age=60")], ..OK });
    let first = edge.get(&[]).await.field("date").to_owned();
    assert!(httpdate::parse_http_date(&first).is_ok(), "{first}");
    assert_eq!(edge.get(&[]).await.field("date"), first);
}

/// What HTTP would let it store, and it does not, is told: nothing is lost in silence.
#[tokio::test(start_paused = true)]
async fn what_is_beyond_its_bounds_is_passed_on_and_told() {
    let many = (0..33).map(|tag| format!("t{tag} ")).collect::<String>();
    let fields: Fields =
        Box::leak(Box::new([("cache-control", "max-age=60"), ("surrogate-key", many.leak())]));
    let edge = Edge::new(Config::new(), Reply { fields, ..OK });
    assert_eq!(edge.get(&[]).await.told(), "seawall; fwd=uri-miss; fwd-status=200; detail=too-many-tags");
    let fields: Fields = &[("cache-control", "max-age=60"), ("content-length", "4")];
    let edge = Edge::new(Config::new().body(3), Reply { fields, ..OK });
    assert_eq!(edge.get(&[]).await.told(), "seawall; fwd=uri-miss; fwd-status=200; detail=too-large");
}

/// RFC 9111, 2 and 4.1: a client cannot name one resource so that it is kept as another.
#[tokio::test(start_paused = true)]
async fn a_host_with_a_path_in_it_is_not_another_address() {
    let edge = Edge::new(Config::new(), Reply { fields: &[("cache-control", "max-age=60")], ..OK });
    edge.ask(Method::GET, "/y", &[("host", "a.example/x")]).await.unwrap();
    edge.set(Reply { body: "own", ..OK });
    assert_eq!(edge.ask(Method::GET, "/x/y", &[("host", "a.example")]).await.unwrap().body, "own");
}
