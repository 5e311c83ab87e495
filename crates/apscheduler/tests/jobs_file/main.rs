//! Applies jobs files to the stores of a scheduler, first and after changes.
#![cfg(feature = "config-file")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod applied;
mod bench;
mod identity;
mod mistakes;
mod start;
