//! The parts of a run that job functions see: its id, and the token that asks it to end early.

mod cancellation;
mod run_id;

pub use cancellation::{CancellationToken, Cancelled};
pub use run_id::RunId;
