use super::dial::{DIALLING, Dialling, Line, Server};
use crate::sync::Mutex;
use crate::time::Instant;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

/// The one line to a server that all commands share. The first command dials; one that is cut off by its timeout leaves the
/// dialling to the next.
pub(super) struct Lines {
    pub(super) server: Server,
    // The line, and how many there were before it.
    line: Mutex<(u64, Option<Line>)>,
    // Whoever holds the lock drives it.
    dialling: tokio::sync::Mutex<Option<(Instant, Dialling)>>,
}

impl Lines {
    pub(super) fn to(server: Server) -> Self {
        Self { server, line: Mutex::new((0, None)), dialling: tokio::sync::Mutex::new(None) }
    }

    /// The next command dials anew.
    pub(super) fn let_go(&self) {
        self.line.lock().1 = None;
    }

    pub(super) async fn send(
        &self,
        command: &Cmd,
        next: impl FnOnce(&RedisError) -> Option<Cmd>,
    ) -> RedisResult<Value> {
        let (number, mut line) = self.line().await?;
        let mut reply = line.send(command).await;
        if let Err(error) = &reply
            && let Some(next) = next(error)
        {
            reply = line.send(&next).await;
        }
        if let Err(error) = &reply
            && is_lost(error)
        {
            let mut current = self.line.lock();
            if current.0 == number {
                current.1 = None;
            }
        }
        reply
    }

    async fn line(&self) -> RedisResult<(u64, Line)> {
        if let (number, Some(line)) = &*self.line.lock() {
            return Ok((*number, line.clone()));
        }
        let mut dialling = self.dialling.lock().await;
        if let (number, Some(line)) = &*self.line.lock() {
            return Ok((*number, line.clone()));
        }
        let now = Instant::now();
        // One that nobody has driven for so long has timed out.
        if dialling.as_ref().is_some_and(|(since, _)| now - *since >= DIALLING) {
            *dialling = None;
        }
        let (_, dial) = dialling.get_or_insert_with(|| (now, self.server.dial()));
        let made = dial.as_mut().await;
        *dialling = None;
        let line = made?;
        let mut current = self.line.lock();
        *current = (current.0 + 1, Some(line.clone()));
        Ok((current.0, line))
    }
}

/// Whether the line leads nowhere any more, or to a server that is no longer the master.
fn is_lost(error: &RedisError) -> bool {
    let elsewhere = ErrorKind::Server(ServerErrorKind::ReadOnly);
    error.is_unrecoverable_error() || error.is_io_error() || error.kind() == elsewhere
}
