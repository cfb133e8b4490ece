//! Refusing what a service is not ready for.

mod future;
mod handle;
mod layer;
mod service;

pub use self::future::ResponseFuture;
pub use self::handle::Shed;
pub use self::layer::ShedLayer;
pub use self::service::Shedding;
