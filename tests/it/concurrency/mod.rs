//! Limits on calls in flight.

mod adaptive;
mod fixed;
mod metastable;
mod priority;
mod race;
mod shed;
mod simulation;
