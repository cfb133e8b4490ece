use crate::sync::Mutex;
use crate::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Release},
};
use crate::time::Instant;
use std::collections::HashMap;
use std::sync::Arc;

/// What an entry holds of each of its tags: the numbers of the tag's last fences. Nothing is ever scanned.
pub(super) type Tag = Arc<Cell>;

/// More on one entry, and it is not kept.
pub(super) const PER_ENTRY: usize = 32;

/// More tags than this, and the one fenced longest ago goes, and takes its entries with it.
const CELLS: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Cell {
    dead: AtomicU64,
    old: AtomicU64,
    old_at: AtomicU64,
}

impl Cell {
    fn dead_below(number: u64) -> Self {
        let cell = Self::default();
        cell.dead.store(number, Release);
        cell
    }

    /// Entries with a stamp below this are invalid.
    #[inline]
    pub(super) fn dead(&self) -> u64 {
        self.dead.load(Acquire)
    }

    /// Since when an entry with this stamp is stale by this tag.
    pub(super) fn stale_at(&self, stamp: u64) -> Option<Instant> {
        (stamp < self.old.load(Acquire)).then(|| Instant::from_nanos(self.old_at.load(Acquire)))
    }
}

/// The tags that are known. An absent one counts as fenced at the floor.
#[derive(Debug, Default)]
pub(super) struct Tags {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    cells: HashMap<String, Tag>,
    floor: u64,
}

impl Known {
    fn cell(&mut self, name: &str) -> Tag {
        if let Some(known) = self.cells.get(name) {
            return Arc::clone(known);
        }
        if self.cells.len() >= CELLS {
            self.drop_lowest();
        }
        let cell = Tag::new(Cell::dead_below(self.floor));
        self.cells.insert(name.to_owned(), Arc::clone(&cell));
        cell
    }

    /// Wrong only on the safe side: what carried the tag is invalid from now on.
    fn drop_lowest(&mut self) {
        let lowest = self.cells.iter().min_by_key(|(_, cell)| cell.dead().max(cell.old.load(Acquire)));
        if let Some(name) = lowest.map(|(name, _)| name.clone())
            && let Some(gone) = self.cells.remove(&name)
        {
            self.floor = self.floor.max(gone.dead()).max(gone.old.load(Acquire));
            gone.dead.store(u64::MAX, Release);
        }
    }
}

impl Tags {
    /// The cells of an entry's tags; `None` if they are too many.
    pub(super) fn of(&self, names: &[String]) -> Option<Box<[Tag]>> {
        if names.is_empty() {
            return Some(Box::default());
        }
        if names.len() > PER_ENTRY {
            return None;
        }
        let mut known = self.known.lock();
        Some(names.iter().map(|name| known.cell(name)).collect())
    }

    /// Fences the tag at `number`.
    pub(super) fn invalidate(&self, name: &str, number: u64) {
        self.known.lock().cell(name).dead.fetch_max(number, AcqRel);
    }

    /// What carries the tag and was loaded before `number` is stale from `now` on.
    pub(super) fn expire(&self, name: &str, number: u64, now: Instant) {
        let cell = self.known.lock().cell(name);
        // The time first: whoever sees the number sees it.
        cell.old_at.store(now.as_nanos(), Release);
        cell.old.fetch_max(number, AcqRel);
    }
}

/// The highest number at which one of these tags was fenced.
pub(super) fn dead_at(tags: &[Tag]) -> u64 {
    tags.iter().map(|tag| tag.dead()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_fenced_longest_ago_goes_and_takes_its_entries_with_it() {
        let tags = Tags::default();
        let first = tags.of(&["first".to_owned()]).unwrap();
        for number in 1..=CELLS as u64 {
            tags.invalidate(&number.to_string(), number);
        }
        assert_eq!(first[0].dead(), u64::MAX);
        // It had never been fenced, so the floor is still the ground.
        assert_eq!(tags.of(&["another".to_owned()]).unwrap()[0].dead(), 1);
        assert!(tags.known.lock().cells.len() <= CELLS);
    }
}
