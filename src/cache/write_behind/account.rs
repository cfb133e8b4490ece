/// Where every change went that was ever accepted: nothing is lost in silence.
///
/// `accepted` is the sum of all the others, always.
///
/// # Examples
///
/// ```
/// use seawall::cache::write_behind::{Config, WriteBehind, Write};
///
/// let store = |_: Vec<Write<u32, &str>>| async { Ok::<_, ()>(()) };
/// let (orders, _driver) = WriteBehind::new("orders", Config::new(), store, |dead| eprintln!("{dead:?}"));
/// orders.try_put(7, "paid").unwrap();
/// orders.try_put(7, "shipped").unwrap();
/// let account = orders.account();
/// assert_eq!((account.accepted, account.coalesced, account.pending), (2, 1, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// Changes that were taken in.
    pub accepted: u64,
    /// Changes that a newer one of the same key replaced before they were stored.
    pub coalesced: u64,
    /// Changes that the source has.
    pub stored: u64,
    /// Changes that the source did not want because it has newer ones.
    pub outdated: u64,
    /// Changes given up on, and handed back as dead letters.
    pub dead: u64,
    /// Changes taken out by hand.
    pub discarded: u64,
    /// Changes that wait, rest or are being stored.
    pub pending: u64,
}
