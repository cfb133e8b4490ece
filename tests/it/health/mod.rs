//! The ready-made checks.

#[cfg(feature = "http")]
mod grpc;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "net")]
mod tcp;
mod told;
