//! The benches.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::command::{self, cargo, target};
use crate::debian::require;
use crate::services::Running;

/// What the stores are measured beside.
const PEERS: [&str; 5] =
    ["APScheduler==3.11.3", "SQLAlchemy", "psycopg2-binary", "PyMySQL", "redis"];

pub(crate) fn run(rest: &[String]) -> Result<()> {
    let mut bench = cargo();
    bench.args(["bench", "--package", "apscheduler-benches"]).args(rest);
    let is_named = rest.iter().any(|word| word == "--bench");
    if is_named && !rest.iter().any(|word| word == "stores") {
        return command::run(&mut bench);
    }
    let services = Running::for_tests(&[])?;
    bench.envs(services.variables()).env("APSCHEDULER_BENCH_PYTHON", python()?);
    command::run(&mut bench)
}

/// A Python with APScheduler in it.
fn python() -> Result<PathBuf> {
    let environment = target().join("services/apscheduler");
    let python = environment.join("bin/python");
    if !environment.join("installed").exists() {
        require("python3", &["python3", "python3-venv"])?;
        let quiet = |command: &mut Command| command::run(command.stdout(Stdio::null()));
        quiet(Command::new("python3").args(["-m", "venv"]).arg(&environment))
            .context("can't make a virtual environment of Python")?;
        quiet(Command::new(environment.join("bin/pip")).args(["install", "-q"]).args(PEERS))?;
        std::fs::write(environment.join("installed"), "")?;
    }
    Ok(python)
}
