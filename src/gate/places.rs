//! Who waits, and whose turn it is: the decision only. [`Line`](super::Line) shares it.

use super::rota::Rota;
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

/// Those who wait: a doubly linked list for each tenant of each class, in one slab. Entering, leaving and the turn
/// are O(1).
#[derive(Debug)]
pub(crate) struct Places {
    nodes: Vec<Node>,
    rota: Rota,
    free: u32,
    len: u32,
    order: Order,
    /// Since when somebody has been waiting without a break.
    busy_since: Instant,
    /// When the head will ask again by itself, where that is known.
    pub(crate) due: Option<Instant>,
}

/// What a newcomer asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) places: usize,
    pub(crate) cost: u64,
    pub(crate) class: u8,
    /// Who in the class, where tenants take turns.
    pub(crate) tenant: Option<u64>,
    pub(crate) order: Order,
    pub(crate) now: Instant,
}

#[derive(Debug)]
pub(crate) struct Node {
    waker: Option<Waker>,
    pub(crate) cost: u64,
    /// Woken, and has not looked since: if it leaves or has lost the turn, the wake is the next one's.
    pub(crate) woken: bool,
    older: u32,
    newer: u32,
    flow: u32,
}

const NONE: u32 = u32::MAX;

impl Default for Places {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            rota: Rota::default(),
            free: NONE,
            len: 0,
            order: Order::Fifo,
            busy_since: Instant::ZERO,
            due: None,
        }
    }
}

impl Places {
    #[cfg(test)]
    const fn len(&self) -> u32 {
        self.len
    }

    /// Whether the line has not been empty for longer than `interval`.
    pub(crate) fn stands(&self, interval: Duration, now: Instant) -> bool {
        self.len > 0 && now - self.busy_since > interval
    }

    /// Takes a place behind those of its tenant, if there is one; the order is that of the last who entered.
    ///
    /// Where tenants take turns, one of them gets a further place only while it has fewer than are free: so none
    /// takes more than half, and there is always one for a newcomer (Choudhury and Hahne, *Dynamic Queue Length
    /// Thresholds*, 1998).
    pub(crate) fn push(&mut self, entry: Entry) -> Option<u32> {
        let tenant = (entry.class.min(CLASSES as u8 - 1), entry.tenant);
        let left = entry.places.min(NONE as usize - 1).saturating_sub(self.len as usize);
        let taken = if entry.tenant.is_some() { self.rota.len_of(tenant) as usize } else { 0 };
        if taken >= left {
            return None;
        }
        if self.len == 0 {
            self.busy_since = entry.now;
        }
        self.order = entry.order;
        let flow = self.rota.enter(tenant, NONE);
        let ends = self.rota.flow_mut(flow);
        let node =
            Node { waker: None, cost: entry.cost, woken: false, older: ends.newest, newer: NONE, flow };
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
        ends.len += 1;
        self.len += 1;
        Some(place)
    }

    /// Frees the place of whose turn it is: the next turn is the next tenant's.
    pub(crate) fn remove_first(&mut self, place: u32) -> Node {
        self.rota.pass_on(self.nodes[place as usize].flow);
        self.remove(place)
    }

    /// Frees a place, from wherever.
    pub(crate) fn remove(&mut self, place: u32) -> Node {
        let free = Node { waker: None, cost: 0, woken: false, older: NONE, newer: self.free, flow: 0 };
        let node = std::mem::replace(&mut self.nodes[place as usize], free);
        let ends = self.rota.flow_mut(node.flow);
        ends.len -= 1;
        match node.older {
            NONE => ends.oldest = node.newer,
            older => self.nodes[older as usize].newer = node.newer,
        }
        match node.newer {
            NONE => ends.newest = node.older,
            newer => self.nodes[newer as usize].older = node.older,
        }
        if ends.len == 0 {
            self.rota.leave(node.flow);
        }
        self.free = place;
        self.len -= 1;
        node
    }

    /// Whose turn it is. The clock is asked only where the order depends on it.
    pub(crate) fn first(&self, now: &mut Now) -> Option<u32> {
        let flow = self.rota.current()?;
        let newest = match self.order {
            Order::Fifo => false,
            Order::Lifo => true,
            Order::Adaptive(interval) => self.stands(interval, now.get()),
        };
        Some(if newest { flow.newest } else { flow.oldest })
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

    /// The twin: the list of all who wait, in the order of arrival, and of their tenants, in the order of turns.
    #[derive(Default)]
    struct Twin {
        waiting: Vec<(u32, (u8, Option<u64>))>,
        turns: Vec<(u8, Option<u64>)>,
        busy_since: Instant,
    }

    impl Twin {
        fn first(&self, order: Order, now: Instant) -> Option<u32> {
            let tenant = self.turns.iter().min_by_key(|(class, _)| *class)?;
            let mut of_tenant = self.waiting.iter().filter(|(_, t)| t == tenant);
            let newest = match order {
                Order::Fifo => false,
                Order::Lifo => true,
                Order::Adaptive(interval) => now - self.busy_since > interval,
            };
            if newest { of_tenant.next_back() } else { of_tenant.next() }.map(|(place, _)| *place)
        }

        fn count(&self, tenant: (u8, Option<u64>)) -> usize {
            self.waiting.iter().filter(|(_, t)| *t == tenant).count()
        }

        fn leave(&mut self, place: u32) -> (u8, Option<u64>) {
            let at = self.waiting.iter().position(|(p, _)| *p == place).unwrap();
            let (_, tenant) = self.waiting.remove(at);
            if self.count(tenant) == 0 {
                self.turns.retain(|t| *t != tenant);
            }
            tenant
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Enter(u8, Option<u64>),
        Leave(usize),
        Serve,
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..4u8, proptest::option::of(0..3u64)).prop_map(|(class, tenant)| Step::Enter(class, tenant)),
            1 => (0..8usize).prop_map(Step::Leave),
            1 => Just(Step::Serve),
            1 => (0..40u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #[test]
        fn the_turn_is_the_twins(
            steps in proptest::collection::vec(step(), 0..80),
            order in 0..3u8,
            room in 0..40usize,
        ) {
            let order = match order {
                0 => Order::Fifo,
                1 => Order::Lifo,
                _ => Order::Adaptive(Duration::from_nanos(50)),
            };
            let (mut places, mut twin, mut now) = (Places::default(), Twin::default(), Instant::ZERO);
            for step in steps {
                match step {
                    Step::Enter(class, name) => {
                        let (tenant, left) = ((class, name), room.saturating_sub(twin.waiting.len()));
                        let fits = left > if name.is_some() { twin.count(tenant) } else { 0 };
                        let entry = Entry { places: room, cost: 1, class, tenant: name, order, now };
                        let place = places.push(entry);
                        prop_assert_eq!(place.is_some(), fits);
                        if let Some(place) = place {
                            if twin.waiting.is_empty() {
                                twin.busy_since = now;
                            }
                            if !twin.turns.contains(&tenant) {
                                twin.turns.push(tenant);
                            }
                            twin.waiting.push((place, tenant));
                        }
                    }
                    Step::Leave(i) if i < twin.waiting.len() => {
                        let place = twin.waiting[i].0;
                        places.remove(place);
                        twin.leave(place);
                    }
                    Step::Serve => {
                        if let Some(first) = places.first(&mut Now::at(now)) {
                            places.remove_first(first);
                            let tenant = twin.leave(first);
                            // Behind all others, if more of them wait.
                            if let Some(at) = twin.turns.iter().position(|t| *t == tenant) {
                                twin.turns.remove(at);
                                twin.turns.push(tenant);
                            }
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
