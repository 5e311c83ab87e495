//! From a jobs file into the stores of a scheduler, and again when the file has changed.
#![cfg(feature = "config-file")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod applied;
mod bench;
mod identity;
mod mistakes;
