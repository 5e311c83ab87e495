//! Every test.

mod report;

use std::process::Command;

use anyhow::Result;

use crate::chaos;
use crate::command::{self, cargo};
use crate::libraries;
use crate::services::Running;

/// How long each round of chaos lasts.
const CHAOS_SECONDS: u64 = 6;

pub(crate) fn run(rest: &[String]) -> Result<()> {
    let packages = packages(rest);
    libraries::require_for(&packages)?;
    let services = Running::for_tests(&packages)?;
    let mut test = cargo();
    test.arg("test").envs(services.variables()).arg("--all-features");
    if !rest.is_empty() {
        // A package that is named is meant alone.
        if packages.is_empty() {
            test.arg("--workspace");
        }
        return command::run(test.args(rest));
    }
    every(test.args(["--workspace", "--no-fail-fast"]))?;
    drop(services);
    chaos::run(&[], CHAOS_SECONDS)
}

/// Runs the tests of all targets, also behind one that fails. Thousands of them print more than one reads.
fn every(test: &mut Command) -> Result<()> {
    command::read(test, |printed| report::tell(printed, &mut std::io::stdout()))
}

/// The packages that are named behind `-p`.
fn packages(rest: &[String]) -> Vec<&str> {
    let flag = |word: &String| word == "-p" || word == "--package";
    rest.windows(2).filter(|pair| flag(&pair[0])).map(|pair| pair[1].as_str()).collect()
}
