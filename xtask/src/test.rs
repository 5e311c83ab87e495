//! Every test.

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
    test.arg("test").envs(services.variables());
    // A package that is named is meant alone.
    if packages.is_empty() {
        test.arg("--workspace");
    }
    command::run(test.arg("--all-features").args(rest))?;
    if rest.is_empty() {
        drop(services);
        chaos::run(&[], CHAOS_SECONDS)?;
    }
    Ok(())
}

/// The packages that are named behind `-p`.
fn packages(rest: &[String]) -> Vec<&str> {
    let flag = |word: &String| word == "-p" || word == "--package";
    rest.windows(2).filter(|pair| flag(&pair[0])).map(|pair| pair[1].as_str()).collect()
}
