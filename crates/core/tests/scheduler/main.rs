//! The behaviour of the engine, under a clock that is moved by hand. Named after the tests of APScheduler where one
//! shows the same.

#![allow(clippy::unwrap_used, reason = "tests")]

mod broken_records;
mod catch_up;
mod components;
mod events;
mod from_within;
mod job_handles;
mod jobs;
mod lifecycle;
mod listing;
mod processing;
mod recorder;
mod room;
mod stores_that_fail;
mod test_store;
mod threads;
