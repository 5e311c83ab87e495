//! Every test.

use anyhow::Result;

use crate::command::{self, cargo};

pub(crate) fn run(rest: &[String]) -> Result<()> {
    let mut test = cargo();
    test.arg("test");
    // A package that is named is meant alone.
    if !rest.iter().any(|word| word == "-p" || word == "--package") {
        test.arg("--workspace");
    }
    command::run(test.arg("--all-features").args(rest))
}
