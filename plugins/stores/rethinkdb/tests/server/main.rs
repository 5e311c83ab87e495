//! Behavior specific to RethinkDB: keys, hidden documents, lost connections, logins, and manual edits.
#![allow(clippy::unwrap_used, reason = "tests")]

mod calls;
mod documents;
mod large;
mod logins;
mod outages;
#[path = "../place/mod.rs"]
mod place;
mod round_trips;
mod wire;
