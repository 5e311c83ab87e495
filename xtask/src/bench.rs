//! The benches.

use anyhow::Result;

use crate::command::{self, cargo};
use crate::python;
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
    bench.envs(services.variables()).env(
        "APSCHEDULER_BENCH_PYTHON",
        python::environment("apscheduler", &PEERS)?.join("python"),
    );
    command::run(&mut bench)
}
