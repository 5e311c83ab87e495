//! `apscheduler validate`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use apscheduler::BackgroundScheduler;
use apscheduler::file::JobsFile;

use crate::{complain, log, output, preview};

/// Says what is wrong with a jobs file, and starts nothing.
///
/// Builds everything that the file names (job stores, executors, triggers, functions with their arguments) as `run`
/// does, but connects to nothing and creates no file. Every error says the file, the key, and what would be right. The
/// exit status is 0 where `run` would start, and 1 otherwise. A schedule that never fires is no error, but a warning.
///
/// With --against-store it connects to the job stores, and shows what `run` would add, change, keep, remove and refuse. It
/// only reads, and needs no right to write.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ValidateArgs {
    /// The jobs file: TOML, YAML or JSON
    file: PathBuf,
    /// Show what a start would do to the jobs in the job stores
    #[arg(long)]
    against_store: bool,
    /// Show what `run --take-over` would do
    #[arg(long, requires = "against_store")]
    take_over: bool,
    /// Print that as JSON
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
            complain(&format!("error: {}", error.chain()));
        }
        return Ok(ExitCode::FAILURE);
    }
    for warning in file.warnings(&scheduler) {
        complain(&format!("warning: {warning}"));
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
