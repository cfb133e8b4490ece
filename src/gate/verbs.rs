/// The verbs that every gate's handle has as its own, so that using one needs no trait in scope.
///
/// `$new` is how the examples make one, with `seawall::*` and the family's module imported by `$use`.
///
/// A generic handle puts its parameters first, in brackets.
macro_rules! verbs {
    ($handle:ident, $use:literal, $new:literal) => {
        $crate::gate::verbs!([] $handle, $use, $new);
    };
    ([$($generics:tt)*] $handle:ty, $use:literal, $new:literal $(,)?) => {
        impl<$($generics)*> $handle {
            /// Leave to make one call now, or why not.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = $use]
            #[doc = concat!("let handle = ", $new, ";")]
            /// match handle.try_acquire() {
            ///     Ok(permit) => permit.settle(seawall::Class::Success), // after the call
            ///     Err(rejected) => eprintln!("{rejected}"),
            /// }
            /// ```
            ///
            /// # Errors
            ///
            /// The refusal: who, why, and when to come back where that is known.
            #[inline]
            pub fn try_acquire(&self) -> Result<$crate::gate::Permit<&Self>, $crate::Rejected> {
                $crate::gate::Permit::acquire(self, &(), $crate::gate::Now::lazy())
            }

            /// [`try_acquire`](Self::try_acquire) at a time that the caller already holds.
            ///
            /// ```
            #[doc = $use]
            #[doc = concat!("let handle = ", $new, ";")]
            /// assert!(handle.try_acquire_at(seawall::Instant::now()).is_ok());
            /// ```
            ///
            /// # Errors
            ///
            /// As [`try_acquire`](Self::try_acquire).
            #[inline]
            pub fn try_acquire_at(
                &self,
                now: $crate::Instant,
            ) -> Result<$crate::gate::Permit<&Self>, $crate::Rejected> {
                $crate::gate::Permit::acquire(self, &(), $crate::gate::Now::at(now))
            }

            /// A permit that owns its handle, to be moved into a task; it costs one `Arc` clone.
            ///
            /// ```
            #[doc = $use]
            #[doc = concat!("let handle = ", $new, ";")]
            /// let permit = handle.try_acquire_owned().unwrap();
            /// std::thread::spawn(move || drop(permit)).join().unwrap();
            /// ```
            ///
            /// # Errors
            ///
            /// As [`try_acquire`](Self::try_acquire).
            pub fn try_acquire_owned(&self) -> Result<$crate::gate::Permit<Self>, $crate::Rejected> {
                $crate::gate::Permit::acquire(self.clone(), &(), $crate::gate::Now::lazy())
            }

            /// Acquires, calls, settles. `Ok` counts as a success and `Err` as a transient failure; for
            /// anything finer, [`classify`](crate::Gate::classify) first.
            ///
            /// # Examples
            ///
            /// ```
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() {
            #[doc = $use]
            #[doc = concat!("let handle = ", $new, ";")]
            /// let answer = handle.run(|| async { Ok::<_, std::io::Error>(42) }).await;
            /// assert_eq!(answer.unwrap(), 42);
            /// # }
            /// ```
            ///
            /// # Cancel safety
            ///
            /// Dropped at any point, the permit is abandoned.
            #[inline]
            pub fn run<F, Fut, T, E>(&self, call: F) -> $crate::gate::Run<&Self, F, Fut>
            where
                F: FnOnce() -> Fut,
                Fut: Future<Output = Result<T, E>>,
            {
                $crate::Gate::run(self, call)
            }

            /// A tower layer over this handle: every service made from it shares this state.
            ///
            /// # Examples
            ///
            /// ```
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() {
            #[doc = $use]
            /// use tower::{ServiceBuilder, ServiceExt, service_fn};
            #[doc = concat!("let handle = ", $new, ";")]
            /// let service = ServiceBuilder::new()
            ///     .layer(handle.layer())
            ///     .layer(seawall::LiftLayer)
            ///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
            /// assert_eq!(service.oneshot(1).await.unwrap(), 1);
            /// # }
            /// ```
            #[must_use]
            pub fn layer(&self) -> $crate::gate::GateLayer<Self> {
                $crate::Gate::layer(self)
            }
        }

        // User code runs under no lock and before or after a change, never within one: its panic leaves nothing half done.
        impl<$($generics)*> std::panic::UnwindSafe for $handle {}
        impl<$($generics)*> std::panic::RefUnwindSafe for $handle {}
    };
}
pub(crate) use verbs;
