//! The API.

pub(crate) mod job;
pub(crate) mod jobs;
pub(crate) mod runs;
pub(crate) mod scheduler;
pub(crate) mod triggers;

mod body;
mod query;
