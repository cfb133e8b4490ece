//! A key that threads use for the first time at once.

use crate::ConcurrencyLimit;
use crate::gate::Keyed;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::model::{check, thread};
use std::sync::Arc;

#[test]
fn one_key_has_one_gate() {
    check(|| {
        let keyed = Keyed::new("model", 1, |_: &u32| ConcurrencyLimit::new("model", 1));
        let inside = Arc::new(AtomicU32::new(0));
        let call = |keyed: &Keyed<u32, ConcurrencyLimit>, inside: &AtomicU32| {
            if let Ok(permit) = keyed.try_acquire(&7) {
                assert_eq!(inside.fetch_add(1, SeqCst), 0);
                inside.fetch_sub(1, SeqCst);
                drop(permit);
            }
        };
        let other = thread::spawn({
            let (keyed, inside) = (keyed.clone(), Arc::clone(&inside));
            move || call(&keyed, &inside)
        });
        call(&keyed, &inside);
        other.join().unwrap();
        assert!(keyed.len() <= 1);
    });
}
