//! A lineup written down by hand, for the tests of the pickers.

use super::{Lineup, Shares};

#[derive(Debug, Clone)]
pub(crate) struct Bench {
    pub(crate) seats: Vec<(u32, u32)>,
    pub(crate) costs: Vec<u64>,
    barred: Vec<bool>,
}

impl Bench {
    /// From loads and weights.
    pub(crate) fn of(seats: &[(u32, u32)]) -> Self {
        Self { seats: seats.to_vec(), costs: vec![0; seats.len()], barred: vec![false; seats.len()] }
    }

    pub(crate) fn shares(&self) -> Shares {
        Shares::of(self.seats.iter().map(|&(_, weight)| weight))
    }

    pub(crate) fn bar(&mut self, index: usize) {
        self.barred[index] = true;
    }
}

impl Lineup for Bench {
    fn len(&self) -> usize {
        self.seats.len()
    }

    fn fits(&self, index: usize) -> bool {
        !self.barred[index]
    }

    fn load(&self, index: usize) -> u32 {
        self.seats[index].0
    }

    fn weight(&self, index: usize) -> u32 {
        self.seats[index].1
    }

    fn cost(&self, index: usize) -> u64 {
        self.costs[index]
    }
}
