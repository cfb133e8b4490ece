//! HTTP, over real sockets where that matters.

mod exempt;
mod replay;
mod respond;
mod sockets;
