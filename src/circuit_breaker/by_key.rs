use super::keyed::{KeyedCircuitBreaker, KeyedPassed};
use crate::class::Class;
use crate::error::Rejected;
use crate::gate::{Admit, Gate, Now};
use std::fmt;
use std::hash::Hash;

/// A keyed breaker that takes its key from the request; made by [`KeyedCircuitBreaker::by`].
pub struct ByKey<K, F> {
    keyed: KeyedCircuitBreaker<K>,
    key: F,
}

impl<K, F> ByKey<K, F> {
    pub(super) const fn new(keyed: KeyedCircuitBreaker<K>, key: F) -> Self {
        Self { keyed, key }
    }
}

impl<K, F> Gate for ByKey<K, F> {
    type Pass = KeyedPassed;

    fn refused(&self, rejected: &Rejected) {
        self.keyed.refused(rejected);
    }

    #[inline]
    fn settle(&self, passed: KeyedPassed, class: Class, now: &mut Now) {
        self.keyed.settle(passed, class, now);
    }

    fn release(&self, passed: KeyedPassed) {
        self.keyed.release(passed);
    }

    fn abandon(&self, passed: KeyedPassed) {
        self.keyed.abandon(passed);
    }
}

impl<K: Hash + Eq + Clone, F: Fn(&Req) -> K, Req: ?Sized> Admit<Req> for ByKey<K, F> {
    #[inline]
    fn admit(&self, request: &Req, now: &mut Now) -> Result<KeyedPassed, Rejected> {
        self.keyed.admit(&(self.key)(request), now)
    }
}

impl<K, F: Clone> Clone for ByKey<K, F> {
    fn clone(&self) -> Self {
        Self { keyed: self.keyed.clone(), key: self.key.clone() }
    }
}

impl<K, F> fmt::Debug for ByKey<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByKey").field(&self.keyed).finish()
    }
}
