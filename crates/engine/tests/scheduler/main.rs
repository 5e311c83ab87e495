//! The behavior of the engine, with a manual clock. Tests that match one of APScheduler's have its name.

#![allow(clippy::unwrap_used, reason = "tests")]

mod after;
mod asked;
mod audit;
mod backfills;
mod backlog;
mod broken_records;
mod cancelling;
mod captured_log;
mod catch_up;
mod common_store;
mod component_calls;
mod components;
mod events;
mod foreign_panics;
mod from_within;
mod health;
mod held_runs;
mod job_handles;
mod job_tables;
mod jobs;
mod ledger_in_turns;
mod lifecycle;
mod listing;
mod overlap;
mod pauses;
mod processing;
mod reasons;
mod recorder;
mod recording;
mod retries;
mod revisions;
mod room;
mod run_threads;
mod shared_stores;
mod stored_state;
mod stores_that_fail;
mod thread_schedulers;
mod threads;
mod turns;
mod unsafe_text;
mod values;
mod why;
mod wrong_clocks;
