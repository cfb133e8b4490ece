//! What does each layer, each decision and the whole stack cost, beside its peers in the same run?

use criterion::Criterion;
use seawall_benches::Visit;
use std::time::Duration;

struct Timed(Criterion);

impl Visit for Timed {
    fn row<F: FnMut()>(&mut self, group: &'static str, name: &'static str, make: impl Fn() -> F + Sync) {
        let mut group = self.0.benchmark_group(group);
        group
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .sample_size(50);
        group.bench_function(name, |bencher| {
            let mut call = make();
            bencher.iter(&mut call);
        });
        group.finish();
    }
}

fn main() {
    // Peers arm timers; nothing is ever driven by the runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _inside = runtime.enter();
    let mut timed = Timed(Criterion::default().configure_from_args());
    seawall_benches::rows(&mut timed);
    seawall_benches::builds(&mut timed);
    timed.0.final_summary();
}
