//! `apscheduler validate`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use apscheduler::BackgroundScheduler;
use apscheduler::file::JobsFile;

use crate::{complain, log, output};

/// Says what is wrong with a jobs file, and starts nothing.
///
/// Builds everything that the file names (job stores, executors, triggers, functions with their arguments) as `run`
/// does, but connects to nothing and creates no file. Every error says the file, the key, and what would be right. The
/// exit status is 0 where `run` would start, and 1 otherwise. A schedule that never fires is no error, but a warning.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  apscheduler validate jobs.toml && systemctl restart apscheduler"
)]
pub(crate) struct ValidateArgs {
    /// The jobs file: TOML, YAML or JSON
    file: PathBuf,
}

pub(crate) fn validate(args: &ValidateArgs) -> Result<ExitCode> {
    log::start("warn");
    let file = JobsFile::load(&args.file)?;
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
