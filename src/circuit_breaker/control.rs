use super::handle::CircuitBreaker;
use super::shared::Shared;
use crate::sync::Mutex;
use std::fmt;
use std::sync::{Arc, Weak};

/// Drives many breakers by hand at once: all that a program has for one peer, or for all of them.
///
/// A breaker added later goes into the state the others were driven into. Clones are the same control. It keeps no
/// breaker alive.
///
/// # Examples
///
/// ```
/// use seawall::circuit_breaker::{CircuitBreaker, Config, Control, State};
///
/// let control = Control::new();
/// let [reads, writes] = ["reads", "writes"].map(|name| CircuitBreaker::new(name, Config::default()));
/// control.add(&reads);
/// control.force_open();
/// control.add(&writes);
/// assert_eq!((reads.state(), writes.state()), (State::ForcedOpen, State::ForcedOpen));
///
/// control.reset();
/// assert_eq!((reads.state(), writes.state()), (State::Closed, State::Closed));
/// ```
#[derive(Clone, Default)]
#[doc(alias = "CircuitBreakerManualControl")]
pub struct Control(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    breakers: Vec<Weak<Shared>>,
    order: Option<Order>,
    /// How many orders there were: who finds another than the one carried out begins again.
    orders: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    ForceOpen,
    ForceClosed,
    ObserveOnly,
}

impl Control {
    /// A control of no breaker yet.
    ///
    /// ```
    /// let control = seawall::circuit_breaker::Control::new();
    /// control.force_open(); // for those to come
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Drives this breaker too from now on.
    ///
    /// ```
    /// use seawall::circuit_breaker::{CircuitBreaker, Config, Control};
    /// let control = Control::new();
    /// control.add(&CircuitBreaker::new("payments", Config::default()));
    /// ```
    pub fn add(&self, breaker: &CircuitBreaker) {
        let order = {
            let mut held = self.0.lock();
            held.breakers.retain(|known| known.strong_count() > 0);
            held.breakers.push(Arc::downgrade(&breaker.0));
            held.order
        };
        if let Some(order) = order {
            carry_out(order, breaker);
        }
    }

    /// [`force_open`](CircuitBreaker::force_open) on all of them.
    ///
    /// ```
    /// seawall::circuit_breaker::Control::new().force_open();
    /// ```
    pub fn force_open(&self) {
        self.order(Some(Order::ForceOpen));
    }

    /// [`force_closed`](CircuitBreaker::force_closed) on all of them.
    ///
    /// ```
    /// seawall::circuit_breaker::Control::new().force_closed();
    /// ```
    pub fn force_closed(&self) {
        self.order(Some(Order::ForceClosed));
    }

    /// [`observe_only`](CircuitBreaker::observe_only) on all of them.
    ///
    /// ```
    /// seawall::circuit_breaker::Control::new().observe_only();
    /// ```
    pub fn observe_only(&self) {
        self.order(Some(Order::ObserveOnly));
    }

    /// [`reset`](CircuitBreaker::reset) on all of them; those added later are left as they are.
    ///
    /// ```
    /// seawall::circuit_breaker::Control::new().reset();
    /// ```
    pub fn reset(&self) {
        self.order(None);
    }

    fn order(&self, order: Option<Order>) {
        let mut given = {
            let mut held = self.0.lock();
            held.order = order;
            held.orders += 1;
            held.orders
        };
        // Under no lock, for each breaker tells of it. Of two orders at once the later stands on all of them.
        loop {
            let (order, breakers) = {
                let held = self.0.lock();
                (held.order, held.breakers.clone())
            };
            for breaker in breakers.iter().filter_map(Weak::upgrade).map(CircuitBreaker) {
                order.map_or_else(|| breaker.reset(), |order| carry_out(order, &breaker));
            }
            let orders = self.0.lock().orders;
            if orders == given {
                return;
            }
            given = orders;
        }
    }
}

fn carry_out(order: Order, breaker: &CircuitBreaker) {
    match order {
        Order::ForceOpen => breaker.force_open(),
        Order::ForceClosed => breaker.force_closed(),
        Order::ObserveOnly => breaker.observe_only(),
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.0.lock();
        f.debug_struct("Control")
            .field("breakers", &held.breakers.len())
            .field("order", &held.order)
            .finish_non_exhaustive()
    }
}
