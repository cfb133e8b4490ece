/// Stands in the extensions of an answer that [`Respond`](super::Respond) made, so that a classifier further out
/// in the same process reads it as what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Refused,
    TimedOut,
}
