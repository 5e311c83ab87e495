//! Records changes of jobs: who changed what, and how.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::job::stored::encode_value;
use apscheduler_core::job::{JobSpec, Policies};
use apscheduler_core::ledger::{
    Change, ChangeKind, History, RunQuery, RunRecord, RunState, Skipped,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{JobPayload, JobRecord, NewRecord};
use apscheduler_core::time::{Timestamp, Zone};
use serde_json::{Map, Value, json};

use super::due::NotRun;
use super::recorder::Recorder;
use super::records::{runs_of, wants};
use super::scheduler::Scheduler;
use super::state::Engine;
use super::store_runner::StoreRunner;
use super::unrecorded::Ended;

/// The most jobs of one call that have a record each. More jobs have one record together, so that
/// adding a million jobs is not slowed down.
const MOST: usize = 1000;

/// The longest text of a change that has the states of its job, in bytes.
const MAX_TEXT: usize = 64 * 1024;

impl Scheduler {
    /// Returns a handle whose changes of jobs are recorded with this name, for example that of a
    /// user. The name of the program, its host and its process are recorded in any case.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    ///
    /// let scheduler = BackgroundScheduler::new();
    /// scheduler.start()?;
    /// let job = JobBuilder::new(|| println!("tick")).id("tick");
    /// scheduler.acting_as("ada").add_job(job)?;
    /// # Ok::<(), apscheduler::Error>(())
    /// ```
    #[must_use]
    pub fn acting_as(&self, actor: impl Into<Arc<str>>) -> Self {
        Self(Arc::clone(&self.0), Some(actor.into()))
    }

    /// Returns the records of changes, the latest first: of jobs, and of schedulers that were
    /// started, paused, resumed or shut down. [`RunRecord::change`] reads one. The states of the
    /// query have no effect.
    ///
    /// # Errors
    /// Any error from a store.
    pub fn audit(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        runs_of(self.0.stores().values(), &only_changes(query))
    }

    /// Returns the records of changes of one store, like [`audit`](Self::audit).
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`](apscheduler_core::ErrorKind::UnknownAlias); any error from the
    /// store.
    pub fn audit_in(&self, alias: &str, query: &RunQuery) -> Result<Vec<RunRecord>> {
        runs_of([&self.0.store(alias)?], &only_changes(query))
    }

    /// Returns who acts through this handle.
    pub(super) fn who(&self) -> String {
        who(self.1.as_deref(), &self.0.owner())
    }

    /// Returns what records changes in a store, if the store has a ledger.
    pub(super) fn audit_of(&self, runner: &StoreRunner) -> Option<Audit> {
        self.0.audit_of(runner, self.1.as_deref())
    }
}

impl Engine {
    pub(super) fn audit_of(&self, runner: &StoreRunner, actor: Option<&str>) -> Option<Audit> {
        let recorder = self.recorders.get(runner.number)?;
        let owner = runner.owner();
        let who = who(actor, &owner);
        Some(Audit { recorder, owner: owner.id, who, now: self.now() })
    }
}

fn who(actor: Option<&str>, owner: &Owner) -> String {
    let program = format!("{}@{}({})", owner.name, owner.host, owner.pid);
    match actor {
        Some(actor) => format!("{actor} via {program}"),
        None => program,
    }
}

fn only_changes(query: &RunQuery) -> RunQuery {
    let mut query = query.clone();
    query.states = vec![RunState::Changed];
    query
}

/// Records the changes that somebody makes now.
pub(super) struct Audit {
    recorder: Arc<Recorder>,
    owner: OwnerId,
    who: String,
    now: Timestamp,
}

/// A job before or after a change.
#[derive(Clone)]
pub(super) struct JobState {
    pub(super) payload: JobPayload,
    pub(super) next_run_time: Option<Timestamp>,
}

/// What is known of a job, and what of it may be recorded.
struct Described {
    /// The job as it is stored, with its next run time; only that if it can't be written as JSON.
    job: Map<String, Value>,
    /// As the job asks.
    history: Option<History>,
    is_private: bool,
}

impl JobState {
    pub(super) fn of(record: &JobRecord) -> Self {
        Self { payload: record.payload.clone(), next_run_time: record.next_run_time }
    }

    fn describe(&self) -> Described {
        let stored = match &self.payload {
            JobPayload::Live(spec) => encode_value(spec).ok(),
            JobPayload::Encoded(text) => serde_json::from_str(text).ok(),
        };
        let mut job = match stored {
            Some(Value::Object(job)) => job,
            _ => Map::new(),
        };
        let policies = match &self.payload {
            JobPayload::Live(spec) => *spec.policies(),
            // Those of a record that can't be restored count too, as far as they can be read.
            JobPayload::Encoded(_) => {
                let given = job.get("policies").cloned();
                given.and_then(|all| serde_json::from_value(all).ok()).unwrap_or_default()
            }
        };
        let Policies { history, record_result, .. } = policies;
        let next = self.next_run_time.map(|time| Zone::UTC.iso(time));
        job.insert("next_run_time".to_owned(), json!(next));
        Described { job, history, is_private: !record_result }
    }
}

/// Jobs that are about to be added.
pub(super) struct Additions {
    count: usize,
    /// Empty if they have one record together.
    jobs: Vec<(Arc<str>, JobState)>,
}

impl Additions {
    pub(super) fn of(records: &[NewRecord]) -> Self {
        let (count, mut jobs) = (records.len(), Vec::new());
        if count <= MOST {
            jobs.extend(records.iter().map(|record| {
                let NewRecord { payload, next_run_time, .. } = record.clone();
                (Arc::clone(&record.id), JobState { payload, next_run_time })
            }));
        }
        Self { count, jobs }
    }
}

impl Audit {
    /// Records that jobs were added or imported.
    pub(super) fn added(&self, what: ChangeKind, added: &Additions) {
        if added.count > added.jobs.len() {
            return self.note_all(self.change(what).jobs(added.count as u64));
        }
        for (id, state) in &added.jobs {
            let after = state.describe();
            if self.wants(after.history) {
                let job = (!after.is_private).then_some(Value::Object(after.job));
                self.note(id, self.change(what).after(job));
            }
        }
    }

    /// Records a change of a job.
    pub(super) fn modified(
        &self,
        what: ChangeKind,
        id: &Arc<str>,
        (before, after): (&JobState, &JobState),
        note: Option<String>,
    ) {
        let (before, after) = (before.describe(), after.describe());
        if !self.wants(after.history) {
            return;
        }
        let change = self.change(what).note(note);
        let change = change.states(&Value::Object(before.job), &Value::Object(after.job));
        let is_private = before.is_private || after.is_private;
        self.note(id, if is_private { change.without_states() } else { change });
    }

    /// Records that a job was removed.
    pub(super) fn removed(&self, id: &Arc<str>, job: &JobState, note: Option<String>) {
        let before = job.describe();
        if self.wants(before.history) {
            let job = (!before.is_private).then_some(Value::Object(before.job));
            self.note(id, self.change(ChangeKind::Removed).before(job).note(note));
        }
    }

    /// Records something about all jobs of the store, or about its scheduler.
    pub(super) fn of_store(&self, what: ChangeKind) {
        self.note_all(self.change(what));
    }

    /// Records that run times do not run, although no claim took them.
    pub(super) fn skipped(&self, job: &JobSpec, times: &NotRun) {
        let skipped = Skipped::new(RunId::new(self.now), times.first, times.reason);
        let skipped = skipped.until(times.last, times.count(job));
        if wants(job, &self.recorder, skipped.state()) {
            let record = skipped.record(Arc::clone(job.id_arc()), self.owner);
            self.keep(record.ended(self.now));
        }
    }

    fn change(&self, what: ChangeKind) -> Change {
        Change::new(&*self.who, what)
    }

    fn wants(&self, history: Option<History>) -> bool {
        history.unwrap_or(self.recorder.level()) != History::Off
    }

    fn note_all(&self, change: Change) {
        if self.wants(None) {
            self.note(&"".into(), change);
        }
    }

    fn note(&self, id: &Arc<str>, mut change: Change) {
        if change.text().len() > MAX_TEXT {
            change = change.without_states();
        }
        self.keep(change.record(Arc::clone(id), self.now, self.owner));
    }

    /// Writes a record that belongs to no batch.
    fn keep(&self, record: RunRecord) {
        let ended = Ended {
            owner: self.owner,
            batch: None,
            record: Some(record),
            step: None,
            release: None,
        };
        self.recorder.ended(ended);
    }
}
