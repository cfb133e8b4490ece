#![deny(unused_must_use)]

use seawall::ConcurrencyLimit;

fn main() -> Result<(), seawall::Rejected> {
    let limit = ConcurrencyLimit::new("db", 4);
    limit.try_acquire()?;
    // The call would be made here, after the slot has gone back.
    Ok(())
}
