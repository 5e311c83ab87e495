//! `apscheduler why`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::ErrorKind;
use apscheduler::job::JobKey;
use apscheduler::why::Why;

use crate::relative_time::relative;
use crate::stores::{Access, StoreArgs, Stores};
use crate::{input, log, output};

/// Explain why a job ran, did not run, or will not run.
///
/// With a TIME, says what became of that run time: how the run ended, or why there was none. The trigger of that time is
/// replayed, and the records of runs and of changes in the job's store are searched: the job was paused, no scheduler was
/// running, another run stands for it, it was added later. If the trigger does not fire at that time, names the times before
/// and after it at which it does. Without a TIME, says when the job runs next, and what stands in the way.
///
/// Works while schedulers run, and when none does. Pass the jobs file that `run` uses. The job may have been removed. What is
/// recorded, and for how long, is up to the key `history`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WhyArgs {
    /// The id of the job; it may have been removed
    job: String,
    /// A time in ISO 8601, in the scheduler's zone if it has no offset; past or future [default: the next run]
    ///
    /// A time without a fraction stands for the whole second.
    time: Option<String>,
    /// Print JSON: the `verdict` in one word, the `answer` in one sentence, the `evidence`, and the run if there is one
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stores: StoreArgs,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler why backup --config jobs.toml           when does it run next, and what stands in the way?
  export APSCHEDULER_CONFIG=jobs.toml
  apscheduler why backup '2027-03-27 03:00:00'        why did it (not) run then?
  apscheduler why backup 2027-03-27T03:00:00+02:00 --json

Verdicts:
  it ran                 ran, failed, timed_out, cancelled, lost
  it has not ended       running, waiting, due
  it did not run         missed, skipped, coalesced, paused, scheduler_paused, no_scheduler
  it was not planned     not_planned, other_trigger, not_yet_added, removed, finished
  it lies ahead          will_run, paused, scheduler_paused, no_scheduler, no_executor, broken
  nothing tells          not_recorded, unknown, store_unavailable";

pub(crate) fn why(args: &WhyArgs) -> Result<ExitCode> {
    log::start("warn");
    let stores = Stores::open(&args.stores, Access::Read)?;
    stores.warn_of_memory_stores();
    let zone = stores.scheduler.timezone();
    let time = args.time.as_deref().map(|text| input::instant_option("TIME", text, zone));
    let key = match stores.alias() {
        Some(alias) => JobKey::in_store(alias, args.job.as_str()),
        None => JobKey::new(args.job.as_str()),
    };
    let why = match stores.scheduler.why(key, time.transpose()?) {
        Err(error) if error.kind() == ErrorKind::JobLookup => {
            // A misspelt id has similar ones.
            stores.job(&args.job)?;
            return Err(error.into());
        }
        why => why?,
    };
    if args.json {
        output::json(&why)?;
    } else {
        print(&why, &stores)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(why: &Why, stores: &Stores) -> Result<()> {
    let fact = |name: &str, text: &str| output::line(&format!("{name:<12}{text}"));
    output::line(&why.answer)?;
    output::line("")?;
    fact("verdict", why.verdict.name())?;
    if let Some(time) = why.run_time {
        let now = stores.scheduler.clock().now();
        let text = format!("{} ({})", why.timezone.display(time), relative(now, time));
        fact("run time", &text)?;
    }
    for evidence in &why.evidence {
        fact(evidence.kind.name(), &evidence.text)?;
    }
    Ok(())
}
