//! Who waits, and whose turn it is: the decision only. [`Line`](super::Line) shares it.

use crate::gate::Now;
use crate::time::Instant;
use std::task::Waker;
use std::time::Duration;

/// Whose turn it is among those of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// First come, first served.
    #[default]
    Fifo,
    /// The newest first.
    Lifo,
    /// First come, first served, but the newest first once somebody has been waiting for longer than this.
    Adaptive(Duration),
}

/// How many classes there are: the first goes first, whatever the order within one.
pub(crate) const CLASSES: usize = 4;

/// Those who wait: a doubly linked list for each class, in one slab. Entering, leaving and the turn are O(1).
#[derive(Debug)]
pub(crate) struct Places {
    nodes: Vec<Node>,
    ends: [Ends; CLASSES],
    free: u32,
    len: u32,
    order: Order,
    /// Since when somebody has been waiting without a break.
    busy_since: Instant,
    /// When the head will ask again by itself, where that is known.
    pub(crate) due: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    oldest: u32,
    newest: u32,
}

#[derive(Debug)]
pub(crate) struct Node {
    waker: Option<Waker>,
    pub(crate) cost: u64,
    /// Woken, and has not looked since: if it leaves or has lost the turn, the wake is the next one's.
    pub(crate) woken: bool,
    older: u32,
    newer: u32,
    class: u8,
}

const NONE: u32 = u32::MAX;

impl Default for Places {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            ends: [Ends { oldest: NONE, newest: NONE }; CLASSES],
            free: NONE,
            len: 0,
            order: Order::Fifo,
            busy_since: Instant::ZERO,
            due: None,
        }
    }
}

impl Places {
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// Whether the line has not been empty for longer than `interval`.
    pub(crate) fn stands(&self, interval: Duration, now: Instant) -> bool {
        self.len > 0 && now - self.busy_since > interval
    }

    /// Takes a place behind those of `class`; the order is that of the last who entered.
    pub(crate) fn push(&mut self, cost: u64, class: u8, order: Order, now: Instant) -> u32 {
        if self.len == 0 {
            self.busy_since = now;
        }
        self.order = order;
        let class = class.min(CLASSES as u8 - 1);
        let ends = &mut self.ends[usize::from(class)];
        let node = Node { waker: None, cost, woken: false, older: ends.newest, newer: NONE, class };
        let place = match self.free {
            NONE => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
            free => {
                self.free = std::mem::replace(&mut self.nodes[free as usize], node).newer;
                free
            }
        };
        match std::mem::replace(&mut ends.newest, place) {
            NONE => ends.oldest = place,
            older => self.nodes[older as usize].newer = place,
        }
        self.len += 1;
        place
    }

    /// Frees a place, from wherever.
    pub(crate) fn remove(&mut self, place: u32) -> Node {
        let free = Node { waker: None, cost: 0, woken: false, older: NONE, newer: self.free, class: 0 };
        let node = std::mem::replace(&mut self.nodes[place as usize], free);
        let ends = &mut self.ends[usize::from(node.class)];
        match node.older {
            NONE => ends.oldest = node.newer,
            older => self.nodes[older as usize].newer = node.newer,
        }
        match node.newer {
            NONE => ends.newest = node.older,
            newer => self.nodes[newer as usize].older = node.older,
        }
        self.free = place;
        self.len -= 1;
        node
    }

    /// Whose turn it is. The clock is asked only where the order depends on it.
    pub(crate) fn first(&self, now: &mut Now) -> Option<u32> {
        let ends = self.ends.iter().find(|ends| ends.oldest != NONE)?;
        let newest = match self.order {
            Order::Fifo => false,
            Order::Lifo => true,
            Order::Adaptive(interval) => self.stands(interval, now.get()),
        };
        Some(if newest { ends.newest } else { ends.oldest })
    }

    /// Leaves `waker` for the one at `place`, who is looking now; what was there before, and whether it
    /// had been woken.
    pub(crate) fn look(&mut self, place: u32, waker: Waker) -> (Option<Waker>, bool) {
        let node = &mut self.nodes[place as usize];
        (node.waker.replace(waker), std::mem::take(&mut node.woken))
    }

    /// The waker of whose turn it is: taken, so that one who was woken is not woken again before it has looked.
    pub(crate) fn take_first(&mut self, now: &mut Now) -> Option<Waker> {
        let first = self.first(now)?;
        let node = &mut self.nodes[first as usize];
        let waker = node.waker.take();
        node.woken |= waker.is_some();
        waker
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The twin: the list of all who wait, in the order of arrival.
    #[derive(Default)]
    struct Twin {
        waiting: Vec<(u32, u8)>,
        busy_since: Instant,
    }

    impl Twin {
        fn first(&self, order: Order, now: Instant) -> Option<u32> {
            let class = self.waiting.iter().map(|(_, class)| *class).min()?;
            let mut of_class = self.waiting.iter().filter(|(_, c)| *c == class);
            let newest = match order {
                Order::Fifo => false,
                Order::Lifo => true,
                Order::Adaptive(interval) => now - self.busy_since > interval,
            };
            if newest { of_class.next_back() } else { of_class.next() }.map(|(place, _)| *place)
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Enter(u8),
        Leave(usize),
        Serve,
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..4u8).prop_map(Step::Enter),
            (0..8usize).prop_map(Step::Leave),
            Just(Step::Serve),
            (0..40u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #[test]
        fn the_turn_is_the_twins(steps in proptest::collection::vec(step(), 0..80), order in 0..3u8) {
            let order = match order {
                0 => Order::Fifo,
                1 => Order::Lifo,
                _ => Order::Adaptive(Duration::from_nanos(50)),
            };
            let (mut places, mut twin, mut now) = (Places::default(), Twin::default(), Instant::ZERO);
            for step in steps {
                match step {
                    Step::Enter(class) => {
                        if twin.waiting.is_empty() {
                            twin.busy_since = now;
                        }
                        twin.waiting.push((places.push(1, class, order, now), class));
                    }
                    Step::Leave(i) if i < twin.waiting.len() => {
                        places.remove(twin.waiting.remove(i).0);
                    }
                    Step::Serve => {
                        if let Some(first) = places.first(&mut Now::at(now)) {
                            places.remove(first);
                            twin.waiting.retain(|(place, _)| *place != first);
                        }
                    }
                    Step::Leave(_) => {}
                    Step::Pass(nanos) => now += Duration::from_nanos(nanos),
                }
                prop_assert_eq!(places.first(&mut Now::at(now)), twin.first(order, now));
                prop_assert_eq!(places.len() as usize, twin.waiting.len());
            }
        }
    }

    #[test]
    fn a_waiter_takes_few_bytes() {
        assert!(size_of::<Node>() <= 48);
    }
}
