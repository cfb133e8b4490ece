//! What must not compile; see `ui.rs`.
