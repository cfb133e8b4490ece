//! Rate limits through their handles.

mod handle;
mod keyed;
mod threads;
