use super::flight::Flight;
use crate::sync::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many loads run at once, and who waits for one to end: first come, first served.
pub(super) struct Loads<K, V, E> {
    most: usize,
    places: usize,
    state: Mutex<State<K, V, E>>,
}

struct State<K, V, E> {
    running: usize,
    line: VecDeque<Arc<Flight<K, V, E>>>,
}

/// Whether a load may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Now,
    Later,
    Full,
}

impl<K, V, E> Loads<K, V, E> {
    #[expect(clippy::missing_const_for_fn, reason = "the models' locks are not made at compile time")]
    pub(super) fn new(most: usize, places: usize) -> Self {
        Self { most, places, state: Mutex::new(State { running: 0, line: VecDeque::new() }) }
    }

    /// Takes a slot for `flight`, or a place in the line.
    pub(super) fn enter(&self, flight: &Arc<Flight<K, V, E>>) -> Start {
        let mut state = self.state.lock();
        if state.running < self.most {
            state.running += 1;
            Start::Now
        } else if state.line.len() < self.places {
            state.line.push_back(Arc::clone(flight));
            Start::Later
        } else {
            Start::Full
        }
    }

    /// Takes a slot only if one is free: for what nobody waits for.
    pub(super) fn try_enter(&self) -> bool {
        let mut state = self.state.lock();
        let free = state.running < self.most;
        state.running += usize::from(free);
        free
    }

    /// Leaves the line, if it is still in it.
    pub(super) fn leave_line(&self, flight: &Arc<Flight<K, V, E>>) {
        let mut state = self.state.lock();
        state.line.retain(|waiting| !Arc::ptr_eq(waiting, flight));
    }

    /// A load has ended: the head of the line has its slot.
    pub(super) fn leave(&self) {
        loop {
            let mut state = self.state.lock();
            let Some(next) = state.line.pop_front() else {
                state.running -= 1;
                return;
            };
            drop(state);
            if next.start() {
                return;
            }
        }
    }
}
