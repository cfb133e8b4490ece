//! The laws that a reader would otherwise have to remember, read off the source itself.
//!
//! Each law is a function from a file to what breaks it, so each can be shown to bite: next to the test
//! that the library keeps it stands one that a bad snippet does not.

mod clock;
mod features;
mod floors;
mod rooms;
mod source;
mod telemetry;
