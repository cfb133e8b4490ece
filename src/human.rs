//! Durations as people write them.

use std::time::Duration;

/// A unit, with a decimal number before it or alone; exact to the nanosecond, or nothing.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| c != '.' && !c.is_ascii_digit())?);
    let unit: u128 = match unit.trim_start() {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" | "sec" | "second" | "seconds" => 1_000_000_000,
        "m" | "min" | "minute" | "minutes" => 60_000_000_000,
        "h" | "hour" | "hours" => 3_600_000_000_000,
        "d" | "day" | "days" => 86_400_000_000_000,
        _ => return None,
    };
    if number.is_empty() {
        return Some(Duration::from_nanos(u64::try_from(unit).ok()?));
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    // Fourteen digits are a nanosecond of a day; more would be lost.
    if fraction.is_empty() || fraction.len() > 14 {
        return None;
    }
    let parts = 10_u128.pow(fraction.len() as u32);
    let units = u128::from(whole.parse::<u64>().ok()?) * parts + u128::from(fraction.parse::<u64>().ok()?);
    let nanos = units.checked_mul(unit)?;
    if nanos % parts > 0 {
        return None;
    }
    Some(Duration::from_nanos(u64::try_from(nanos / parts).ok()?))
}
