//! Changes now, writes later.

#![expect(clippy::disallowed_methods, reason = "a driver is the user's to spawn")]

mod crash;
mod failing;
mod front;
mod history;
mod vectors;
mod waiting;

use parking_lot::Mutex;
use seawall::Instant;
use seawall::cache::write_behind::Write;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// A source that remembers every store call: when, and which keys with which values.
#[derive(Clone, Default)]
struct Source(Arc<Mutex<Vec<Call>>>);

#[derive(Clone, Debug, PartialEq)]
struct Call {
    at: u128,
    writes: Vec<(u32, Option<u32>)>,
}

impl Source {
    /// Takes nothing of the time, and everything it is given.
    fn store(
        &self,
    ) -> impl FnMut(Vec<Write<u32, u32>>) -> std::future::Ready<Result<(), &'static str>> + Send + 'static
    {
        let (source, start) = (self.clone(), Instant::now());
        move |batch| {
            source.note(start, &batch);
            std::future::ready(Ok(()))
        }
    }

    /// Answers after `time` what `answer` says.
    fn slow(
        &self,
        time: Duration,
        mut answer: impl FnMut(&[Write<u32, u32>]) -> Result<(), &'static str> + Send + 'static,
    ) -> impl FnMut(
        Vec<Write<u32, u32>>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>>
    + Send
    + 'static {
        let (source, start) = (self.clone(), Instant::now());
        move |batch| {
            source.note(start, &batch);
            let answer = answer(&batch);
            Box::pin(async move {
                wait(time).await;
                answer
            })
        }
    }

    fn note(&self, start: Instant, batch: &[Write<u32, u32>]) {
        let at = (Instant::now() - start).as_millis();
        let writes = batch.iter().map(|write| (*write.key(), write.value().copied())).collect();
        self.0.lock().push(Call { at, writes });
    }

    fn calls(&self) -> Vec<Call> {
        self.0.lock().clone()
    }

    /// When each call was made, and of how many keys.
    fn sizes(&self) -> Vec<(u128, usize)> {
        self.calls().iter().map(|call| (call.at, call.writes.len())).collect()
    }
}

/// Lets virtual time go by.
async fn wait(time: Duration) {
    tokio::time::timeout(time, std::future::pending::<()>()).await.unwrap_err();
}
