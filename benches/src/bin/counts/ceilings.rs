//! What a row of ours may cost at the most, in instructions: a regression fails, a saving is written down.

use crate::{id, instructions};
use seawall_benches::{Visit, rows};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::num::NonZeroUsize;
use std::thread;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ceilings.txt");

const HEAD: &str = "\
# Instructions that one call of a row may take (callgrind, release profile); see docs/performance.md.
# Written by: cargo run --release -p seawall-benches --bin counts -- --set-ceilings
";

/// Above what was measured, for another compiler and another libc.
const SLACK_PERCENT: f64 = 15.0;
const SLACK: f64 = 10.0;

/// The rows that are ours. moka keeps house now and then, so that counts over it do not repeat.
struct Ours(Vec<String>);

impl Visit for Ours {
    fn row<F: FnMut()>(&mut self, group: &'static str, name: &'static str, _: impl Fn() -> F + Sync) {
        if name.starts_with("seawall") && !name.contains("moka") {
            self.0.push(id(group, name));
        }
    }
}

fn ours() -> Vec<String> {
    let mut found = Ours(Vec::new());
    rows(&mut found);
    found.0
}

/// The rows with their counts, as many at once as there are processors: counts do not mind a busy machine.
fn counted() -> Vec<(String, f64)> {
    let rows = ours();
    let count = |row: String| {
        let count = instructions(&row).unwrap_or_else(|| panic!("{row}: no count; is valgrind installed?"));
        (row, count)
    };
    let share = rows.len().div_ceil(thread::available_parallelism().map_or(1, NonZeroUsize::get));
    thread::scope(|scope| {
        let shares: Vec<_> = rows
            .chunks(share)
            .map(|rows| scope.spawn(move || rows.iter().cloned().map(count).collect::<Vec<_>>()))
            .collect();
        shares.into_iter().flat_map(|share| share.join().expect("a count")).collect()
    })
}

pub fn set() {
    let mut text = HEAD.to_owned();
    for (row, count) in counted() {
        let ceiling = count * (1.0 + SLACK_PERCENT / 100.0) + SLACK;
        writeln!(text, "{ceiling:.0} {row}").expect("a string takes all");
    }
    fs::write(FILE, text).expect("the file of ceilings can be written");
}

pub fn check() {
    let text = fs::read_to_string(FILE).expect("the file of ceilings can be read");
    let mut ceilings: BTreeMap<&str, f64> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect("a ceiling and a row"))
        .map(|(ceiling, row)| (row, ceiling.parse().expect("a number of instructions")))
        .collect();
    let mut faults = Vec::new();
    for (row, count) in counted() {
        let Some(ceiling) = ceilings.remove(&*row) else {
            faults.push(format!("{row} has no ceiling"));
            continue;
        };
        println!("{count:>7.0} of {ceiling:>7.0}  {row}");
        if count > ceiling {
            faults.push(format!("{row} takes {count:.0} instructions, more than {ceiling:.0}"));
        }
    }
    faults.extend(ceilings.keys().map(|row| format!("{row} has a ceiling and no row")));
    assert!(faults.is_empty(), "{faults:#?}");
}
