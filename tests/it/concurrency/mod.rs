//! Limits on calls in flight.

mod adaptive;
mod fixed;
mod priority;
mod race;
mod shed;
