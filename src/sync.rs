//! Atomics and locks, in one place so that the models can put theirs underneath.

#[cfg(not(any(seawall_loom, seawall_shuttle)))]
mod imp {
    pub(crate) use parking_lot::Mutex;
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic;
    pub(crate) use std::thread_local;
}

#[cfg(seawall_loom)]
mod imp {
    pub(crate) use super::unpoisoned::Mutex;
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::atomic;
    pub(crate) use loom::thread_local;
}

#[cfg(seawall_shuttle)]
mod imp {
    pub(crate) use super::unpoisoned::Mutex;
    pub(crate) use shuttle::hint::spin_loop;
    pub(crate) use shuttle::sync::atomic;
    pub(crate) use shuttle::thread_local;
}

/// The models' locks with the interface of parking_lot's: a panic inside is the end of a model anyway.
#[cfg(any(seawall_loom, seawall_shuttle))]
mod unpoisoned {
    #[cfg(seawall_loom)]
    use loom::sync as model;
    #[cfg(seawall_shuttle)]
    use shuttle::sync as model;

    use model::MutexGuard;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(model::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(model::Mutex::new(value))
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
        }
    }
}

pub(crate) use imp::*;

/// A value on cache lines of its own: two lines, because neighbouring lines are fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> std::ops::Deref for Padded<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// A small number of the calling thread's own, counted up from zero: who takes a part of something by it seldom
/// meets another thread there.
#[inline]
pub(crate) fn thread_number() -> usize {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    const NONE: usize = usize::MAX;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    std::thread_local! {
        static OWN: Cell<usize> = const { Cell::new(NONE) };
    }
    #[cold]
    #[inline(never)]
    fn take() -> usize {
        let own = NEXT.fetch_add(1, Relaxed);
        OWN.set(own);
        own
    }
    match OWN.get() {
        NONE => take(),
        own => own,
    }
}

/// What the models are written in, the same for both: loom tries every order of a few steps, shuttle many
/// orders of many. Run by `.ci/models`.
#[cfg(all(test, any(seawall_loom, seawall_shuttle)))]
pub(crate) mod model {
    #[cfg(seawall_loom)]
    pub(crate) use loom::thread;
    #[cfg(seawall_shuttle)]
    pub(crate) use shuttle::thread;

    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};

    /// Runs `scene` in every order worth telling apart.
    #[cfg(seawall_loom)]
    pub(crate) fn check(scene: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        // Two preemptions find nearly every bug (CHESS, OSDI 2008); each more costs minutes.
        builder.preemption_bound = Some(2);
        builder.check(scene);
    }

    #[cfg(seawall_shuttle)]
    pub(crate) fn check(scene: impl Fn() + Send + Sync + 'static) {
        shuttle::check_random(scene, 3_000);
    }

    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// A lost wake-up parks for ever, which the model reports as a deadlock.
    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            thread::park();
        }
    }
}
