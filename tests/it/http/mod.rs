//! HTTP, over real sockets where that matters.

mod body_end;
#[cfg(feature = "http-cache")]
mod cache;
mod deadline;
mod exempt;
mod forged;
mod per_client;
mod quota;
mod replay;
mod respond;
mod sockets;
