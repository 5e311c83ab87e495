//! Conformance suites that every trigger, store, executor and scheduler runs, and a clock that is moved by hand.
//!
//! A dev-dependency of plugin crates, third parties' among them. A trigger proves itself with [`triggers::run`], a job
//! store with [`stores::run`], an executor with [`executors::run`], a scheduler with [`schedulers::run`].

mod clock;
mod events;
pub mod executors;
mod guard;
mod patience;
mod plugins;
pub mod schedulers;
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
