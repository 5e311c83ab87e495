//! Runs past run times of a job that did not run, or did not succeed.

use std::sync::Arc;

use apscheduler_core::job::stored::trigger_of;
use apscheduler_core::job::{JobKey, Policies};
use apscheduler_core::ledger::{
    History, OpenQuery, OpenRun, OpenStep, RunLedger, RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::Trigger;
use apscheduler_core::{Error, ErrorKind, Result};
use chrono::TimeDelta;
use serde::{Serialize, Serializer};

use super::asking::{append, policies};
use super::backfill_plan::{Chosen, Reprocess, choose, fire_times};
use super::chain::{PIECE, holder};
use super::open_data::OpenData;
use super::paging::{each_page, records_from};
use super::records::unjournalled;
use super::scheduler::Scheduler;
use super::state::Engine;
use super::store_runner::StoreRunner;
use super::storing::ledger_of_open_runs;

/// How much the clocks of schedulers may differ: a run is claimed at its run time or later.
const SKEW: TimeDelta = TimeDelta::hours(1);

/// Which run times a backfill runs, and how.
///
/// # Examples
/// ```
/// use apscheduler::time::Timestamp;
/// use apscheduler::{Backfill, Reprocess};
///
/// let from: Timestamp = "2027-01-04T00:00:00Z".parse()?;
/// let to: Timestamp = "2027-01-05T00:00:00Z".parse()?;
/// let backfill = Backfill::new(from, to).reprocess(Reprocess::Failed).max_active(4).dry_run(true);
/// # let _ = backfill;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backfill {
    /// The first instant of the range.
    pub from: Timestamp,
    /// The last instant of the range. It may not be in the future.
    pub to: Timestamp,
    /// Which run times are run that have been run before. Default: none.
    pub reprocess: Reprocess,
    /// The most runs of the backfill that run at the same time, or wait to be claimed. Default: 1.
    pub max_active: usize,
    /// Whether the newest run times are run first. Default: the oldest.
    pub newest_first: bool,
    /// Whether only to tell what would run. Default: false.
    pub dry_run: bool,
}

/// What a backfill runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Backfilled {
    /// The identifier of the backfill.
    pub id: RunId,
    /// Its runs, in the order in which they begin.
    pub runs: Vec<BackfillRun>,
    /// How many other fire times of the range are left as they are: they ran, or have a run that is open.
    pub left: usize,
}

/// A run of a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackfillRun {
    /// The identifier of the run.
    pub run_id: RunId,
    /// The run time, in UTC.
    #[serde(serialize_with = "iso")]
    pub scheduled_run_time: Timestamp,
    /// The state of the last run of that run time; `None` if there is no record of one.
    pub before: Option<RunState>,
}

fn iso<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zone::UTC.iso(*time))
}

impl Backfill {
    /// The run times from one instant to another, both included, that did not run.
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        let reprocess = Reprocess::None;
        Self { from, to, reprocess, max_active: 1, newest_first: false, dry_run: false }
    }

    /// Sets which run times are run that have been run before.
    #[must_use]
    pub fn reprocess(mut self, reprocess: Reprocess) -> Self {
        self.reprocess = reprocess;
        self
    }

    /// Sets the most runs of the backfill that run at the same time.
    #[must_use]
    pub fn max_active(mut self, count: usize) -> Self {
        self.max_active = count;
        self
    }

    /// Sets whether the newest run times are run first.
    #[must_use]
    pub fn newest_first(mut self, newest_first: bool) -> Self {
        self.newest_first = newest_first;
        self
    }

    /// Sets whether only to tell what would run.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    fn check(&self, now: Timestamp) -> Result<()> {
        let Self { from, to, max_active, .. } = *self;
        let message = if from > to {
            format!("the range of the backfill ends at {to}, before it begins at {from}")
        } else if to > now {
            format!(
                "the range of the backfill ends at {to}, which is in the future; the schedule runs what is still to come"
            )
        } else if max_active == 0 {
            "`max_active` must be at least 1".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Config, message))
    }
}

impl Scheduler {
    /// Runs the run times of a job in a range of the past that did not run, or did not succeed.
    ///
    /// The trigger of the job, as its store has it now, gives the run times, and the records of its runs tell what became of
    /// each. Every run time that is run has a run of its own. They wait in the ledger until a scheduler that shares the store
    /// claims them, like those of [`run_now`](Self::run_now): `max_active` at once, and each further one when one of them has
    /// ended, whether it succeeded or not. They use the job as it is then, with its policies, and count as its instances. Runs
    /// of the schedule go first: a run of the backfill waits while the job has its maximum of instances, and a run of the
    /// schedule that finds one of the backfill in its place waits for it instead of being skipped. Runs of a backfill are
    /// never too late.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] if the scheduler has not been started; [`ErrorKind::JobLookup`];
    /// [`ErrorKind::Config`] if the range is empty or ends in the future, or if the records do not tell what succeeded in it;
    /// [`ErrorKind::InvalidTrigger`] if the fire times are random or more than 10,000; [`ErrorKind::BrokenRecord`] if the
    /// trigger can't be restored; [`ErrorKind::Unsupported`] if the store keeps no open runs; any error from the store: then
    /// a part of the runs may have been written, and begins.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    /// use apscheduler::time::Timestamp;
    /// use apscheduler::{Backfill, Reprocess};
    ///
    /// # fn backfill(scheduler: &BackgroundScheduler, from: Timestamp, to: Timestamp) -> Result<(), apscheduler::Error> {
    /// let what = Backfill::new(from, to).reprocess(Reprocess::Failed);
    /// for run in scheduler.backfill("report", &what.dry_run(true))?.runs {
    ///     println!("{} would run", run.scheduled_run_time);
    /// }
    /// scheduler.backfill("report", &what)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn backfill(&self, job: impl Into<JobKey>, backfill: &Backfill) -> Result<Backfilled> {
        self.refuse_before_start()?;
        let now = self.0.now();
        backfill.check(now)?;
        let (runner, record) = self.0.find_record(&job.into())?;
        self.plan(&runner, &record, backfill, now).map_err(|error| error.with_job_id(&*record.id))
    }

    fn plan(
        &self,
        runner: &Arc<StoreRunner>,
        record: &JobRecord,
        backfill: &Backfill,
        now: Timestamp,
    ) -> Result<Backfilled> {
        let ledger = ledger_of_open_runs(runner)?;
        let policies = policies(record);
        self.check_records((runner, &*ledger), &policies, backfill, now)?;
        let trigger = self.0.trigger_of(record)?;
        let mut times = fire_times(&*trigger, backfill.from, backfill.to)?;
        // What is due is about to run.
        times.retain(|time| record.next_run_time.is_none_or(|next| *time < next));
        let found = if times.is_empty() {
            Vec::new()
        } else {
            records_since(&*ledger, &record.id, backfill.from)?
        };
        let mut chosen = choose(&times, &found, backfill.reprocess);
        if backfill.newest_first {
            chosen.reverse();
        }
        let (id, first) = (RunId::new(now), RunId::reserve(now, chosen.len()));
        let run = |(index, Chosen { run_time, before }): (usize, &Chosen)| BackfillRun {
            run_id: first.nth(index),
            scheduled_run_time: *run_time,
            before: *before,
        };
        let runs: Vec<BackfillRun> = chosen.iter().enumerate().map(run).collect();
        let backfilled = Backfilled { id, left: times.len() - runs.len(), runs };
        if !backfill.dry_run && !backfilled.runs.is_empty() {
            let data = OpenData { backfill: Some(id), ..OpenData::asked_for(&policies) };
            let rows =
                rows(&backfilled, (&record.id, runner.owner().id), &data, backfill.max_active, now);
            // From the last to the first: when a run ends, the one that follows it is there.
            for piece in rows.rchunks(PIECE) {
                let steps: Vec<OpenStep> = piece.iter().cloned().map(OpenStep::add).collect();
                append(runner, &*ledger, &Writes::new().steps(&steps))?;
            }
            runner.note_waiting(&self.0, now);
        }
        Ok(backfilled)
    }

    /// Checks that the records tell which run times of the range succeeded.
    fn check_records(
        &self,
        (runner, ledger): (&StoreRunner, &dyn RunLedger),
        policies: &Policies,
        backfill: &Backfill,
        now: Timestamp,
    ) -> Result<()> {
        if backfill.reprocess == Reprocess::All {
            return Ok(());
        }
        let settings = self.0.settings();
        let history = policies.history.unwrap_or(runner.history(settings.history));
        let message = if history == History::All {
            let kept = TimeDelta::from_std(settings.retention.ok_age).unwrap_or(TimeDelta::MAX);
            if backfill.from >= now.checked_sub_signed(kept).unwrap_or(Timestamp::MIN_UTC) {
                return check_count(ledger, backfill.from, settings.retention.max_ok);
            }
            let days = kept.as_seconds_f64() / 86400.0;
            format!(
                "records of runs that succeeded are kept for {days} days, so nobody knows which run times from {} on need no run; \
                 begin later, or run all with `reprocess = all`",
                backfill.from
            )
        } else {
            format!(
                "the history of the job is `{history}`, so nobody knows which run times succeeded; run all with `reprocess = all`"
            )
        };
        Err(Error::new(ErrorKind::Config, message))
    }
}

impl Engine {
    /// Returns the trigger of a job, whose function need not be known to this program.
    fn trigger_of(&self, record: &JobRecord) -> Result<Arc<dyn Trigger>> {
        match &record.payload {
            JobPayload::Live(spec) => Ok(Arc::clone(spec.trigger())),
            JobPayload::Encoded(text) => trigger_of(&record.id, text, &self.trigger_context()),
        }
    }
}

/// Checks that no record of a run that succeeded since then was removed because there were too many: the oldest go first.
fn check_count(ledger: &dyn RunLedger, from: Timestamp, max_ok: usize) -> Result<()> {
    let ok = RunQuery::new().state(RunState::Ok);
    let older = ok.clone().before(RunId::first_of(from)).limit(1);
    if !ledger.runs(&older)?.is_empty() {
        return Ok(());
    }
    let mut count = 0;
    each_page(ledger, ok, |page| {
        count += page.len();
        count < max_ok
    })?;
    if count < max_ok {
        return Ok(());
    }
    let message = format!(
        "the store keeps {max_ok} records of runs that succeeded, and none is older than {from}, so some of the range may have been \
         removed; begin later, or run all with `reprocess = all`"
    );
    Err(Error::new(ErrorKind::Config, message))
}

/// Returns the records of a job's runs that may be about run times from `from` on, the latest first, and its open runs.
fn records_since(
    ledger: &dyn RunLedger,
    job: &Arc<str>,
    from: Timestamp,
) -> Result<Vec<RunRecord>> {
    // The open ones first: a run that ends meanwhile has a record then.
    let mut found = unjournalled(ledger, OpenQuery::new().job(Arc::clone(job)))?;
    let oldest = RunId::first_of(from.checked_sub_signed(SKEW).unwrap_or(Timestamp::MIN_UTC));
    found.extend(records_from(ledger, job, oldest)?);
    found.sort_by_key(|run| std::cmp::Reverse((run.run_id, run.attempt)));
    Ok(found)
}

/// Returns the rows of a backfill: those of the first runs are due, the others are held.
fn rows(
    backfilled: &Backfilled,
    (job, me): (&Arc<str>, OwnerId),
    data: &OpenData,
    max_active: usize,
    now: Timestamp,
) -> Vec<OpenRun> {
    let Backfilled { id, runs, .. } = backfilled;
    let row = |(index, run): (usize, &BackfillRun)| {
        let next = index.checked_add(max_active).and_then(|next| runs.get(next));
        let data = OpenData { next: next.map(|next| next.run_id), ..data.clone() };
        let (is_active, text) = (index < max_active, data.text());
        let owner = if is_active { me } else { holder(*id) };
        let row = OpenRun::new(run.run_id, Arc::clone(job), run.scheduled_run_time, owner, text);
        row.waiting(is_active.then_some(now))
    };
    runs.iter().enumerate().map(row).collect()
}
