//! The API.

pub(crate) mod batch;
pub(crate) mod events;
pub(crate) mod job;
pub(crate) mod jobs;
pub(crate) mod probes;
pub(crate) mod reports;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod scheduler;
pub(crate) mod triggers;

mod allowed;
mod answer;
mod body;
mod query;
mod revision;
