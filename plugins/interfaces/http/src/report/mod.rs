//! What is to be told about a scheduler, as plain values: the API answers with them, and the pages show them. Everything here
//! may wait for a store, so it is called through [`App::call`](crate::app::App::call).
//!
//! What is read is bounded, and each report says if it was cut.

pub(crate) mod fires;
pub(crate) mod forecast;
pub(crate) mod health;
pub(crate) mod job_list;
pub(crate) mod plugins;
pub(crate) mod simulate;
pub(crate) mod spread;
pub(crate) mod stats;
mod timestamp;
