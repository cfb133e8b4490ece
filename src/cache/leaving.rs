use super::deck::Rest;
use super::engine::Engine;
use super::flight::Flight;
use super::store::Store;
use super::table;
use super::wakers::Place;
use crate::error::{Error, TimedOut};
use std::hash::Hash;
use std::sync::Arc;

/// What becomes of a load that its callers have left.
impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    /// Ends a load that has run for too long while nobody polled it.
    pub(super) fn time_out(&self, flight: &Arc<Flight<K, V, E>>) {
        let seized = flight.deck.lock().seize();
        if let Some(load) = seized {
            drop(load);
            let limit = self.settings.load_deadline;
            let late = TimedOut::new(self.telemetry.name(), limit);
            self.land(flight, Ok(Err(Error::TimedOut(late))), limit);
        }
    }

    /// A caller leaves without an answer. After the last one a background ends the load, or nobody does.
    pub(super) fn leave(&self, flight: &Arc<Flight<K, V, E>>, place: Place) {
        let mut shard = self.table.shard(&flight.key).lock();
        let mut deck = flight.deck.lock();
        let waker = deck.wakers.leave(place);
        deck.callers -= 1;
        let last = deck.callers == 0 && deck.answer.is_none();
        let kept = !deck.fenced && (deck.adopted || self.backlog.is_running());
        let (mut rest, mut list) = (Rest::Nothing, false);
        if last && kept {
            list = deck.adopt();
        } else if last {
            table::take(&mut shard, flight);
            deck.unclaim();
            rest = deck.give_up();
        }
        drop(deck);
        drop(shard);
        drop(waker);
        if list {
            self.backlog.list(Arc::clone(flight));
        }
        self.drop_rest(flight, rest);
    }

    /// No background runs any more: what nobody else waits for is dropped.
    pub(super) fn orphan(&self) {
        let mut orphans = Vec::new();
        for shard in self.table.shards() {
            let mut shard = shard.lock();
            shard.retain(|_, flight| {
                let mut deck = flight.deck.lock();
                deck.adopted = false;
                if deck.callers > 0 || deck.answer.is_some() {
                    return true;
                }
                deck.unclaim();
                orphans.push((Arc::clone(flight), deck.give_up()));
                false
            });
        }
        orphans.into_iter().for_each(|(flight, rest)| self.drop_rest(&flight, rest));
    }
}
