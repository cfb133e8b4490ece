use seawall::{Class, ConcurrencyLimit, Gate};

fn by_status(status: u16) -> Class {
    if status < 500 { Class::Success } else { Class::Transient }
}

fn main() {
    let judged = ConcurrencyLimit::new("db", 4).classify(by_status);
    let _ = judged.run(|| async { Ok::<u16, std::io::Error>(200) });
}
