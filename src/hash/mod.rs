//! Where keys live: placements that move few keys when nodes come and go.
//!
//! ```text
//!   key ──hash──►  HashRing     next point clockwise            minimal moves, shares within 8 %
//!                  Maglev       slot of a table                 even within 1 %, a few more moves
//!                  Rendezvous   best score of all               minimal moves, exact weights, no table
//!                  JumpHash     arithmetic                      numbered shards that grow at the end
//! ```
//!
//! All but the last share one trait, [`Placement`]: `lookup` finds the home of a key, `successors` where it goes
//! when that is not well, and `fingerprint` tells whether two processes agree.
//!
//! # Examples
//!
//! ```
//! use seawall::hash::{Maglev, Placement};
//!
//! let caches = Maglev::new([("cache-1", 1), ("cache-2", 1), ("cache-3", 2)]);
//! let home = caches.lookup_key("user-1").unwrap();
//! let next = caches.successors(caches.hash(b"user-1")).nth(1).unwrap();
//! assert_ne!(home, next);
//! ```
//!
//! As the picker of a balancer, see [`balance::Hashed`](crate::balance::Hashed).
//!
//! # Which one
//!
//! | | lookup | memory | when one of n leaves, moves | weights |
//! |---|---|---|---|---|
//! | [`HashRing`] | a short search | 12 bytes a point | its own keys | as multiples of points |
//! | [`Maglev`] | one load | 2 bytes a slot | its own keys and up to 1 % more | as multiples of slots |
//! | [`Rendezvous`] | a look at each node | 8 bytes a node | its own keys | exact |
//! | [`JumpHash`] | ln n steps | none | only the last may leave | none |
//!
//! [`LoadBound`] keeps any of them from overloading a node whose keys are popular; [`Subset`] and [`Aperture`] keep
//! many clients from connecting to everybody.
//!
//! # Memory
//!
//! Fixed when it is built; a lookup allocates nothing.
//!
//! # Not for
//!
//! Secrets, or keys that an attacker chooses to collide: the hashes are fast and known. The same goes for the
//! names of nodes.

mod bounded;
mod crc32;
mod jump;
mod ln;
mod maglev;
mod md5;
mod nodes;
mod placement;
mod points;
mod prime;
mod rendezvous;
mod ring;
mod subset;

pub use self::bounded::LoadBound;
pub use self::jump::JumpHash;
pub use self::maglev::Maglev;
pub use self::nodes::Nodes;
pub use self::placement::Placement;
pub use self::prime::TableSize;
pub use self::rendezvous::Rendezvous;
pub use self::ring::{HashRing, Mode, Size};
pub use self::subset::{Aperture, Share, Subset};
