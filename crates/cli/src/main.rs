//! The program `apscheduler`: runs the jobs of a file and manages stored jobs.

mod batch;
mod completions;
mod events;
mod fire_times;
mod init;
mod input;
mod jobs;
mod log;
mod log_format;
mod man;
mod next;
mod nonblocking;
mod output;
mod plugins;
mod preview;
mod progress;
mod reaping;
mod relative_time;
mod run;
mod runs;
mod service;
mod signals;
mod stderr;
mod stores;
mod user;
mod validate;
mod web;
mod why;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, Parser, Subcommand};

use log_format::LogFormat;

/// Run jobs on schedules: cron, intervals, dates, calendar intervals and combinations of them.
///
/// A jobs file (TOML, YAML or JSON) defines the jobs and when they run. Job stores keep jobs across restarts. Concepts,
/// names and config keys are those of Python's APScheduler 3.11.
#[derive(Parser)]
#[command(name = "apscheduler", version, after_help = MORE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The format of the log, and of errors and warnings, on standard error
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        env = log_format::VARIABLE,
        global = true
    )]
    log_format: LogFormat,
}

const MORE: &str = "\
Examples:
  apscheduler init                                  write a jobs file to start from
  apscheduler run jobs.toml                         run the jobs of a file until SIGINT or SIGTERM
  apscheduler validate jobs.toml                    check a file without running anything
  apscheduler next --cron '*/5 9-17 * * mon-fri'    show when a trigger fires
  apscheduler jobs list --config jobs.toml          list the jobs in the job stores
  apscheduler runs list backup --config jobs.toml   list what became of the runs of a job
  apscheduler why backup --config jobs.toml         explain why a job does, or does not, run
  apscheduler web --config jobs.toml                serve the HTTP API without running jobs
  apscheduler plugins                               list plugins and job functions

Exit status:
  0           success; also after SIGINT or SIGTERM, when all running jobs have finished
  1           failure, with a message on standard error; `validate` has found a mistake; for commands that take several
              jobs or runs, at least one of them has failed
  2           wrong usage: an unknown command or option, or a value that is missing or not valid
  128 + N     `run` was stopped at once by the signal N: 130 by SIGINT, 131 by SIGQUIT, 143 by SIGTERM

Run `apscheduler COMMAND --help` for details and more examples.";

#[derive(Subcommand)]
enum Command {
    Init(init::InitArgs),
    Run(run::RunArgs),
    Validate(validate::ValidateArgs),
    Next(next::NextArgs),
    Jobs(jobs::JobsArgs),
    Runs(runs::RunsArgs),
    Why(why::WhyArgs),
    Web(web::WebArgs),
    Plugins(plugins::PluginsArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// How long to wait at exit for a stalled reader of the log or the events.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // In a worker process of a process pool, this call does not return.
    apscheduler::init_worker_with(|_, _| {
        log::start_nonblocking("info");
        if let Err(error) = signals::ignore_in_worker() {
            tracing::warn!("can't install signal handlers in a worker process: {error}");
        }
        Ok(())
    });
    let Cli { command, log_format } = Cli::parse();
    log_format.set();
    let result = match command {
        Command::Init(args) => init::init(&args),
        Command::Run(args) => run::run(&args),
        Command::Validate(args) => validate::validate(&args),
        Command::Next(args) => next::next(&args),
        Command::Jobs(args) => jobs::jobs(&args),
        Command::Runs(args) => runs::runs(&args),
        Command::Why(args) => why::why(&args),
        Command::Web(args) => web::web(&args),
        Command::Plugins(args) => plugins::plugins(&args),
        Command::Completions(args) => completions::completions(&args, Cli::command()),
        Command::Man(args) => man::man(&args, Cli::command()),
    };
    let code = match result {
        Ok(code) => code,
        // The reader has closed our standard output, for example `head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            stderr::report(&error);
            ExitCode::FAILURE
        }
    };
    nonblocking::flush_all(FLUSH_TIMEOUT);
    code
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    // Only the outermost error: a broken pipe further down may come from the connection of a store.
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
