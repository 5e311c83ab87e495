//! Runs the benchmarks.

use anyhow::Result;

use crate::command::{self, cargo};
use crate::libraries;
use crate::python;
use crate::services::Running;

const PACKAGE: &str = "apscheduler-benches";

/// The benchmarks that need system libraries.
const DESKTOP: &str = "apscheduler-benches-desktop";

/// The Python packages that the stores are compared with.
const PEERS: [&str; 8] = [
    "APScheduler==3.11.3",
    "SQLAlchemy",
    "psycopg2-binary",
    "PyMySQL",
    "redis",
    "etcd3",
    "kazoo",
    crate::services::RETHINKDB_DRIVER,
];

pub(crate) fn run(rest: &[String]) -> Result<()> {
    let some_are_named = rest.iter().any(|word| word == "--bench");
    let is_meant = |name: &str| !some_are_named || rest.iter().any(|word| word == name);
    libraries::require_for(&[PACKAGE])?;
    let mut bench = cargo();
    bench.args(["bench", "--package", PACKAGE]).args(rest);
    let services = if is_meant("stores") || is_meant("ledger") {
        let services = Running::for_tests(&[])?;
        let python = python::environment("apscheduler", &PEERS)?.join("python");
        bench.envs(services.variables()).env("APSCHEDULER_BENCH_PYTHON", python);
        Some(services)
    } else {
        None
    };
    command::run(&mut bench)?;
    drop(services);
    if is_meant("lateness") {
        libraries::require_for(&[DESKTOP])?;
        command::run(cargo().args(["bench", "--package", DESKTOP]).args(rest))?;
    }
    Ok(())
}
