//! Where keys live.

mod movement;
mod spread;
mod vectors;
