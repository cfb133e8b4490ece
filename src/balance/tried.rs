use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::fmt;
use std::sync::Arc;

/// The endpoints that the attempts of one request have been handed to, so that a retry goes elsewhere.
///
/// It travels with the request: a field of it, or an extension. Clones share, so that what one attempt adds, the
/// next one sees. It holds the last 16 endpoints; made once per request, it allocates then and never again.
///
/// Tried endpoints are passed over while there is another. When nothing else is left, they are picked again,
/// unless the pool is [`strict`](super::Config::strict).
///
/// # Examples
///
/// ```
/// use seawall::balance::{Ask, Endpoint, Pool, RoundRobin, Tried};
///
/// let pool = Pool::new("api", RoundRobin::new());
/// pool.set(["a", "b", "c"].map(|id| Endpoint::new(id, ())));
///
/// let tried = Tried::new();
/// let mut picked: Vec<_> =
///     (0..3).map(|_| pool.pick_for(Ask::new().tried(&tried)).unwrap().id().to_string()).collect();
/// picked.sort();
/// assert_eq!(picked, ["a", "b", "c"]);
/// ```
#[derive(Clone, Default)]
pub struct Tried(Arc<Serials>);

#[derive(Default)]
struct Serials {
    count: AtomicU32,
    // 0 is nobody.
    serials: [AtomicU32; PLACES],
}

const PLACES: usize = 16;

impl Tried {
    /// Nobody has been tried.
    ///
    /// ```
    /// assert!(seawall::balance::Tried::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many have been tried, at most 16.
    ///
    /// ```
    /// assert_eq!(seawall::balance::Tried::new().len(), 0);
    /// ```
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        (self.0.count.load(Relaxed) as usize).min(PLACES)
    }

    /// Whether nobody has been tried.
    ///
    /// ```
    /// assert!(seawall::balance::Tried::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(super) fn contains(&self, serial: u32) -> bool {
        self.0.serials[..self.len()].iter().any(|tried| tried.load(Relaxed) == serial)
    }

    pub(super) fn add(&self, serial: u32) {
        if !self.contains(serial) {
            // Past the last place the oldest makes room.
            let place = self.0.count.fetch_add(1, Relaxed) as usize % PLACES;
            self.0.serials[place].store(serial, Relaxed);
        }
    }
}

impl fmt::Debug for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tried").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The endpoints that one call has already turned away from: small, inline, its own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    len: u8,
    serials: [u32; Self::MOST],
}

impl Passed {
    pub(super) const NOBODY: Self = Self { len: 0, serials: [0; Self::MOST] };

    /// After turning away so often a call gives up.
    pub(super) const MOST: usize = 8;

    #[inline]
    pub(super) fn contains(&self, serial: u32) -> bool {
        self.serials[..usize::from(self.len)].contains(&serial)
    }

    pub(super) fn add(&mut self, serial: u32) {
        if !self.is_full() {
            self.serials[usize::from(self.len)] = serial;
            self.len += 1;
        }
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) const fn is_full(&self) -> bool {
        self.len as usize == Self::MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seventeenth_pushes_out_the_first() {
        let tried = Tried::new();
        for serial in 1..=16 {
            tried.add(serial);
            tried.add(serial);
        }
        assert_eq!(tried.len(), 16);
        assert!((1..=16).all(|serial| tried.contains(serial)));
        tried.add(17);
        assert!(tried.contains(17) && !tried.contains(1) && tried.contains(2));
        assert_eq!(tried.len(), 16);
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<Serials>() <= 72);
        assert_eq!(size_of::<Tried>(), size_of::<usize>());
    }
}
