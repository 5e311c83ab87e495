//! Simulates clusters with faults, deterministic by seed; see `apscheduler_testkit::simulation`.

use anyhow::Result;

use crate::command::{self, cargo};

/// Which seeds to simulate.
#[derive(Debug, clap::Args)]
pub(crate) struct Seeds {
    /// How many seeds.
    #[arg(long = "seeds", value_name = "N", default_value_t = 2000)]
    count: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this seed, and what happens: with as few faults as possible if it fails.
    #[arg(long, conflicts_with_all = ["count", "from"])]
    seed: Option<u64>,
    /// A deliberate defect of the store or the engine, such as `claim-ignores-revision`.
    #[arg(long)]
    mutation: Option<String>,
}

/// Simulates these seeds, in a release build.
pub(crate) fn run(seeds: &Seeds) -> Result<()> {
    let mut simulate = cargo();
    simulate.args(["run", "--quiet", "--release", "--package", "apscheduler-testkit"]);
    simulate.args(["--example", "simulate", "--"]);
    match seeds.seed {
        Some(seed) => simulate.arg(seed.to_string()),
        None => simulate.args([seeds.from.to_string(), seeds.count.to_string()]),
    };
    command::run(simulate.args(&seeds.mutation))
}
