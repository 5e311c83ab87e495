//! Runs the tests, with the servers that they need.

mod report;

use std::process::Command;

use anyhow::Result;

use crate::chaos;
use crate::command::{self, cargo};
use crate::libraries;
use crate::services::Running;

/// How long each round of chaos lasts, in seconds.
const CHAOS_SECONDS: u64 = 6;

pub(crate) fn run(rest: &[String]) -> Result<()> {
    let packages = packages(rest);
    libraries::require_for(&packages)?;
    let services = Running::for_tests(&packages)?;
    let mut test = cargo();
    test.arg("test").envs(services.variables()).arg("--all-features");
    if !rest.is_empty() {
        // Without `-p`, the arguments apply to all packages.
        if packages.is_empty() {
            test.arg("--workspace");
        }
        return command::run(test.args(rest));
    }
    run_all(test.args(["--workspace", "--no-fail-fast"]))?;
    drop(services);
    chaos::run(&[], CHAOS_SECONDS)
}

/// Runs the tests of all targets, even after a failure, and prints a summary: the full output is too long to read.
fn run_all(test: &mut Command) -> Result<()> {
    command::read(test, |printed| report::summarize(printed, &mut std::io::stdout()))
}

/// Returns the packages that follow `-p`.
fn packages(rest: &[String]) -> Vec<&str> {
    let flag = |word: &String| word == "-p" || word == "--package";
    rest.windows(2).filter(|pair| flag(&pair[0])).map(|pair| pair[1].as_str()).collect()
}
