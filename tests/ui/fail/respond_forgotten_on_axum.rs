use axum::Router;
use seawall::ConcurrencyLimit;

fn main() {
    let _: Router = Router::new().layer(ConcurrencyLimit::new("api", 64).layer());
}
