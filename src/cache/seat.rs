use super::deck::Answer;
use super::engine::Engine;
use super::flight::{Flight, Step};
use super::store::Store;
use super::wakers::Place;
use std::hash::Hash;
use std::sync::Arc;
use std::task::Waker;

/// A caller's place in a flight; dropping it leaves the flight.
pub(super) struct Seat<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    pub(super) engine: Arc<Engine<K, V, E, S>>,
    pub(super) flight: Arc<Flight<K, V, E>>,
    /// The sequence when it came.
    pub(super) joined: u64,
    /// Whether the flight runs this caller's loader.
    pub(super) leads: bool,
    place: Place,
    answered: bool,
}

/// What there is for a seat.
pub(super) enum Turn<V, E> {
    Answer(Answer<V, E>),
    Waiting,
    /// The flight was given up. Cannot happen while somebody sits in it.
    Gone,
}

impl<K, V, E, S> Seat<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    pub(super) fn new(
        engine: Arc<Engine<K, V, E, S>>,
        flight: Arc<Flight<K, V, E>>,
        joined: u64,
        leads: bool,
    ) -> Self {
        Self { engine, flight, joined, leads, place: Place::default(), answered: false }
    }

    /// Goes on with the load, unless somebody else does just now.
    pub(super) fn turn(&mut self, waker: &Waker) -> Turn<V, E> {
        loop {
            match self.flight.step(Some((&mut self.place, waker))) {
                Step::Answered(answer) => {
                    self.answered = true;
                    return Turn::Answer(answer);
                }
                Step::Waiting => return Turn::Waiting,
                Step::Landed { brought, took } => self.engine.land(&self.flight, brought, took),
                Step::Dropped => {
                    self.engine.loads.leave();
                    return Turn::Gone;
                }
            }
        }
    }
}

impl<K, V, E, S> Drop for Seat<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn drop(&mut self) {
        if !self.answered {
            self.engine.leave(&self.flight, self.place);
        }
    }
}
