//! The guide names the instruments that there are, and no others.

use std::collections::BTreeSet;

/// What stands between the delimiters and starts like an instrument.
fn instruments(text: &str, delimiter: char) -> BTreeSet<&str> {
    text.split(delimiter)
        .filter(|word| word.starts_with("seawall.") && !word.contains(char::is_whitespace))
        .collect()
}

#[test]
fn the_guide_lists_every_instrument() {
    let code = instruments(include_str!("../../../src/telemetry/metrics.rs"), '"');
    let guide = instruments(include_str!("../../../docs/telemetry.md"), '`');
    assert!(code.len() > 5);
    assert_eq!(code, guide);
}

#[test]
fn an_instrument_is_found_between_its_delimiters() {
    let found = instruments("a `seawall.calls` and `seawall. no` and seawall.none", '`');
    assert_eq!(found, BTreeSet::from(["seawall.calls"]));
}
