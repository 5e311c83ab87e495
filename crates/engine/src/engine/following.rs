//! Makes the runs of jobs that follow others, when those have ended.
//!
//! The run that follows an end has an identifier that is derived from it. While a scheduler follows the ends of a standing row,
//! it holds that row: no other one makes the same run, and it was not made if neither a record nor a row has its identifier.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::job::stored::{paused_of, policies_of};
use apscheduler_core::job::{Paused, Policies};
use apscheduler_core::ledger::{
    Appended, OpenQuery, OpenRun, OpenStep, OwnerState, Reason, RunLedger, RunQuery, RunRecord,
    RunState, Skipped, Writes,
};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{JobPayload, JobRecord, JobStore};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::After;
use chrono::TimeDelta;

use super::followers::{Followers, Standing, is_standing, standing_rows};
use super::open_data::OpenData;
use super::paging::{all_open, records_from};

/// How long after its identifier was made a run may become visible, and by how much clocks may differ.
const LAG: TimeDelta = TimeDelta::minutes(2);

/// How far the place up to which ends have been followed may fall behind.
const BEHIND: TimeDelta = TimeDelta::minutes(10);

/// Follows the ends of runs in the ledger of a store.
pub(super) struct Following<'a> {
    pub(super) ledger: &'a dyn RunLedger,
    pub(super) store: &'a dyn JobStore,
    pub(super) me: OwnerId,
    pub(super) now: Timestamp,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Followed {
    /// Whether runs wait that were made.
    pub(super) has_made: bool,
    /// Whether another scheduler holds a row. It may have looked before the last end.
    pub(super) is_busy: bool,
}

/// The ends that a row has not followed yet.
struct Ends {
    /// The runs to make: each with the run that it follows.
    wanted: Vec<(RunId, RunRecord)>,
    /// Up to where all ends have been followed then.
    from: RunId,
}

impl Following<'_> {
    /// Follows the ends that this scheduler has recorded.
    ///
    /// # Errors
    /// Any error from the store or its ledger. What has ended is kept then.
    pub(super) fn follow_ended(&self, followers: &Followers) -> Result<Followed> {
        let ended = followers.take_ended();
        if ended.followers.is_empty() {
            return Ok(Followed::default());
        }
        let is_wanted = |row: &OpenRun| ended.followers.contains(&row.job_id);
        let followed = self.follow(&ended.runs, is_wanted);
        if !matches!(followed, Ok(Followed { is_busy: false, .. })) {
            followers.put_back(ended.runs);
        }
        followed
    }

    /// Follows all ends: some of schedulers that have died, perhaps.
    ///
    /// # Errors
    /// Any error from the store or its ledger.
    pub(super) fn follow_all(&self) -> Result<Followed> {
        self.follow(&[], |_| true)
    }

    fn follow(
        &self,
        ended: &[(Arc<str>, RunId)],
        is_wanted: impl Fn(&OpenRun) -> bool,
    ) -> Result<Followed> {
        let mut all = Followed::default();
        for row in standing_rows(self.ledger)?.into_iter().filter(is_wanted) {
            let Some(standing) = Standing::read(&row) else { continue };
            let followed = self.follow_row(&row, standing, ended)?;
            all.has_made |= followed.has_made;
            all.is_busy |= followed.is_busy;
        }
        Ok(all)
    }

    fn follow_row(
        &self,
        row: &OpenRun,
        mut standing: Standing,
        ended: &[(Arc<str>, RunId)],
    ) -> Result<Followed> {
        const BUSY: Followed = Followed { has_made: false, is_busy: true };
        let job = self.store.lookup_job(&row.job_id)?;
        if job.is_some() {
            let ends = self.ends(row, &standing, ended)?;
            let is_behind = standing.from < RunId::first_of(before(self.now, BEHIND));
            if ends.wanted.is_empty() && !(is_behind && ends.from > standing.from) {
                return Ok(Followed::default());
            }
        } else if row.scheduled_run_time > before(self.now, LAG) {
            // It is about to be added.
            return Ok(Followed::default());
        }
        if standing.holder.is_some_and(|holder| holder != self.me)
            && self.is_alive(standing.holder)?
        {
            return Ok(BUSY);
        }
        standing.holder = Some(self.me);
        let held = standing.next(row);
        self.append(&[], &[OpenStep::change(row.mark(), held.clone())])?;
        let stored = self.ledger.open_runs(&OpenQuery::new().run(row.run_id))?.pop();
        if stored.is_none_or(|stored| stored.mark() != held.mark() || stored.data != held.data) {
            return Ok(BUSY);
        }
        let Some(job) = job else {
            self.append(&[], &[OpenStep::end(held.run_id, held.mark())])?;
            return Ok(Followed::default());
        };
        // Looked at again: another scheduler may have followed some of them before it let go.
        let ends = self.ends(&held, &standing, ended)?;
        (standing.from, standing.holder) = (ends.from, None);
        let (records, mut steps) = self.runs(&job, ends.wanted);
        let has_made = !steps.is_empty();
        steps.push(OpenStep::change(held.mark(), standing.next(&held)));
        self.append(&records, &steps)?;
        Ok(Followed { has_made, is_busy: false })
    }

    /// Returns the runs that follow these, or their records if the job is paused.
    fn runs(
        &self,
        job: &JobRecord,
        wanted: Vec<(RunId, RunRecord)>,
    ) -> (Vec<RunRecord>, Vec<OpenStep>) {
        let (policies, paused) = described(job);
        let is_paused = paused.is_some_and(|paused| !paused.is_over(self.now));
        let (mut records, mut steps) = (Vec::new(), Vec::new());
        for (run, followed) in wanted {
            let (id, time) = (Arc::clone(&job.id), followed.scheduled_run_time);
            if is_paused {
                let skipped = Skipped::new(run, time, Reason::Paused);
                records.push(skipped.record(id, self.me).ended(self.now));
            } else {
                let data = OpenData::asked_for(&policies).text();
                let row = OpenRun::new(run, id, time, self.me, data);
                steps.push(OpenStep::add(row.waiting(self.now)));
            }
        }
        (records, steps)
    }

    /// Returns the ends that a row has not followed yet.
    fn ends(
        &self,
        row: &OpenRun,
        standing: &Standing,
        ended: &[(Arc<str>, RunId)],
    ) -> Result<Ends> {
        let mut ends = Ends { wanted: Vec::new(), from: RunId::first_of(before(self.now, LAG)) };
        for After { job, on, .. } in &standing.follows {
            let mut records = records_from(self.ledger, job, standing.from)?;
            for (_, run) in ended.iter().filter(|(other, run)| other == job && *run < standing.from)
            {
                records.extend(self.ledger.runs(&RunQuery::new().run(*run))?);
            }
            let open: HashSet<RunId> = self.open_runs(job)?.iter().map(|row| row.run_id).collect();
            let claimed = records.iter().filter(|record| record.state == RunState::Claimed);
            let claimed: HashSet<RunId> = claimed.map(|record| record.run_id).collect();
            let is_open = |run: &RunId| open.contains(run) || claimed.contains(run);
            ends.from = open.iter().chain(&claimed).copied().fold(ends.from, RunId::min);
            let latest = latest_attempts(records).into_values();
            ends.wanted.extend(
                latest
                    .filter(|record| on.wants(record.state) && !is_open(&record.run_id))
                    .map(|record| (follower_of(&record, &row.job_id), record)),
            );
        }
        ends.from = ends.from.max(standing.from);
        if let Some(first) = ends.wanted.iter().map(|(run, _)| *run).min() {
            let made: HashSet<RunId> = (records_from(self.ledger, &row.job_id, first)?.iter())
                .map(|record| record.run_id)
                .chain(self.open_runs(&row.job_id)?.iter().map(|row| row.run_id))
                .collect();
            ends.wanted.retain(|(run, _)| !made.contains(run));
        }
        ends.wanted.sort_by_key(|(run, _)| *run);
        Ok(ends)
    }

    fn open_runs(&self, job: &Arc<str>) -> Result<Vec<OpenRun>> {
        let mut rows = all_open(self.ledger, OpenQuery::new().job(Arc::clone(job)))?;
        rows.retain(|row| !is_standing(row));
        Ok(rows)
    }

    fn is_alive(&self, owner: Option<OwnerId>) -> Result<bool> {
        let owners = self.ledger.owners()?;
        let is_alive = |state: OwnerState| state == OwnerState::Alive;
        Ok(owners.iter().any(|other| Some(other.owner.id) == owner && is_alive(other.state)))
    }

    fn append(&self, records: &[RunRecord], steps: &[OpenStep]) -> Result<Appended> {
        self.ledger.append(self.me, &Writes::new().records(records).steps(steps))
    }
}

/// Returns the identifier of the run of a job that follows a run: another one for each attempt with which it has ended.
fn follower_of(run: &RunRecord, job: &str) -> RunId {
    run.run_id.derived(&format!("{job}\0{}", run.attempt))
}

fn latest_attempts(records: Vec<RunRecord>) -> HashMap<RunId, RunRecord> {
    let mut latest: HashMap<RunId, RunRecord> = HashMap::new();
    for record in records {
        match latest.get(&record.run_id) {
            Some(other) if other.attempt >= record.attempt => {}
            _ => drop(latest.insert(record.run_id, record)),
        }
    }
    latest
}

/// Returns the policies of a job and its pause, also if this program can't restore it.
fn described(job: &JobRecord) -> (Policies, Option<Paused>) {
    match &job.payload {
        JobPayload::Live(spec) => (*spec.policies(), spec.pause().cloned()),
        JobPayload::Encoded(text) => (policies_of(text).unwrap_or_default(), paused_of(text)),
    }
}

fn before(now: Timestamp, time: TimeDelta) -> Timestamp {
    now.checked_sub_signed(time).unwrap_or(Timestamp::MIN_UTC)
}
