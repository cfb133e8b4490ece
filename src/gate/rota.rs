//! Who of those that wait comes next, tenant by tenant: the decision only. [`Places`](super::places::Places) holds them.

use super::places::CLASSES;
use std::collections::HashMap;

/// The flows of each class in a ring, one for each tenant that waits; the turn goes round.
///
/// Round robin among tenants (Nagle, *On Packet Switches with Infinite Storage*, RFC 970). All is O(1).
#[derive(Debug, Default)]
pub(super) struct Rota {
    flows: Vec<Flow>,
    by_tenant: HashMap<(u8, u64), u32>,
    /// Of each class, the flow of those whose tenant nobody tells.
    untold: [Option<u32>; CLASSES],
    /// Of each class, the flow whose turn it is.
    current: [Option<u32>; CLASSES],
    free: Vec<u32>,
}

/// A class, and who in it, where that is told.
pub(super) type Tenant = (u8, Option<u64>);

/// Those of one tenant, by age.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    tenant: Tenant,
    pub(super) oldest: u32,
    pub(super) newest: u32,
    pub(super) len: u32,
    before: u32,
    after: u32,
}

impl Rota {
    /// How many of the tenant wait.
    pub(super) fn len_of(&self, tenant: Tenant) -> u32 {
        self.find(tenant).map_or(0, |flow| self.flow(flow).len)
    }

    fn find(&self, (class, tenant): Tenant) -> Option<u32> {
        match tenant {
            Some(tenant) => self.by_tenant.get(&(class, tenant)).copied(),
            None => self.untold[usize::from(class)],
        }
    }

    pub(super) fn flow(&self, flow: u32) -> &Flow {
        &self.flows[flow as usize]
    }

    pub(super) fn flow_mut(&mut self, flow: u32) -> &mut Flow {
        &mut self.flows[flow as usize]
    }

    /// The flow whose turn it is, of the first class in which anybody waits.
    pub(super) fn current(&self) -> Option<&Flow> {
        self.current.iter().find_map(|flow| *flow).map(|flow| self.flow(flow))
    }

    /// The tenant's flow; a new one has its turn after all others. `nobody` stands for the place of none.
    pub(super) fn enter(&mut self, tenant: Tenant, nobody: u32) -> u32 {
        if let Some(flow) = self.find(tenant) {
            return flow;
        }
        let flow = self.free.pop().unwrap_or(self.flows.len() as u32);
        let current = &mut self.current[usize::from(tenant.0)];
        let after = *current.get_or_insert(flow);
        let before = if after == flow { flow } else { self.flows[after as usize].before };
        let fresh = Flow { tenant, oldest: nobody, newest: nobody, len: 0, before, after };
        if flow as usize == self.flows.len() {
            self.flows.push(fresh);
        } else {
            self.flows[flow as usize] = fresh;
        }
        self.flow_mut(before).after = flow;
        self.flow_mut(after).before = flow;
        match tenant {
            (class, Some(tenant)) => _ = self.by_tenant.insert((class, tenant), flow),
            (class, None) => self.untold[usize::from(class)] = Some(flow),
        }
        flow
    }

    /// The turn goes to the next tenant, if it was this one's.
    pub(super) fn pass_on(&mut self, flow: u32) {
        let Flow { tenant: (class, _), after, .. } = *self.flow(flow);
        let current = &mut self.current[usize::from(class)];
        if *current == Some(flow) {
            *current = Some(after);
        }
    }

    /// Nobody of this flow waits any more.
    pub(super) fn leave(&mut self, flow: u32) {
        self.pass_on(flow);
        let Flow { tenant, before, after, .. } = *self.flow(flow);
        if after == flow {
            self.current[usize::from(tenant.0)] = None;
        }
        self.flow_mut(before).after = after;
        self.flow_mut(after).before = before;
        match tenant {
            (class, Some(tenant)) => _ = self.by_tenant.remove(&(class, tenant)),
            (class, None) => self.untold[usize::from(class)] = None,
        }
        self.free.push(flow);
    }
}
