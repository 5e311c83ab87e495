//! `apscheduler jobs`.

mod add;
mod backfill;
mod change;
mod history;
mod list;
mod modify;
mod options;
mod policies;
mod show;
mod transfer;
mod view;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::log;
use crate::stores::{Access, StoreArgs, Stores};

/// Manage the jobs in job stores, also while `apscheduler run` is running.
///
/// Pass the jobs file that `run` uses. A running scheduler notices changes to a shared store within a second. These commands
/// do not apply the jobs of the file to the stores; only `run` does.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    stores: StoreArgs,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler jobs list --config jobs.toml
  export APSCHEDULER_CONFIG=jobs.toml
  apscheduler jobs show backup
  apscheduler jobs history backup             its runs, and who changed it
  apscheduler jobs run backup                 run it now
  apscheduler jobs backfill backup --from 2027-01-04 --dry-run
  apscheduler jobs pause backup report
  apscheduler jobs modify backup --misfire-grace-time 3600 --cron '30 2 * * *'
  apscheduler jobs add --id hi --func command --kwargs '{\"shell\": \"date\"}' --cron '0 * * * *'
  apscheduler jobs export | gzip > jobs.json.gz";

#[derive(Subcommand)]
enum Command {
    List(list::ListArgs),
    Show(show::ShowArgs),
    History(history::HistoryArgs),
    Add(Box<add::AddArgs>),
    Pause(change::PauseArgs),
    Resume(change::ResumeArgs),
    Run(change::RunArgs),
    Backfill(backfill::BackfillArgs),
    Remove(change::RemoveArgs),
    Modify(Box<modify::ModifyArgs>),
    Export(transfer::ExportArgs),
    Import(transfer::ImportArgs),
}

pub(crate) fn jobs(args: &JobsArgs) -> Result<ExitCode> {
    log::start("warn");
    let access = match &args.command {
        Command::List(_) | Command::Show(_) | Command::History(_) | Command::Export(_) => {
            Access::Read
        }
        _ => Access::Write,
    };
    let stores = Stores::open(&args.stores, access)?;
    match &args.command {
        Command::List(args) => list::list(&stores, args),
        Command::Show(args) => show::show(&stores, args),
        Command::History(args) => history::history(&stores, args),
        Command::Add(args) => add::add(&stores, args),
        Command::Pause(args) => change::pause(&stores, args),
        Command::Resume(args) => change::resume(&stores, args),
        Command::Run(args) => change::run(&stores, args),
        Command::Backfill(args) => backfill::backfill(&stores, args),
        Command::Remove(args) => change::remove(&stores, args),
        Command::Modify(args) => modify::modify(&stores, args),
        Command::Export(args) => transfer::export(&stores, args),
        Command::Import(args) => transfer::import(&stores, args),
    }
}
