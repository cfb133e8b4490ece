use crate::sync::Mutex;
use std::task::Waker;

/// Who waits for the next news of something. The news themselves are kept, and numbered, by whoever has them.
#[derive(Debug, Default)]
pub(super) struct News {
    // Guarded: who waits. Never held while anybody is woken.
    wakers: Mutex<Vec<Waker>>,
}

impl News {
    /// Wakes `waker` at the next news; the caller looks once more after this, since they may just have come.
    pub(super) fn wait(&self, waker: &Waker) {
        let mut wakers = self.wakers.lock();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    pub(super) fn tell(&self) {
        let wakers = std::mem::take(&mut *self.wakers.lock());
        wakers.into_iter().for_each(Waker::wake);
    }
}
