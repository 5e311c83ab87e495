//! Runs: their identifiers, their owners, their times, and the token that asks a run to end early.

mod cancellation;
mod fence;
mod info;
mod owner;
mod run_id;
mod uuid_type;

pub use cancellation::{CancellationToken, Cancelled};
pub use fence::Fence;
pub use info::RunInfo;
pub use owner::{Owner, OwnerId};
pub use run_id::RunId;
