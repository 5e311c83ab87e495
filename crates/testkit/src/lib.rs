#![doc = include_str!("../README.md")]

mod clock;
mod events;
pub mod executors;
mod guard;
mod patience;
mod plugins;
#[cfg(feature = "rethinkdb")]
pub mod rethinkdb;
pub mod schedulers;
pub mod simulation;
mod stepped;
pub mod stores;
mod suite;
mod test_store;
pub mod triggers;

pub use clock::ManualClock;
pub use guard::CallsWhenDropped;
pub use patience::{eventually, in_time};
pub use plugins::{TestPlugins, linked_registry, registry};
pub use stepped::SteppedScheduler;
pub use test_store::TestStore;
