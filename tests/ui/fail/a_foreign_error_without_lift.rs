use seawall::ConcurrencyLimit;
use tower::{Layer, Service, service_fn};

fn serve<S: Service<u32>>(_: S) {}

fn main() {
    let service = service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) });
    serve(ConcurrencyLimit::new("db", 1).layer().layer(service));
}
