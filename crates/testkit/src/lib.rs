//! Conformance suites that every store, executor and scheduler runs, and a clock that is moved by hand.
//!
//! A dev-dependency of plugin crates, third parties' among them. A job store proves itself with [`stores::run`].

mod clock;
mod stepped;
pub mod stores;

pub use clock::ManualClock;
pub use stepped::SteppedScheduler;
