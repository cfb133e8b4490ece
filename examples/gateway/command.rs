//! The command line.

use std::net::SocketAddr;

pub(crate) const USAGE: &str = "\
A small API gateway on seawall, in front of backends that it starts itself.

Usage: gateway                  drives its own traffic through a storm, and says what came of it
       gateway --listen ADDR    serves on ADDR (such as 127.0.0.1:8080) until SIGTERM or ctrl-c, then drains
       gateway --help";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Storm,
    Listen(SocketAddr),
    Help,
}

impl Command {
    /// What these arguments say, or what is wrong with them.
    pub(crate) fn parse(mut args: impl Iterator<Item = std::ffi::OsString>) -> Result<Self, String> {
        let Some(first) = args.next() else { return Ok(Self::Storm) };
        let command = match first.to_str() {
            Some("--help" | "-h") => Self::Help,
            Some("--listen") => {
                let address = args.next().ok_or("--listen wants an address, such as 127.0.0.1:8080")?;
                let readable = address.to_str().and_then(|address| address.parse().ok());
                Self::Listen(
                    readable.ok_or_else(|| format!("{address:?} is no address, such as 127.0.0.1:8080"))?,
                )
            }
            _ => return Err(format!("{first:?} is not understood")),
        };
        match args.next() {
            Some(more) => Err(format!("{more:?} is too much")),
            None => Ok(command),
        }
    }
}
