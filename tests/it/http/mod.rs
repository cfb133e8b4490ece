//! HTTP, over real sockets where that matters.

mod exempt;
mod respond;
mod sockets;
