//! Tests of the process pool. This program has the worker hook, so it is its own worker.
//!
//! Linux only: the tests inspect processes through `/proc`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests, without the usual harness")]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod suite;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    return suite::main();
    #[cfg(not(target_os = "linux"))]
    ExitCode::SUCCESS
}
