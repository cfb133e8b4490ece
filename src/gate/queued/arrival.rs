//! A newcomer: in at once, into the line, or away.

use super::handle::Queue;
use super::waiting::{Waiting, later};
use crate::deadline;
use crate::error::{Reason, Rejected};
use crate::gate::line::Full;
use crate::gate::places::{Entry, Order};
use crate::gate::{Admit, Blocked, Now};
use crate::telemetry::{Kind, What};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// A newcomer is in, or has a place.
pub(super) enum Arrival<P> {
    Admitted(P),
    Waits(Waiting),
}

/// Asks the gate, if nobody waits already; else, and if it refuses for now, takes a place.
#[inline]
pub(super) fn arrive<G, Req>(
    gate: &G,
    queue: &Arc<Queue>,
    request: &Req,
    now: &mut Now,
) -> Result<Arrival<G::Pass>, Rejected>
where
    G: Admit<Req>,
{
    let blocked = if queue.own.is_empty() {
        match gate.admit_in_turn(request, None, now) {
            Ok(pass) => return Ok(Arrival::Admitted(pass)),
            Err(blocked) => blocked,
        }
    } else {
        Blocked::behind(&queue.own)
    };
    enter(gate, queue, request, blocked, now.get()).map(Arrival::Waits)
}

/// Takes a place for one whom the gate has just blocked, unless waiting is known to be of no use.
#[cold]
#[inline(never)]
fn enter<G, Req>(
    gate: &G,
    queue: &Arc<Queue>,
    request: &Req,
    blocked: Blocked,
    now: Instant,
) -> Result<Waiting, Rejected>
where
    G: Admit<Req>,
{
    if let Some(refusal) = final_refusal(gate, &blocked, queue.places() == 0) {
        return Err(refusal);
    }
    queue.note(&blocked);
    let line = gate.stand(request).unwrap_or_else(|| queue.own.clone());
    let (patience, bound) = match (queue.patience(&line, now), deadline::in_force() - now) {
        (patience, left) if left < patience => (left, Reason::Deadline),
        (patience, _) => (patience, Reason::QueueTimeout),
    };
    let foretold = match blocked.rejected {
        Some(rejected) => rejected.retry_after(),
        // The newest first: how long those ahead will take says nothing.
        None if queue.order != Order::Fifo => None,
        None => gate.foretell(request, &mut Now::at(now)),
    };
    if let Some(wait) = foretold
        && wait > patience
    {
        return Err(refuse(queue, bound, foretold));
    }
    let cost = gate.cost(request);
    let class = gate.rank(request).unwrap_or_default() as u8;
    let tenant = gate.tenant(request);
    let entry = Entry { places: queue.places(), cost, class, tenant, order: queue.order, now };
    let stay = line
        .enter(entry)
        .map_err(|Full { due }| refuse(queue, Reason::QueueFull, due.map(|due| due - now)))?;
    // A gate that tells nobody has just been asked.
    let asleep = if blocked.line.is_none() { foretold.map(|wait| later(now, wait)) } else { None };
    let waiting = Waiting::new(stay, Arc::clone(queue), now, (now + patience, bound), asleep);
    queue.telemetry.note(Kind::Queue, || What::Queued);
    Ok(waiting)
}

/// The gate's refusal, where it stands: waiting would not cure it, or nobody would say when it has.
pub(super) fn final_refusal<G, Req>(gate: &G, blocked: &Blocked, at_once: bool) -> Option<Rejected>
where
    G: Admit<Req>,
{
    let rejected = blocked.rejected?;
    let told_of_a_change = blocked.line.is_some();
    if is_cured_by_waiting(rejected.reason())
        && (told_of_a_change || rejected.retry_after().is_some())
        && !at_once
    {
        return None;
    }
    // A gate with a line has told nobody yet.
    if told_of_a_change {
        gate.refused(&rejected);
    }
    Some(rejected)
}

const fn is_cured_by_waiting(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::RateLimited
            | Reason::CircuitOpen
            | Reason::ProbesTaken
            | Reason::Ramping
            | Reason::LimitReached
            | Reason::Priority
            | Reason::NotReady
            | Reason::Throttled
            | Reason::EndpointsFull
            | Reason::EndpointAway
            | Reason::EndpointsOut
            | Reason::StoreUnavailable
    )
}

/// A refusal of the queue's own.
pub(super) fn refuse(queue: &Queue, reason: Reason, retry_after: Option<Duration>) -> Rejected {
    let mut rejected = Rejected::new(queue.telemetry.name(), reason);
    if let Some(after) = retry_after {
        rejected = rejected.retry_in(after);
    }
    if queue.is_for_quota() {
        rejected = rejected.for_quota();
    }
    queue.telemetry.tell(Kind::Queue, What::Refused(rejected));
    rejected
}
