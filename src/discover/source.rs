use super::found::Found;
use std::fmt;
use std::future::Future;

/// Where endpoints are found: something that can be asked who is there.
///
/// Any async function without arguments is a source; so are [`Watch`](super::Watch), [`Registry`](super::Registry)
/// and [`File`](super::File), and `Dns` with the feature `dns`. The answer is always a whole set. A source that knows
/// itself when something changes answers only then, and says so with [`Found::live`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use seawall::balance::Endpoint;
/// use seawall::discover::{Found, Source};
///
/// let mut source = || async { Ok::<_, std::io::Error>(Found::from_iter([Endpoint::new("a", ())])) };
/// assert_eq!(source.ask().await.unwrap().len(), 1);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be asked for endpoints",
    note = "a source is a function without arguments that returns a future of `Result<Found, E>`, where `E: Debug`"
)]
pub trait Source {
    /// Why there is no answer; it goes to the log.
    type Error: fmt::Debug;

    /// The answer to come.
    type Asking: Future<Output = Result<Found, Self::Error>>;

    /// Asks. Never called again before the answer is there or its future is dropped.
    fn ask(&mut self) -> Self::Asking;
}

impl<F, Fut, E> Source for F
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Found, E>>,
    E: fmt::Debug,
{
    type Error = E;
    type Asking = Fut;

    fn ask(&mut self) -> Fut {
        self()
    }
}
