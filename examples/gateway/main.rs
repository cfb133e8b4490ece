//! A small but real API gateway on seawall: axum and hyper in front of real HTTP backends on loopback.
//!
//! ```text
//! cargo run --example gateway                            a storm of its own, an account of it, exit code 0 if all held
//! cargo run --example gateway -- --listen 127.0.0.1:8080 serves until stopped; try it with curl or wrk
//! ```
//!
//! The gateway, in the order in which a request meets it:
//!
//! | file | what it is |
//! |---|---|
//! | `edge` | the layers that clients meet: request id, deadline, limits, keys; health and metrics pages |
//! | `auth` | API keys, and what each may do |
//! | `forward` | one request on its way out, and its answer on the way back |
//! | `upload` | its body: small ones can be sent again, large ones are streamed and sent once |
//! | `upstream` | the way to one group of backends: cache, overload guard, retry, breaker, balancer, health |
//!
//! The rest is its surroundings: `command` and `listen` run it, `backend` and `seen` are what it stands in front of,
//! `storm` is the traffic, the weather and the account of them.

/// `println!`, except that nobody who stops listening (`| head`) makes it panic.
macro_rules! say {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout(), $($what)*).ok();
    }};
}

mod auth;
mod backend;
mod command;
mod edge;
mod forward;
mod listen;
mod seen;
mod storm;
mod upload;
mod upstream;

use crate::command::{Command, USAGE};
use std::error::Error as StdError;
use std::process::ExitCode;
use std::time::Duration;

type Failure = Box<dyn StdError + Send + Sync>;

/// The groups of backends, and who is in them: orders are written and never cached, the catalogue is read.
const GROUPS: [(&str, &[&str]); 2] = [("orders", &["a", "b", "c"]), ("catalogue", &["d", "e"])];

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(wrong) => {
            eprintln!("gateway: {wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("gateway: {failure}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(command: Command) -> Result<bool, Failure> {
    match command {
        Command::Help => {
            say!("{USAGE}");
            Ok(true)
        }
        Command::Storm => storm::run().await,
        Command::Listen(address) => listen::run(address).await.map(|()| true),
    }
}

#[expect(clippy::disallowed_methods, reason = "a program may sleep; the library may not")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
