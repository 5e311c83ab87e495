//! The benches.

use anyhow::Result;

use crate::command::{self, cargo};

pub(crate) fn run(rest: &[String]) -> Result<()> {
    command::run(cargo().args(["bench", "--package", "apscheduler-benches"]).args(rest))
}
