//! The program `apscheduler`: runs jobs from a config file, and looks after them.

mod batch;
mod events;
mod fires;
mod jobs;
mod log;
mod next;
mod nonblocking;
mod output;
mod plugins;
mod preview;
mod reaping;
mod reapply;
mod run;
mod signals;
mod validate;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use apscheduler::printable;
use clap::{Parser, Subcommand};

/// Runs jobs on time: cron, intervals, dates, calendars and what is combined of them.
///
/// A jobs file (TOML, YAML or JSON) says what runs when; job stores keep it over restarts. The concepts, names and
/// config keys are those of Python's APScheduler 3.11.
#[derive(Parser)]
#[command(name = "apscheduler", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler run jobs.toml                         run the jobs of a file until SIGINT or SIGTERM
  apscheduler validate jobs.toml                    say what is wrong with a file, start nothing
  apscheduler next --cron '*/5 9-17 * * mon-fri'    show when a trigger fires
  apscheduler jobs list --config jobs.toml          list what is in the job stores
  apscheduler plugins                               show what is linked in

`apscheduler COMMAND --help` says more, with examples.";

#[derive(Subcommand)]
enum Command {
    Run(run::RunArgs),
    Validate(validate::ValidateArgs),
    Next(next::NextArgs),
    Jobs(jobs::JobsArgs),
    Plugins(plugins::PluginsArgs),
}

/// How long the end of the program waits for a reader of its log or events that has stalled.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // Goes no further in a worker process of a process pool, whose jobs log as those of the program do.
    // Nothing below is done in a worker.
    apscheduler::init_worker_with(|_, _| {
        log::start_nonblocking("info");
        if let Err(error) = signals::ignore_in_worker() {
            tracing::warn!("can't catch signals in a worker process: {error}");
        }
        Ok(())
    });
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Validate(args) => validate::validate(&args),
        Command::Next(args) => next::next(&args),
        Command::Jobs(args) => jobs::jobs(&args),
        Command::Plugins(args) => plugins::plugins(&args),
    };
    let code = match result {
        Ok(code) => code,
        // Whoever read our output has seen enough.
        Err(error) if reader_is_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::report(&error);
            ExitCode::FAILURE
        }
    };
    nonblocking::flush_all(LAST_OUTPUT);
    code
}

fn reader_is_gone(error: &anyhow::Error) -> bool {
    // Not further down: a store may have lost its connection.
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes a line to standard error, where there is one.
fn complain(line: &str) {
    let line = printable::block(line);
    match log::outlet() {
        Some(outlet) => outlet.write(format!("{line}\n").into_bytes()),
        None => drop(writeln!(io::stderr(), "{line}")),
    }
}
