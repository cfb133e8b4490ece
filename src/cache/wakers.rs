use std::task::Waker;

/// The wakers of those who wait for one thing: taken all at once, each at most once.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    // How often they were taken; a place is good until then.
    round: u64,
    places: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// Where a waker stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place(Option<(u64, usize)>);

impl Wakers {
    pub(super) const fn new() -> Self {
        Self { round: 0, places: Vec::new(), free: Vec::new() }
    }

    /// Puts `fresh` at `place`, or at a new one. Gives back the one before, to be dropped under no lock.
    pub(super) fn put(&mut self, place: &mut Place, fresh: Waker) -> Option<Waker> {
        if let Some((round, index)) = place.0
            && round == self.round
        {
            return self.places[index].replace(fresh);
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        place.0 = Some((self.round, index));
        self.places[index].replace(fresh)
    }

    pub(super) fn leave(&mut self, place: Place) -> Option<Waker> {
        let (round, index) = place.0?;
        if round != self.round {
            return None;
        }
        self.free.push(index);
        self.places[index].take()
    }

    /// All of them, to be woken under no lock.
    pub(super) fn take(&mut self) -> Woken {
        self.round += 1;
        self.free.clear();
        Woken(std::mem::take(&mut self.places))
    }
}

/// Wakers to be woken.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Woken(Vec<Option<Waker>>);

impl Woken {
    pub(super) fn wake(self) {
        self.0.into_iter().flatten().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_left_is_used_again_and_one_that_was_taken_is_not() {
        let mut wakers = Wakers::default();
        let (mut a, mut b) = (Place::default(), Place::default());
        assert!(wakers.put(&mut a, Waker::noop().clone()).is_none());
        assert!(wakers.leave(a).is_some());
        assert!(wakers.put(&mut b, Waker::noop().clone()).is_none());
        assert_eq!(wakers.places.len(), 1);
        assert!(wakers.put(&mut b, Waker::noop().clone()).is_some());
        assert_eq!(wakers.take().0.len(), 1);
        assert!(wakers.leave(b).is_none());
        assert!(wakers.put(&mut b, Waker::noop().clone()).is_none());
        assert_eq!(wakers.take().0.len(), 1);
    }
}
