//! The origin: a database with a pool of a few connections, each of which is busy for a while with a query. Stands for
//! SQLite on a slow disk, or PostgreSQL over a network.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

pub(crate) const CONNECTIONS: usize = 4;
/// How long a query takes.
const QUERY: Duration = Duration::from_millis(50);
/// How long a caller of the pool waits for a connection; sqlx's `acquire_timeout`.
const ACQUIRE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) name: String,
    pub(crate) category: &'static str,
    pub(crate) price: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DbError {
    #[error("no connection came free in time")]
    PoolTimedOut,
    #[error("the database is down")]
    Down,
}

pub(crate) struct Database {
    connections: Semaphore,
    rows: Mutex<BTreeMap<u32, Product>>,
    queries: AtomicU32,
    down: AtomicBool,
}

impl Database {
    /// With a hundred products, a tenth of them in each category.
    pub(crate) fn new() -> Self {
        const CATEGORIES: [&str; 2] = ["books", "tools"];
        let row = |id: u32| {
            let category = CATEGORIES[id as usize % CATEGORIES.len()];
            (id, Product { name: format!("product {id}"), category, price: 100 })
        };
        Self {
            connections: Semaphore::new(CONNECTIONS),
            rows: Mutex::new((0..100).map(row).collect()),
            queries: AtomicU32::new(0),
            down: AtomicBool::new(false),
        }
    }

    /// `SELECT * FROM products WHERE id = ?`
    pub(crate) async fn product(&self, id: u32) -> Result<Option<Product>, DbError> {
        self.query(|rows| rows.get(&id).cloned()).await
    }

    /// `UPDATE products SET price = ? WHERE id = ?`
    pub(crate) async fn set_price(&self, id: u32, price: u32) -> Result<bool, DbError> {
        self.query(|rows| rows.get_mut(&id).map(|product| product.price = price).is_some()).await
    }

    /// `UPDATE products SET price = price / 2 WHERE category = ?`
    pub(crate) async fn halve_prices(&self, category: &str) -> Result<(), DbError> {
        self.query(|rows| {
            let all = rows.values_mut().filter(|product| product.category == category);
            all.for_each(|product| product.price /= 2);
        })
        .await
    }

    async fn query<T>(&self, run: impl FnOnce(&mut BTreeMap<u32, Product>) -> T) -> Result<T, DbError> {
        if self.down.load(SeqCst) {
            return Err(DbError::Down);
        }
        let connection = timeout(ACQUIRE, self.connections.acquire()).await;
        let _connection = connection.map_err(|_| DbError::PoolTimedOut)?.map_err(|_| DbError::Down)?;
        self.queries.fetch_add(1, SeqCst);
        sleep(QUERY).await;
        Ok(run(&mut self.rows.lock()))
    }

    /// Queries since the last look.
    pub(crate) fn take_queries(&self) -> u32 {
        self.queries.swap(0, SeqCst)
    }

    pub(crate) fn fail(&self) {
        self.down.store(true, SeqCst);
    }

    pub(crate) fn recover(&self) {
        self.down.store(false, SeqCst);
    }
}
