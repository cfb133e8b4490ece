//! Many threads come with new keys and old ones while entries are taken out: no key ever has two gates at once,
//! and no permit is lost with a gate that went.

use super::keyed;
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn a_key_never_has_two_gates() {
    let keyed = keyed(8, 1);
    let busy: Vec<AtomicU32> = (0..32).map(|_| AtomicU32::new(0)).collect();
    let admitted = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (keyed, busy, admitted) = (&keyed, &busy, &admitted);
            scope.spawn(move || {
                for i in 0..20_000_u64 {
                    let key = (i * 7 + thread * 13 + (i >> 5)) % 32;
                    if let Ok(permit) = keyed.try_acquire(&key) {
                        let others = busy[key as usize].fetch_add(1, Ordering::SeqCst);
                        assert_eq!(others, 0, "two calls of key {key} under a limit of one");
                        busy[key as usize].fetch_sub(1, Ordering::SeqCst);
                        admitted.fetch_add(1, Ordering::Relaxed);
                        permit.settle(seawall::Class::Success);
                    }
                }
            });
        }
    });
    assert!(admitted.into_inner() > 0);
    assert!(keyed.len() <= 8);
}
