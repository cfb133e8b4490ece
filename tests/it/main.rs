//! One binary; a file per behaviour, a folder per family.

mod gate;
mod laws;
