use super::affinity::Token;
use super::endpoint::Endpoint;
use super::failover::Standing;
use super::id::Id;
use super::live::Live;
use super::member::{Common, Member};
use super::picker::{Picker, Prepared};
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Who belongs to a pool, and what is remembered of those who left. Only writers see it.
#[derive(Debug)]
pub(super) struct Roster<S> {
    members: BTreeMap<Id, Arc<Member<S>>>,
    /// Oldest first.
    departed: VecDeque<Departed>,
    serials: u32,
    /// How many ids the last whole set repeated.
    repeats: u32,
    plans: BTreeMap<u8, Plan>,
    /// By token the place among the members.
    tokens: Arc<[(Token, u32)]>,
    /// The level that all calls go to, where that is one at a time.
    pub(super) standing: Standing,
}

/// What a picker keeps ready for one level: for all its members of a weight above zero, well or not.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) members: Vec<(Id, u32)>,
    pub(super) prepared: Arc<Prepared>,
}

#[derive(Debug)]
struct Departed {
    id: Id,
    live: Arc<Live>,
    at: Instant,
}

/// So long an id may be away and still be the same endpoint: a restart, a flapping source.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What a change did, and what it leaves to be dropped outside the lock.
#[derive(Debug)]
pub(super) struct Changed<S> {
    pub(super) added: u32,
    pub(super) removed: u32,
    pub(super) repeated: u32,
    pub(super) leftover: Vec<Arc<Member<S>>>,
}

impl<S> Changed<S> {
    /// Both, one after the other.
    pub(super) fn and(mut self, mut next: Self) -> Self {
        self.added += next.added;
        self.removed += next.removed;
        self.repeated += next.repeated;
        self.leftover.append(&mut next.leftover);
        self
    }
}

impl<S> Default for Changed<S> {
    fn default() -> Self {
        Self { added: 0, removed: 0, repeated: 0, leftover: Vec::new() }
    }
}

impl<S> Default for Roster<S> {
    fn default() -> Self {
        Self {
            members: BTreeMap::new(),
            departed: VecDeque::new(),
            serials: 0,
            repeats: 0,
            plans: BTreeMap::new(),
            tokens: Arc::default(),
            standing: Standing::default(),
        }
    }
}

impl<S> Roster<S> {
    /// Exactly these from now on; of two with one id the last.
    pub(super) fn set(
        &mut self,
        endpoints: Vec<Endpoint<S>>,
        common: &Arc<Common>,
        now: Instant,
    ) -> Changed<S> {
        let mut changed = Changed::default();
        let mut before = std::mem::take(&mut self.members);
        for endpoint in endpoints {
            let known = before.remove(&endpoint.id);
            changed.added += u32::from(known.is_none());
            let live = known.as_ref().map(|member| Arc::clone(&member.live));
            changed.leftover.extend(known);
            if let Some(repeated) = self.put(endpoint, live, common, now) {
                changed.added -= 1;
                changed.repeated += 1;
                changed.leftover.push(repeated);
            }
        }
        for (id, member) in before {
            changed.removed += 1;
            self.depart(id, &member, now);
            changed.leftover.push(member);
        }
        self.forget(now);
        // A source that repeats an id in every answer is told of once.
        let known = std::mem::replace(&mut self.repeats, changed.repeated) == changed.repeated;
        if known && changed.added + changed.removed == 0 {
            changed.repeated = 0;
        }
        changed
    }

    /// This one too, instead of the one with its id if there is one.
    pub(super) fn insert(&mut self, endpoint: Endpoint<S>, common: &Arc<Common>, now: Instant) -> Changed<S> {
        let live = self.members.get(&endpoint.id).map(|member| Arc::clone(&member.live));
        let mut changed = Changed { added: u32::from(live.is_none()), ..Changed::default() };
        changed.leftover.extend(self.put(endpoint, live, common, now));
        self.forget(now);
        changed
    }

    /// Without that one.
    pub(super) fn remove(&mut self, id: &str, now: Instant) -> Changed<S> {
        let mut changed = Changed::default();
        if let Some((id, member)) = self.members.remove_entry(id) {
            changed.removed = 1;
            self.depart(id, &member, now);
            changed.leftover.push(member);
        }
        self.forget(now);
        changed
    }

    /// Makes the plans anew for the levels whose members have changed.
    pub(super) fn plan(&mut self, picker: &Picker, token_seed: u64) {
        let mut before = std::mem::take(&mut self.plans);
        let mut levels: BTreeMap<u8, Vec<(Id, u32)>> = BTreeMap::new();
        for endpoint in self.members.values().map(|member| &member.endpoint) {
            if endpoint.weight > 0 {
                levels.entry(endpoint.level).or_default().push((endpoint.id.clone(), endpoint.weight));
            }
        }
        for (level, members) in levels {
            let same = before.remove(&level).filter(|plan| plan.members == members);
            let prepared = same.map_or_else(|| Arc::new(picker.prepare(&members)), |plan| plan.prepared);
            let plan = Plan { members, prepared };
            self.plans.insert(level, plan);
        }
        let mut tokens: Vec<_> =
            self.members.keys().map(|id| Token::seeded(id, token_seed)).zip(0..).collect();
        tokens.sort_unstable();
        self.tokens = tokens.into();
    }

    pub(super) fn tokens(&self) -> Arc<[(Token, u32)]> {
        Arc::clone(&self.tokens)
    }

    /// The plans, level by level.
    pub(super) fn plans(&self) -> impl Iterator<Item = (u8, &Plan)> {
        self.plans.iter().map(|(&level, plan)| (level, plan))
    }

    /// Everybody, in the order of ids.
    pub(super) fn members(&self) -> impl Iterator<Item = &Arc<Member<S>>> {
        self.members.values()
    }

    /// Puts it in, and gives out the one it replaced.
    fn put(
        &mut self,
        endpoint: Endpoint<S>,
        live: Option<Arc<Live>>,
        common: &Arc<Common>,
        now: Instant,
    ) -> Option<Arc<Member<S>>> {
        let repeated = self.members.remove(&endpoint.id);
        let live = live
            .or_else(|| repeated.as_ref().map(|member| Arc::clone(&member.live)))
            .or_else(|| self.recall(&endpoint.id, now))
            .unwrap_or_else(|| {
                self.serials = self.serials.wrapping_add(1).max(1);
                Arc::new(Live::new(self.serials, now, common.reports))
            });
        let id = endpoint.id.clone();
        self.members.insert(id, Arc::new(Member { endpoint, live, common: Arc::clone(common) }));
        repeated
    }

    fn depart(&mut self, id: Id, member: &Member<S>, now: Instant) {
        member.live.set_gone(true);
        self.departed.push_back(Departed { id, live: Arc::clone(&member.live), at: now });
    }

    fn recall(&mut self, id: &Id, now: Instant) -> Option<Arc<Live>> {
        let place = self.departed.iter().position(|departed| departed.id == *id)?;
        let departed = self.departed.remove(place)?;
        departed.live.set_gone(false);
        departed.live.ready_again(now);
        Some(departed.live)
    }

    /// Forgets who left long ago, and never remembers more than there are members.
    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.departed.front()
            && (now - oldest.at > REMEMBERED || self.departed.len() > self.members.len())
        {
            self.departed.pop_front();
        }
    }
}
