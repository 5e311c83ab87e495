//! The tasks of this repository: `cargo xtask test | lint | circles | services | chaos | bench`.

mod bench;
mod chaos;
mod circles;
mod command;
mod debian;
mod libraries;
mod lint;
mod python;
mod services;
mod test;

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
        /// Handed to `cargo test`, as `-p apscheduler-core` or `-- some_name`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Checks format, lints, docs, and each feature alone.
    Lint,
    /// Looks for files and folders of a crate that import each other.
    Circles,
    /// Starts the servers that the stores are tested against, and keeps them until you press Enter.
    Services,
    /// Kills servers and schedulers under load, and accounts for every fire time. Part of `test`.
    Chaos {
        /// `redis`, `postgres`, `mariadb`, `mongodb`, `sqlite`; all of them where none is named.
        stores: Vec<String>,
        /// How long each round lasts.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Runs the benches; a name picks some of them.
    Bench {
        /// Handed to `cargo bench`, as `--bench memory`.
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
        Task::Bench { rest } => bench::run(&rest),
    }
}
