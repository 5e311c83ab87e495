//! `apscheduler validate`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use apscheduler::BackgroundScheduler;
use apscheduler::file::JobsFile;

use crate::{log, output, preview, stderr};

/// Check a jobs file without running anything.
///
/// Builds everything in the file (job stores, executors, triggers, functions with their arguments) as `run` does, but
/// opens no connection and creates no file. Each error names the file, the key and the expected value. The exit status is
/// 0 if the file is valid, and 1 otherwise. A schedule that never fires is a warning, not an error.
///
/// With --against-store, connects to the job stores and shows which jobs `run` would add, change, keep, remove or refuse.
/// This needs only read access.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ValidateArgs {
    /// The jobs file: TOML, YAML or JSON
    file: PathBuf,
    /// Show what `run` would change in the job stores
    #[arg(long)]
    against_store: bool,
    /// Show what `run --take-over` would change
    #[arg(long, requires = "against_store")]
    take_over: bool,
    /// Print JSON
    #[arg(long, requires = "against_store")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler validate jobs.toml && systemctl restart apscheduler
  apscheduler validate jobs.toml --against-store
  apscheduler validate jobs.toml --against-store --json | jq '.jobs[] | select(.action == \"remove\")'";

pub(crate) fn validate(args: &ValidateArgs) -> Result<ExitCode> {
    log::start("warn");
    let file = JobsFile::load(&args.file)?.take_over(args.take_over);
    let scheduler = BackgroundScheduler::new();
    file.configure(&scheduler)?;
    let errors = file.check(&scheduler);
    if !errors.is_empty() {
        for error in &errors {
            stderr::error(&error.chain());
        }
        return Ok(ExitCode::FAILURE);
    }
    for warning in file.warnings(&scheduler) {
        stderr::warning(&warning);
    }
    if args.against_store {
        return preview::preview(&file, &scheduler, args.json);
    }
    let list = |what: &str, aliases: Vec<String>, default: &str| match aliases.as_slice() {
        [] => format!("{what}: {default}"),
        aliases => format!("{what}: {}", aliases.join(", ")),
    };
    let count = file.jobs().len();
    output::line(&format!(
        "ok: {count} {}; {}; {}; time zone: {}",
        if count == 1 { "job" } else { "jobs" },
        list("job stores", scheduler.jobstore_aliases(), "default (in memory)"),
        list("executors", scheduler.executor_aliases(), "default (thread pool)"),
        scheduler.timezone(),
    ))?;
    Ok(ExitCode::SUCCESS)
}
