//! Limits on calls in flight.

mod adaptive;
mod fixed;
mod metastable;
mod netflix;
mod priority;
mod race;
mod reference;
mod server;
mod shed;
mod simulation;
