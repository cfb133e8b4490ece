//! Settings from outside: what is read, what is written, and what is wrong.

mod bad;
mod round;
mod said;
