//! Decides what to do with a due record. It only reads; the store does the writing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::TimeDelta;

use super::backlog::Looked;
use super::due::{Due, due};
use super::instances::InstanceKey;
use super::lock::lock;
use super::open_data::OpenData;
use super::recorder::Recorder;
use super::state::{Engine, Executors};
use super::store_runner::StoreRunner;
use super::unseen::Unseen;
use apscheduler_core::executor::Executor;
use apscheduler_core::function::JobError;
use apscheduler_core::job::JobSpec;
use apscheduler_core::job::stored::{decode, executor_of};
use apscheduler_core::ledger::{Batch, History, Reason, Skipped};
use apscheduler_core::run::RunId;
use apscheduler_core::store::{ClaimOutcome, Decision, JobPayload, JobRecord};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::TriggerContext;
use apscheduler_core::{Error, ErrorKind, Result, suggestion};

/// Decides on the records of one batch.
pub(super) struct Decider<'a> {
    engine: &'a Engine,
    runner: &'a StoreRunner,
    now: Timestamp,
    context: TriggerContext<'a>,
    executors: Arc<Executors>,
    /// The remaining room of each executor met so far.
    rooms: Vec<Room>,
    has_broken: bool,
    /// The run time of the last record scanned.
    last: Option<Timestamp>,
    /// Due jobs left until a batch of their run times has finished.
    catching_up: Vec<(Arc<str>, Timestamp)>,
    unseen: Unseen,
    recording: Option<Recording>,
    /// The jobs to claim, in order.
    pub(super) prepared: Vec<Prepared>,
    reports: Reports,
}

/// How the claims of a batch are recorded.
struct Recording {
    /// The batch that they belong to.
    batch: Batch,
    recorder: Arc<Recorder>,
}

struct Room {
    alias: Arc<str>,
    executor: Arc<dyn Executor>,
    left: usize,
    starved: bool,
}

/// A job that is submitted if the store confirms its claim.
pub(super) struct Prepared {
    pub(super) spec: Arc<JobSpec>,
    /// The index of its executor in `rooms`.
    pub(super) room: usize,
    /// The part of the job's delay during which no pass could have known about it.
    pub(super) unseen: TimeDelta,
    /// What kept the job from being claimed before.
    pub(super) hindered: Option<Reason>,
}

/// Records to report as broken or restored.
#[derive(Default)]
pub(super) struct Reports {
    pub(super) broken: Vec<(Arc<str>, u64, Error)>,
    pub(super) restored: Vec<Arc<str>>,
}

impl<'a> Decider<'a> {
    pub(super) fn new(engine: &'a Engine, runner: &'a StoreRunner, now: Timestamp) -> Self {
        let recording = engine
            .recorders
            .get(runner.number)
            .map(|recorder| Recording { batch: Batch::new(runner.owner().id, now), recorder });
        Self {
            recording,
            engine,
            runner,
            now,
            context: engine.trigger_context(),
            executors: engine.executors(),
            rooms: Vec::new(),
            has_broken: !lock(&runner.broken).is_empty(),
            last: None,
            catching_up: Vec::new(),
            unseen: runner.unseen(),
            prepared: Vec::new(),
            reports: Reports::default(),
        }
    }

    /// Returns the batch that the claims belong to, if they are recorded.
    pub(super) fn batch(&self) -> Option<Batch> {
        self.recording.as_ref().map(|recording| recording.batch)
    }

    /// Returns the instant of the pass.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn executor(&self, room: usize) -> Arc<dyn Executor> {
        Arc::clone(&self.rooms[room].executor)
    }

    /// Returns what this batch has left.
    pub(super) fn looked(&mut self) -> Looked {
        let full = self.rooms.iter().filter(|room| room.starved);
        Looked {
            full: full.map(|room| Arc::clone(&room.alias)).collect(),
            catching_up: std::mem::take(&mut self.catching_up),
            last: self.last,
        }
    }

    /// Returns whether no executor has any room. If so, marks all of them as starved.
    pub(super) fn is_all_full(&mut self) -> bool {
        let full = !self.rooms.is_empty()
            && self.rooms.len() == self.executors.len()
            && self.rooms.iter().all(|room| room.left == 0);
        if full {
            self.rooms.iter_mut().for_each(|room| room.starved = true);
        }
        full
    }

    /// Takes the executors that had no room for a due job.
    pub(super) fn take_starved(&mut self) -> Vec<(Arc<str>, Arc<dyn Executor>)> {
        let starved = self.rooms.drain(..).filter(|room| room.starved);
        starved.map(|room| (room.alias, room.executor)).collect()
    }

    pub(super) fn take_reports(self) -> Reports {
        self.reports
    }

    pub(super) fn decide(&mut self, record: &JobRecord) -> Decision {
        // Triggers are foreign code.
        let decision =
            catch_unwind(AssertUnwindSafe(|| self.try_decide(record))).unwrap_or_else(|payload| {
                let message = format!("its trigger {}", JobError::from_panic(&*payload));
                Err(Error::new(ErrorKind::BrokenRecord, message).with_job_id(&*record.id))
            });
        decision.unwrap_or_else(|error| {
            self.reports.broken.push((Arc::clone(&record.id), record.revision, error));
            Decision::Leave
        })
    }

    fn try_decide(&mut self, record: &JobRecord) -> Result<Decision> {
        let Some(first) = record.next_run_time.filter(|time| *time <= self.now) else {
            return Ok(Decision::Leave);
        };
        self.last = Some(first);
        let spec = match self.runner.restored.known(record) {
            Some(spec) => spec,
            // A record for which there is no room need not be parsed.
            None if self.waits_for_room(record) => return Ok(Decision::Leave),
            None => self.runner.restored.restore(record, &self.context)?,
        };
        let Some(room) = self.room(&spec)? else {
            return Ok(Decision::Leave);
        };
        let key = InstanceKey { store: self.runner.number, job_id: Arc::clone(&record.id) };
        if self.engine.instances.is_catching_up(&key) {
            // The store is scanned again when the run times claimed before have finished.
            self.catching_up.push((Arc::clone(&record.id), first));
            return Ok(Decision::Leave);
        }
        let due = due(&spec, first, self.now)?;
        let mut hindered = None;
        if self.has_broken {
            hindered = lock(&self.runner.broken).get(&record.id).map(|broken| broken.reason);
            self.reports.restored.push(Arc::clone(&record.id));
        }
        self.rooms[room].left -= 1;
        let unseen = self.unseen.delay(first);
        let outcome = self.outcome(&spec, due)?;
        self.prepared.push(Prepared { spec, room, unseen, hindered });
        Ok(Decision::Claim(outcome))
    }

    /// Returns the claim of what is due, with what the ledger needs to know.
    fn outcome(&self, spec: &JobSpec, due: Due) -> Result<ClaimOutcome> {
        let Due { run_times, next, skipped } = due;
        let count = run_times.as_slice().len();
        let outcome = ClaimOutcome::new(run_times, next);
        let Some(recording) = &self.recording else {
            return Ok(outcome.first_run(RunId::reserve(self.now, count)));
        };
        let policies = spec.policies();
        let is_open = recording.recorder.has_open_runs() && policies.needs_open_runs();
        let level = recording.recorder.level_of(spec);
        if level == History::Off && !is_open {
            return Ok(outcome.first_run(RunId::reserve(self.now, count)));
        }
        let skipped = skipped.filter(|_| level != History::Off);
        // In the order of the run times.
        let first = RunId::reserve(self.now, count + usize::from(skipped.is_some()));
        let first_run = if skipped.is_some() { first.nth(1) } else { first };
        let skipped = skipped.map(|times| {
            let skipped = Skipped::new(first, times.first, times.reason);
            skipped.until(times.last, times.count(spec))
        });
        let data = is_open.then(|| OpenData::of(spec)).transpose()?;
        let outcome = outcome.first_run(first_run).skipped(skipped);
        let Batch { id, owner, .. } = recording.batch;
        Ok(outcome.batch(id).owner(owner).open(data.map(|data| data.text())))
    }

    /// Returns whether the executor of a record is known to have no room, without restoring the
    /// record.
    fn waits_for_room(&mut self, record: &JobRecord) -> bool {
        if self.rooms.iter().all(|room| room.left > 0) {
            return false;
        }
        let executor = record.payload.as_text().and_then(executor_of);
        let room = executor.and_then(|executor| {
            self.rooms.iter_mut().find(|room| room.left == 0 && *room.alias == *executor)
        });
        room.map(|room| room.starved = true).is_some()
    }

    /// Returns the index in `rooms` of the job's executor, or `None` if that executor is full.
    fn room(&mut self, spec: &JobSpec) -> Result<Option<usize>> {
        let known = self.rooms.iter().position(|room| *room.alias == *spec.executor());
        let place = if let Some(place) = known {
            place
        } else {
            let Some((alias, executor)) = self.executors.get_key_value(spec.executor()) else {
                return Err(unknown_executor(&self.executors, spec));
            };
            let (alias, left) = (Arc::clone(alias), executor.room());
            self.rooms.push(Room { alias, executor: Arc::clone(executor), left, starved: false });
            self.rooms.len() - 1
        };
        let room = &mut self.rooms[place];
        room.starved |= room.left == 0;
        Ok((room.left > 0).then_some(place))
    }
}

pub(super) fn unknown_executor(executors: &Executors, spec: &JobSpec) -> Error {
    let hint = suggestion::hint(
        spec.executor_arc(),
        "executors of this scheduler",
        executors.keys().map(|alias| &**alias),
    );
    Error::new(
        ErrorKind::UnknownAlias,
        format!("no executor has the alias `{}`{hint}", spec.executor()),
    )
    .with_job_id(spec.id())
}

/// Returns the job that a record holds.
pub(super) fn restore(record: &JobRecord, context: &TriggerContext<'_>) -> Result<Arc<JobSpec>> {
    match &record.payload {
        JobPayload::Live(spec) => Ok(Arc::clone(spec)),
        JobPayload::Encoded(text) => decode(&record.id, text, context).map(Arc::new),
    }
}
