//! `apscheduler jobs pause`, `resume`, `run` and `remove`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::ErrorKind;
use apscheduler::job::{Job, JobChanges, Pause};

use crate::stores::Stores;
use crate::{input, output, stderr};

/// Pause jobs: they do not run until they are resumed, or until a time.
///
/// With --until, a job runs again by itself, at its first fire time at or after that time. A job with `on_resume = "catch_up"`
/// then also runs the run times since it was paused.
#[derive(clap::Args)]
#[command(after_help = PAUSE_EXAMPLES)]
pub(super) struct PauseArgs {
    /// The ids of the jobs
    #[arg(required = true)]
    ids: Vec<String>,
    /// Why; shown by `jobs list` and `jobs show`
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// When the pause ends, in ISO 8601
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

const PAUSE_EXAMPLES: &str = "\
Examples:
  apscheduler jobs pause backup report
  apscheduler jobs pause backup --note 'the disk is full' --until '2027-01-04 06:00:00'";

/// Resume paused jobs at the next fire times of their triggers. A job whose schedule has ended is removed.
#[derive(clap::Args)]
pub(super) struct ResumeArgs {
    /// The ids of the jobs
    #[arg(required = true)]
    ids: Vec<String>,
}

/// Run jobs now, beside their schedules.
///
/// Each gets a run of its own, which waits in the store until a running scheduler claims it: usually within a second, and with
/// its next sign of life in any case (a sixth of its `lease`). Schedules do not move, and paused jobs stay paused. The id of
/// the run is printed, for `apscheduler runs show`.
///
/// A store that keeps no open runs can't do that: there, the job becomes due now, as with `jobs modify --next-run-time now`, and
/// then continues with its trigger.
#[derive(clap::Args)]
pub(super) struct RunArgs {
    /// The ids of the jobs
    #[arg(required = true)]
    ids: Vec<String>,
}

/// Remove jobs. Jobs from the jobs file are added again by the next `run`.
#[derive(clap::Args)]
pub(super) struct RemoveArgs {
    /// The ids of the jobs
    #[arg(required = true)]
    ids: Vec<String>,
}

pub(super) fn pause(stores: &Stores, args: &PauseArgs) -> Result<ExitCode> {
    let zone = stores.scheduler.timezone();
    let until = args.until.as_ref();
    let until = until.map(|text| input::instant_option("--until", text, zone)).transpose()?;
    let mut pause = Pause::new().until(until);
    pause.note.clone_from(&args.note);
    each(stores, &args.ids, |job| {
        let paused = job.pause_with(pause.clone())?;
        Ok(match until {
            Some(_) => format!("paused {}: {paused}", job.id()),
            None => format!("paused {}", job.id()),
        })
    })
}

pub(super) fn resume(stores: &Stores, args: &ResumeArgs) -> Result<ExitCode> {
    each(stores, &args.ids, |job| {
        Ok(match job.resume()? {
            Some(job) => format!("resumed {}: {job}", job.id()),
            None => format!("removed {}: its schedule has ended", job.id()),
        })
    })
}

pub(super) fn run(stores: &Stores, args: &RunArgs) -> Result<ExitCode> {
    each(stores, &args.ids, |job| match job.run_now() {
        Ok(run) => Ok(format!("{} is due now, as the run {run}", job.id())),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let now = stores.scheduler.clock().now();
            job.modify(&JobChanges::new().next_run_time(now))?;
            Ok(format!("{} is due now", job.id()))
        }
        Err(error) => Err(error.into()),
    })
}

pub(super) fn remove(stores: &Stores, args: &RemoveArgs) -> Result<ExitCode> {
    each(stores, &args.ids, |job| {
        job.remove()?;
        Ok(format!("removed {}", job.id()))
    })
}

/// Calls `act` for every job. An error is reported and does not stop the others.
fn each(stores: &Stores, ids: &[String], act: impl Fn(&Job) -> Result<String>) -> Result<ExitCode> {
    stores.check_any_persistent()?;
    let mut code = ExitCode::SUCCESS;
    for id in ids {
        match stores.job(id).and_then(|job| act(&job)) {
            Ok(done) => output::line(&done)?,
            Err(error) => {
                stderr::report(&error);
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
