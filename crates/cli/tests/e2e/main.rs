//! Tests the built program from the command line.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod accounting;
mod after;
mod asked;
mod backfill;
mod bad_input;
mod containers;
mod damaged;
mod executors;
mod file_identity;
mod history;
mod http;
mod jobs;
mod killed;
mod local_zone;
mod log_format;
mod next;
mod pauses;
mod policies;
mod program;
mod progress;
mod reload;
mod restart;
mod run;
mod runs;
mod schedules;
mod service;
mod setting_up;
mod shared;
mod signals;
mod stalled_readers;
mod stores;
#[cfg(target_os = "linux")]
mod trees;
mod validate;
mod web;
mod why;
mod wrong_clock;
