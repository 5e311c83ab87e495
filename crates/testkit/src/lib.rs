//! Conformance suites that every store, executor and scheduler runs, and a clock that is moved by hand.
//!
//! A dev-dependency of plugin crates, third parties' among them. A job store proves itself with [`stores::run`], an
//! executor with [`executors::run`].

mod clock;
pub mod executors;
mod stepped;
pub mod stores;
mod suite;

pub use clock::ManualClock;
pub use stepped::SteppedScheduler;
