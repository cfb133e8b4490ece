//! Counts what repeats exactly, and how a second thread fares.
//!
//! ```text
//! counts                     a table: instructions (if valgrind is there), allocations, ns with one and two threads
//! counts GROUP               only the groups that begin so
//! counts --ceilings          fails if a row of ours takes more instructions than `ceilings.txt` allows
//! counts --set-ceilings      writes that file anew
//! counts --calls ROW N       makes N calls of one row: what the others run under valgrind
//! ```

mod ceilings;

use cpu_time::ThreadTime;
use seawall_benches::{Visit, rows};
use std::hint::black_box;
use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant};

fn main() {
    // Peers arm timers; nothing is ever driven by the runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _inside = runtime.enter();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, row, calls] = &*arguments
        && flag == "--calls"
    {
        let calls = calls.parse().expect("a number of calls");
        rows(&mut Calls { row, calls });
        return;
    }
    match arguments.first().map(String::as_str) {
        Some("--ceilings") => return ceilings::check(),
        Some("--set-ceilings") => return ceilings::set(),
        _ => {}
    }
    println!("| | instructions | allocations | ns | ns at two threads | ratio |");
    println!("|---|---:|---:|---:|---:|---:|");
    rows(&mut Table { only: arguments.first().map_or("", |group| group), runtime: runtime.handle() });
}

fn id(group: &str, name: &str) -> String {
    format!("{group}/{name}")
}

/// Makes calls of one row, and nothing else.
struct Calls<'a> {
    row: &'a str,
    calls: u64,
}

impl Visit for Calls<'_> {
    fn row<F: FnMut()>(&mut self, group: &'static str, name: &'static str, make: impl Fn() -> F + Sync) {
        if id(group, name) == self.row {
            let mut call = make();
            (0..WARM_UP).for_each(|_| call());
            counted_calls(&mut call, self.calls);
        }
    }
}

const WARM_UP: u64 = 1_000;

/// Valgrind counts in here and nowhere else; it finds the function by its name.
#[inline(never)]
fn counted_calls(call: &mut impl FnMut(), calls: u64) {
    for _ in 0..calls {
        call();
    }
}

struct Table<'a> {
    only: &'a str,
    runtime: &'a tokio::runtime::Handle,
}

impl Visit for Table<'_> {
    fn row<F: FnMut()>(&mut self, group: &'static str, name: &'static str, make: impl Fn() -> F + Sync) {
        if !group.starts_with(self.only) {
            return;
        }
        let instructions = instructions(&id(group, name)).map_or("–".into(), |count| format!("{count:.0}"));
        let allocations = allocations(make());
        let (one, two) = threads(self.runtime, &make);
        println!(
            "| {group}: {name} | {instructions} | {allocations} | {one:.1} | {two:.1} | {:.1} |",
            two / one
        );
    }
}

/// Instructions of one call under valgrind, which repeat exactly.
fn instructions(row: &str) -> Option<f64> {
    const CALLS: u64 = 1_000;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--collect-atstart=no", "--toggle-collect=*counted_calls*"])
        .arg(std::env::current_exe().ok()?)
        .args(["--calls", row, &CALLS.to_string()])
        .output()
        .ok()?;
    let log = String::from_utf8_lossy(&run.stderr).into_owned();
    let line = log.lines().find(|line| line.contains("Collected :"))?;
    let collected: u64 = line.rsplit(' ').next()?.parse().ok()?;
    Some(collected as f64 / CALLS as f64)
}

/// Allocations of one call, after a warm-up.
fn allocations(mut call: impl FnMut()) -> f64 {
    const CALLS: u64 = 10_000;
    (0..WARM_UP).for_each(|_| call());
    let counted = allocation_counter::measure(|| (0..CALLS).for_each(|_| call()));
    counted.count_total as f64 / CALLS as f64
}

/// Nanoseconds of a call with one thread, and with two at once; the least of several rounds.
fn threads<F: FnMut()>(runtime: &tokio::runtime::Handle, make: &(impl Fn() -> F + Sync)) -> (f64, f64) {
    const ROUNDS: usize = 7;
    let round = |threads: usize| {
        let barrier = Barrier::new(threads);
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let _inside = runtime.enter();
                        let mut call = make();
                        barrier.wait();
                        time(&mut call)
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().expect("a row does not panic")).fold(0.0, f64::max)
        })
    };
    let least = |threads: usize| (0..ROUNDS).map(|_| round(threads)).fold(f64::INFINITY, f64::min);
    (least(1), least(2))
}

/// Nanoseconds of the thread's own time, so that a busy machine says nothing.
fn time(call: &mut impl FnMut()) -> f64 {
    const SPAN: Duration = Duration::from_millis(30);
    const BATCH: u64 = 1_000;
    let (end, start) = (Instant::now() + SPAN, ThreadTime::now());
    let mut calls = 0;
    while Instant::now() < end {
        for _ in 0..BATCH {
            black_box(&mut *call)();
        }
        calls += BATCH;
    }
    start.elapsed().as_nanos() as f64 / calls as f64
}
