//! A pass over a store: claims due jobs and submits them to executors.

use std::sync::Arc;

use chrono::TimeDelta;

use super::backlog::Backlog;
use super::decide::Decider;
use super::deciding::Deciding;
use super::foreign::submit;
use super::instances::InstanceKey;
use super::lock::lock;
use super::phase::Phase;
use super::scheduler::Scheduler;
use super::state::Engine;
use super::store_runner::StoreRunner;
use super::store_session::Session;
use apscheduler_core::Result;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::{Executor, Run, RunBatch};
use apscheduler_core::run::Owner;
use apscheduler_core::store::{Claim, ClaimCursor, ClaimRequest, NextRun};
use apscheduler_core::time::Timestamp;

/// The interval at which an executor without room is checked again, unless a wake-up comes first.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(1);

/// The maximum number of records per claim: large enough to amortize round trips, small enough that
/// several processes share the work.
const BATCH: usize = 1000;

/// The minimum number of records per claim: some are for executors without room.
const LEAST: usize = 16;

/// Returns the size of the next batch, for executors with this much room. The maximum doubles with
/// each batch of a pass, so that jobs that can't run are skipped quickly.
fn batch_size(room: usize, batch: u32) -> usize {
    let size = room.saturating_mul(2).max(LEAST);
    size.saturating_mul(1 << batch.min(10)).min(BATCH)
}

fn room_of<'a>(executors: impl Iterator<Item = &'a Arc<dyn Executor>>) -> usize {
    executors.fold(0, |total: usize, executor| total.saturating_add(executor.room()))
}

/// The runs of one batch, by executor.
#[derive(Default)]
struct Submissions {
    runs: Vec<(usize, Vec<Run>)>,
    finished: Vec<Arc<str>>,
}

impl Submissions {
    fn add(&mut self, executor: usize, run: Run) {
        match self.runs.iter_mut().find(|(other, _)| *other == executor) {
            Some((_, runs)) => runs.push(run),
            None => self.runs.push((executor, vec![run])),
        }
    }
}

impl Scheduler {
    /// Submits due jobs to the executors, and returns when to call again: `None` if a wake-up will
    /// tell. [Turns](super::LoopDriver::turn) of the event loop call this.
    ///
    /// It does not block; stores that do I/O are processed on their own threads.
    pub fn process_jobs(&self, now: Timestamp) -> Option<Timestamp> {
        *lock(&self.0.last_turn) = Some(self.0.clock.elapsed());
        if self.0.phase() != Phase::Running {
            return None;
        }
        let overdue = self.0.report_overdue(now);
        self.0.submit_buffered();
        // An executor may free its room shortly after it has reported the end of a run.
        for alias in &self.0.starved.list() {
            match self.0.executors().get(alias) {
                Some(executor) => self.0.request_pass_if_room(alias, &**executor),
                // The executor was removed during a pass that had found it full.
                None if self.0.starved.take(alias, now) => self.0.request_pass(),
                None => {}
            }
        }
        let next = self.0.stores().values().filter_map(|store| store.process(&self.0, now)).min();
        let again = (!self.0.starved.list().is_empty()).then(|| now + LOOK_AGAIN);
        next.into_iter().chain(again).chain(overdue).min()
    }
}

impl Engine {
    /// Claims and submits all due jobs of a store. Returns the next run time after `now`.
    pub(super) fn process_store(
        self: &Arc<Self>,
        runner: &Arc<StoreRunner>,
        session: &Session,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        // A process that was stopped for longer than its lease learns it before it claims anything.
        let recorder = self.recorders.get(runner.number);
        if let Some(lease) = recorder.as_ref().and_then(|recorder| recorder.lease()) {
            lease.confirm()?;
        }
        let mut backlog = session.backlog_slot().take();
        backlog.begin(now);
        let result = self.claim_batches(runner, session, now, &mut backlog);
        if result.is_err() {
            backlog = Backlog::default();
        }
        backlog.end();
        session.backlog_slot().put_back(backlog);
        if !result? {
            return Ok(None);
        }
        if let Some(recorder) = &recorder {
            recorder.end_pass();
        }
        self.claim_open_runs(runner, session, now)?;
        let next = runner.store.next_run_time(Some(now))?;
        Ok(next.into_iter().chain(runner.open.next()).min())
    }

    /// Claims and submits batch after batch. Returns whether all jobs that may run were scanned.
    fn claim_batches(
        self: &Arc<Self>,
        runner: &StoreRunner,
        session: &Session,
        now: Timestamp,
        backlog: &mut Backlog,
    ) -> Result<bool> {
        let (mut after, mut began, mut batch) = (None, None, 0);
        loop {
            if self.phase() != Phase::Running || session.is_stopped() {
                return Ok(false);
            }
            session.backlog_slot().tell(backlog);
            let (from, limit) = self.next_batch(runner, backlog, after.clone(), batch);
            if from != after {
                began.clone_from(&from);
            }
            batch += 1;
            let mut decider = Decider::new(self, runner, now);
            let due = ClaimRequest::new(now, limit).after(from).batch(decider.batch());
            let claims = {
                let _deciding = Deciding::begin(runner);
                runner.store.claim_due(&due, &mut |record| decider.decide(record))?
            };
            let mut looked = decider.looked();
            for claim in &claims.won {
                if let NextRun::At(next) = claim.outcome.next
                    && next <= now
                {
                    looked.catching_up.push((Arc::clone(&claim.record.id), next));
                }
            }
            if claims.won.len() < decider.prepared.len() {
                // Other processes claim the same jobs, and the store may skip some of them.
                *backlog = Backlog::default();
            } else {
                let place = due.after.as_ref();
                backlog.looked(began.as_ref(), place, claims.resume.as_ref(), looked, now);
            }
            // All later jobs would be left: with a long backlog, scanning them would cost more than
            // the runs.
            let resume = claims.resume.filter(|_| !decider.is_all_full());
            let submissions = self.prepare_all(runner, &mut decider, claims.won);
            for (room, runs) in submissions.runs {
                let executor = decider.executor(room);
                submit(&runner.alias, &*executor, runs);
            }
            for job_id in submissions.finished {
                self.emit(EventMask::JOB_REMOVED, || Event::JobRemoved(runner.job_key(&job_id)));
            }
            let starved = decider.take_starved();
            self.report_broken(runner, decider.take_reports());
            for (alias, executor) in starved {
                self.starved.add(Arc::clone(&alias), self.now());
                // The runs that made room may have ended before the executor was marked as starved.
                self.request_pass_if_room(&alias, &*executor);
            }
            match resume {
                Some(resume) => after = Some(resume),
                None => return Ok(true),
            }
        }
    }

    /// Returns where the next batch begins, and the maximum number of its records.
    fn next_batch(
        &self,
        runner: &StoreRunner,
        backlog: &Backlog,
        after: Option<ClaimCursor>,
        batch: u32,
    ) -> (Option<ClaimCursor>, usize) {
        if backlog.is_empty() && !self.starved.any() {
            return (after, BATCH);
        }
        let executors = self.executors();
        if backlog.is_empty() {
            return (after, batch_size(room_of(executors.values()), batch));
        }
        // Executors are foreign, so they are asked before anything else. The jobs of a removed
        // executor must be set aside.
        let rooms: Vec<(&Arc<str>, usize)> = (backlog.full())
            .map(|alias| (alias, executors.get(alias).map_or(BATCH, |executor| executor.room())))
            .collect();
        let has_room =
            |alias: &str| rooms.iter().any(|(other, room)| &***other == alias && *room > 0);
        let place = backlog.place(after, has_room, |id| {
            let key = InstanceKey { store: runner.number, job_id: Arc::clone(id) };
            self.instances.is_catching_up(&key)
        });
        let total = if backlog.covers(place.as_ref()) {
            rooms.iter().fold(0, |total: usize, (_, room)| total.saturating_add(*room))
        } else {
            room_of(executors.values())
        };
        (place, batch_size(total, batch))
    }

    fn new_batch(runner: &StoreRunner, claimed: Timestamp) -> RunBatch {
        RunBatch::new(runner.owner(), Arc::clone(&runner.alias), runner.number, claimed)
    }

    fn prepare_all(
        self: &Arc<Self>,
        runner: &StoreRunner,
        decider: &mut Decider<'_>,
        claims: Vec<Claim>,
    ) -> Submissions {
        let mut submissions = Submissions::default();
        let (pass, pass_batch) = (decider.now(), decider.batch().map(|batch| batch.id));
        let mut prepared = decider.prepared.drain(..);
        let now = self.now();
        let mut batch = Arc::new(Self::new_batch(runner, now).journal(pass_batch));
        self.note_claims((runner.number, runner.owner().id), &claims, pass_batch);
        for claim in claims {
            // Claims come in the order of the decisions; skipped decisions were claimed by other
            // processes.
            let won = prepared.by_ref().find(|job| job.spec.id() == &*claim.record.id);
            let Some(job) = won else {
                tracing::error!(
                    jobstore = &*runner.alias,
                    job_id = &*claim.record.id,
                    "the store claimed a job that was not decided on"
                );
                continue;
            };
            if claim.outcome.next == NextRun::Finished {
                submissions.finished.push(Arc::clone(job.spec.id_arc()));
            }
            let room = job.room;
            // Uses the stored outcome: if the claim was in doubt, more run times have come due
            // since.
            let catching_up = matches!(claim.outcome.next, NextRun::At(next) if next <= pass);
            if claim.outcome.batch != batch.journal {
                // The claim was in doubt, and belongs to an earlier batch. Its owner may have been found dead since.
                let mut earlier = Self::new_batch(runner, now).journal(claim.outcome.batch);
                if let Some(owner) = claim.outcome.owner.filter(|id| *id != earlier.owner.id) {
                    let Owner { name, host, pid, .. } = Owner::clone(&earlier.owner);
                    earlier.owner = Arc::new(Owner::with_id(owner, name, host, pid));
                }
                batch = Arc::new(earlier);
            }
            let hindered = job.hindered;
            let own = hindered.map(|by| Arc::new(RunBatch::clone(&batch).hindered(by)));
            let batch = own.as_ref().unwrap_or(&batch);
            let run = self.prepare(runner, job, claim, catching_up, batch);
            if let Some(run) = run {
                submissions.add(room, run);
            }
        }
        submissions
    }
}
