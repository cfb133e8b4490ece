//! Sessions that live in their server's memory: a cookie brings each client back to its server, and to another one,
//! with a new cookie, when that is gone. `cargo run --example sticky_sessions`.

use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response};
use seawall::balance::{Endpoint, Id, P2c, Pool, Token};
use std::collections::BTreeMap;
use std::convert::Infallible;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

/// A boxed service, as there is one per server; tower's `BoxError` has room for refusals.
type Server = BoxCloneSyncService<Request<()>, Response<&'static str>, BoxError>;

/// The token in the cookie `srv`, if there is one that makes sense.
fn cookie<B>(request: &Request<B>) -> Option<Token> {
    let cookies = request.headers().get(COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|pair| pair.strip_prefix("srv="))?.parse().ok()
}

/// A server: it answers with its name. Its service puts the server's own token into every answer.
fn server(name: &'static str) -> Endpoint<Server> {
    let id = Id::from(name);
    let cookie = format!("srv={}; Path=/; HttpOnly; SameSite=Lax", Token::of(&id));
    let service = ServiceBuilder::new()
        .map_response(move |mut response: Response<&'static str>| {
            if let Ok(cookie) = cookie.parse() {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            response
        })
        .service(service_fn(move |_: Request<()>| async move { Ok::<_, Infallible>(Response::new(name)) }));
    Endpoint::new(id, BoxCloneSyncService::new(service.map_err(BoxError::from)))
}

/// A client, which keeps its cookie.
#[derive(Default)]
struct Client {
    cookie: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let pool = Pool::new("shop", P2c::new());
    pool.set(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"].map(server));
    let shop = pool.balance().sticky(cookie);

    let ask = async |client: &mut Client| {
        let mut request = Request::builder();
        if let Some(cookie) = &client.cookie {
            request = request.header(COOKIE, format!("theme=dark; {cookie}"));
        }
        let response = shop.clone().oneshot(request.body(())?).await?;
        if let Some(set) = response.headers().get(SET_COOKIE) {
            client.cookie = Some(set.to_str()?.split(';').next().unwrap_or_default().to_owned());
        }
        Ok::<_, BoxError>(response.into_body())
    };

    // Thirty clients, spread over the servers, and each at home at one.
    let mut clients: Vec<Client> = (0..30).map(|_| Client::default()).collect();
    let mut homes = Vec::new();
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    for client in &mut clients {
        let home = ask(client).await?;
        *at.entry(home).or_default() += 1;
        for _ in 0..5 {
            assert_eq!(ask(client).await?, home);
        }
        homes.push(home);
    }
    println!("at home: {at:?}");
    assert_eq!(at.len(), 3);

    // A server that drains keeps its sessions and gets no new ones.
    pool.set_health("10.0.0.2:80", seawall::health::Health::Draining);
    for (client, &home) in clients.iter_mut().zip(&homes) {
        assert_eq!(ask(client).await?, home);
    }
    assert_ne!(ask(&mut Client::default()).await?, "10.0.0.2:80");

    // It is gone: its clients, and nobody else, find another one and stay there.
    pool.remove("10.0.0.2:80");
    let mut moved = 0;
    for (client, &home) in clients.iter_mut().zip(&homes) {
        let now = ask(client).await?;
        assert_eq!(now == home, home != "10.0.0.2:80");
        moved += usize::from(now != home);
        assert_eq!(ask(client).await?, now);
    }
    println!("10.0.0.2:80 left: {moved} of 30 clients moved, once");
    assert_eq!(Some(&moved), at.get("10.0.0.2:80"));
    Ok(())
}
