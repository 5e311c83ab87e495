//! What is MongoDB's own: collections, logins, broken connections, other programs' data, and hands that meddle.
#![allow(clippy::unwrap_used, reason = "tests")]

mod calls;
mod jobs;
mod outages;
#[path = "../place/mod.rs"]
mod place;
mod round_trips;
mod standalone;
mod starting;
mod way;
mod wire;
