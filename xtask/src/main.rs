//! The tasks of this repository: `cargo xtask test | lint | circles | services | chaos | simulate | bench`.

mod bench;
mod chaos;
mod circles;
mod command;
mod debian;
mod libraries;
mod lint;
mod packaging;
mod python;
mod services;
mod simulate;
mod test;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The tasks of this repository")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs every test: unit tests, doctests, conformance suites, end-to-end tests.
    Test {
        /// Arguments for `cargo test`, such as `-p apscheduler-core` or `-- some_name`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Checks the format, lints, docs, each feature alone, packaging, and circles of imports.
    Lint,
    /// Checks that no two files or folders of a crate import each other. Part of `lint`.
    Circles,
    /// Starts the servers that job stores are tested against, and keeps them running until you press Enter.
    Services,
    /// Kills servers and schedulers under load, and accounts for each fire. Part of `test`.
    Chaos {
        /// `redis`, `postgres`, `mariadb`, `mongodb`, `etcd`, `rethinkdb`, `zookeeper`, `sqlite`; default: all.
        stores: Vec<String>,
        /// How long each round lasts, in seconds.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Simulates clusters with faults, deterministic by seed. A few seeds are part of `test`.
    Simulate(simulate::Seeds),
    /// Runs the benchmarks; `--bench NAME` picks one.
    Bench {
        /// Arguments for `cargo bench`, such as `--bench memory`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Test { rest } => test::run(&rest),
        Task::Lint => lint::run(),
        Task::Circles => lint::circles(),
        Task::Services => services::up(),
        Task::Chaos { stores, seconds } => chaos::run(&stores, seconds),
        Task::Simulate(seeds) => simulate::run(&seeds),
        Task::Bench { rest } => bench::run(&rest),
    }
}
