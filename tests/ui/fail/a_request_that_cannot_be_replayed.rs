use seawall::{LiftLayer, Retry, retry::Plan};
use tower::{Service, ServiceBuilder, service_fn};

/// Not `Clone`.
struct Upload(Vec<u8>);

fn serve<S: Service<Upload>>(_: S) {}

fn main() {
    let service = service_fn(|upload: Upload| async move { Ok::<_, std::io::Error>(upload.0.len()) });
    let retry = Retry::new("uploads", Plan::new());
    serve(ServiceBuilder::new().layer(retry.layer()).layer(LiftLayer).service(service));
}
