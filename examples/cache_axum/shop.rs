//! The app: products are read through a cache, and written around it.

use crate::database::{CONNECTIONS, Database, DbError, Product};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use seawall::Error;
use seawall::cache::{CacheAside, Freshness, Lifetime, LoadError, Loaded, Memory, Negative, Settings};
use std::sync::Arc;
use std::time::Duration;

pub(crate) type Products = CacheAside<u32, Product, DbError>;

#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) database: Arc<Database>,
    pub(crate) products: Products,
}

impl Shop {
    pub(crate) fn new() -> Self {
        // A minute fresh; for five more minutes old at once while the next is fetched; for a day old if that fails.
        let lifetime = Lifetime::of(Duration::from_secs(60))
            .stale_while_revalidate(Duration::from_secs(300))
            .stale_if_error(Duration::from_secs(24 * 3600));
        let settings = Settings::new(lifetime)
            // What is not there is asked for as often as what is.
            .negative(Negative::ttl(Duration::from_secs(10)))
            // More would wait for a connection, and time out there; here they wait in order.
            .max_loads(CONNECTIONS);
        let products = CacheAside::new("products", Memory::lfu(10_000), settings);
        Self { database: Arc::new(Database::new()), products }
    }

    pub(crate) fn app(self) -> Router {
        Router::new()
            .route("/products/{id}", get(product))
            .route("/products/{id}/price/{price}", put(set_price))
            .route("/categories/{category}/sale", post(sale))
            .with_state(self)
    }

    /// The same app without the cache, to see what it is good for.
    pub(crate) fn bare_app(self) -> Router {
        let product =
            async |State(shop): State<Self>, Path(id): Path<u32>| match shop.database.product(id).await {
                Ok(Some(product)) => shown(&product).into_response(),
                Ok(None) => StatusCode::NOT_FOUND.into_response(),
                Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            };
        Router::new().route("/products/{id}", get(product)).with_state(self)
    }
}

async fn product(State(shop): State<Shop>, Path(id): Path<u32>) -> Response {
    let database = Arc::clone(&shop.database);
    let load = async move || {
        let row = database.product(id).await?;
        Ok(row.map_or_else(Loaded::missing, |product| {
            let category = product.category;
            Loaded::value(product).tags([category])
        }))
    };
    match shop.products.get_or_find(&id, load).await {
        Ok(Some(product)) => {
            let told = match product.freshness() {
                Freshness::Fresh => "fresh".to_owned(),
                Freshness::Stale(why) => format!("stale, {}", why.as_str()),
            };
            ([("x-cache", told)], shown(&product)).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

/// The database first, then the fence: whoever asks after this answer sees the new price.
async fn set_price(State(shop): State<Shop>, Path((id, price)): Path<(u32, u32)>) -> StatusCode {
    let written = shop.database.set_price(id, price).await;
    shop.products.invalidate(&id);
    match written {
        Ok(true) => StatusCode::NO_CONTENT,
        Ok(false) => StatusCode::NOT_FOUND,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn sale(State(shop): State<Shop>, Path(category): Path<String>) -> StatusCode {
    let written = shop.database.halve_prices(&category).await;
    shop.products.invalidate_tag(category);
    written.map_or(StatusCode::SERVICE_UNAVAILABLE, |()| StatusCode::NO_CONTENT)
}

fn shown(product: &Product) -> String {
    format!("{}: {}\n", product.name, product.price)
}

fn failed(error: &Error<LoadError<DbError>>) -> Response {
    let status = match error {
        Error::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
        Error::Rejected(_) | Error::Inner(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{error}\n")).into_response()
}
