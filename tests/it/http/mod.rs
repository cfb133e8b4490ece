//! HTTP, over real sockets where that matters.

mod deadline;
mod exempt;
mod per_client;
mod replay;
mod respond;
mod sockets;
