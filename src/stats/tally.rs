/// How many were counted, and how many of them were marked (as failures, as slow).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) total: u64,
    pub(crate) marked: u64,
}

impl Tally {
    pub(crate) const fn one(marked: bool) -> Self {
        Self { total: 1, marked: marked as u64 }
    }

    pub(crate) const fn unmarked(total: u64) -> Self {
        Self { total, marked: 0 }
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.total += other.total;
        self.marked += other.marked;
    }

    pub(super) const fn take(&mut self, other: Self) {
        self.total -= other.total;
        self.marked -= other.marked;
    }
}
