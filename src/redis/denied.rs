//! Refusals of the store that are still true: who is known to be blocked costs no trip.

use crate::sync::Mutex;
use crate::time::Instant;
use std::time::Duration;

/// A fixed number of places, each key's in a row of four: a newcomer takes the place of the one that ends first.
#[derive(Debug)]
pub(super) struct Denied {
    rows: Box<[Mutex<[Place; 4]>]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    key: u128,
    until: Instant,
    cost: u32,
}

impl Denied {
    pub(super) fn new(places: usize) -> Self {
        Self { rows: (0..places.div_ceil(4)).map(|_| Mutex::new(Default::default())).collect() }
    }

    /// What is left of a refusal of `cost` permits, or of fewer.
    pub(super) fn left(&self, key: u128, cost: u32, now: Instant) -> Option<Duration> {
        let row = self.row(key)?.lock();
        let place = row.iter().find(|place| place.key == key)?;
        (place.until > now && cost >= place.cost).then(|| place.until - now)
    }

    /// `cost` permits were refused until then.
    pub(super) fn note(&self, key: u128, cost: u32, until: Instant) {
        let Some(row) = self.row(key) else { return };
        let mut row = row.lock();
        let place = Place { key, until, cost };
        match row.iter_mut().find(|place| place.key == key) {
            // The one that is asked for less is the one that refuses more.
            Some(known) if known.until >= until && known.cost <= cost => {}
            Some(known) => *known = place,
            None => {
                if let Some(first) = row.iter_mut().min_by_key(|place| place.until) {
                    *first = place;
                }
            }
        }
    }

    pub(super) fn forget(&self, key: u128) {
        if let Some(row) = self.row(key) {
            for place in row.lock().iter_mut().filter(|place| place.key == key) {
                *place = Place::default();
            }
        }
    }

    fn row(&self, key: u128) -> Option<&Mutex<[Place; 4]>> {
        let index = (key as usize).checked_rem(self.rows.len())?;
        self.rows.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn a_refusal_holds_for_what_costs_no_less_until_its_time() {
        let denied = Denied::new(16);
        denied.note(7, 3, at(100));
        assert_eq!(denied.left(7, 3, at(40)), Some(Duration::from_nanos(60)));
        assert_eq!(denied.left(7, 4, at(99)), Some(Duration::from_nanos(1)));
        assert_eq!(denied.left(7, 2, at(40)), None, "less may be there");
        assert_eq!(denied.left(7, 3, at(100)), None);
        assert_eq!(denied.left(8, 3, at(40)), None);
        denied.forget(7);
        assert_eq!(denied.left(7, 3, at(40)), None);
    }

    #[test]
    fn the_places_are_bounded_and_the_first_to_end_goes() {
        let denied = Denied::new(4);
        for key in 1..=5 {
            denied.note(key, 1, at(100 * key as u64));
        }
        assert_eq!(denied.left(1, 1, at(0)), None);
        assert!((2..=5).all(|key| denied.left(key, 1, at(0)).is_some()));
        Denied::new(0).note(1, 1, at(1));
        assert_eq!(Denied::new(0).left(1, 1, at(0)), None);
    }
}
