//! `apscheduler runs`.

mod cancel;
mod each;
mod list;
mod prune;
mod retry;
mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::log;
use crate::stores::{Access, StoreArgs, Stores};

pub(crate) use list::{described, detail};

/// Show what became of the runs of jobs, retry and cancel them, also while `apscheduler run` is running.
///
/// Stores that are durable record each run: how it ended, or why it did not run. The key `history` of the jobs file says
/// which runs are recorded (`off`, `failures`, `all`). Pass the jobs file that `run` uses.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    stores: StoreArgs,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler runs list --config jobs.toml
  export APSCHEDULER_CONFIG=jobs.toml
  apscheduler runs list backup --limit 5            the last five runs of a job
  apscheduler runs list --state failed --state lost what went wrong
  apscheduler runs show 019a9d20-2c7b-7abc-9def-000000000001
  apscheduler runs retry 019a9d20-2c7b-7abc-9def-000000000001
  apscheduler runs cancel 019a9d20-2c7b-7abc-9def-000000000001
  apscheduler runs prune --ok-age '12h'             remove old records now";

#[derive(Subcommand)]
enum Command {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Retry(retry::RetryArgs),
    Cancel(cancel::CancelArgs),
    Prune(prune::PruneArgs),
}

pub(crate) fn runs(args: &RunsArgs) -> Result<ExitCode> {
    log::start("warn");
    let access = match &args.command {
        Command::List(_) | Command::Show(_) => Access::Read,
        Command::Retry(_) | Command::Cancel(_) | Command::Prune(_) => Access::Write,
    };
    let stores = Stores::open(&args.stores, access)?;
    match &args.command {
        Command::List(args) => list::list(&stores, args),
        Command::Show(args) => show::show(&stores, args),
        Command::Retry(args) => retry::retry(&stores, args),
        Command::Cancel(args) => cancel::cancel(&stores, args),
        Command::Prune(args) => prune::prune(&stores, args),
    }
}
