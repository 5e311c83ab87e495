//! Behavior specific to MongoDB: collections, logins, broken connections, data of other programs, and manual edits.
#![allow(clippy::unwrap_used, reason = "tests")]

mod calls;
mod jobs;
mod open_runs;
mod outages;
#[path = "../place/mod.rs"]
mod place;
mod recording;
mod round_trips;
mod standalone;
mod starting;
mod way;
mod wire;
