//! Changes and removes jobs.

use std::sync::Arc;

use super::audit::{Audit, JobState};
use super::change::{Changed, Stored, StoredJob};
use super::decide::{restore, unknown_executor};
use super::job::Job;
use super::lock::lock;
use super::lookup::check_revision;
use super::pausing::adapt;
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;
use super::storing::{check_executor, payload, unchecked_payload};
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobKey;
use apscheduler_core::job::{JobChanges, PendingJob};
use apscheduler_core::ledger::ChangeKind;
use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::trigger::{TriggerContext, TriggerSource};
use apscheduler_core::{Error, ErrorKind, Result};

/// The maximum number of attempts at a change while others keep changing the job.
const MAX_TRIES: usize = 100;

impl Scheduler {
    /// Changes a job, and returns the changed job.
    ///
    /// A record that can't be restored can be changed too, if the changes repair it, for example by
    /// replacing an unknown function. If only the next run time is changed, other defects remain.
    /// If the next run time is set to an instant, a trigger whose start was not given, but taken
    /// from a clock that was ahead, [starts
    /// anew](apscheduler_core::trigger::Trigger::with_corrected_start).
    ///
    /// # Errors
    /// [`ErrorKind::JobLookup`]; an error for invalid changes; any error from the store.
    pub fn modify_job(&self, job: impl Into<JobKey>, changes: &JobChanges) -> Result<Job> {
        self.modify(ChangeKind::Modified, &job.into(), changes)
    }

    fn modify(&self, what: ChangeKind, key: &JobKey, changes: &JobChanges) -> Result<Job> {
        let context = self.0.trigger_context();
        self.change(what, key, None, |stored| {
            let spec = match stored.job {
                // A time is written regardless of other defects, so that a job that can't run can
                // be paused.
                _ if changes.keeps_definition() => {
                    let runs = matches!(changes.new_next_run_time(), Some(Some(_)));
                    stored
                        .spec()
                        .ok()
                        .filter(|_| runs)
                        .and_then(|spec| spec.with_corrected_start(context.now))
                }
                StoredJob::Whole(spec) => Some(changes.apply(spec, &context)?),
                StoredJob::Broken { id, text, .. } => Some(changes.repair(id, text, &context)?),
            };
            let asked = Changed { spec, ..Changed::next(changes.new_next_run_time()) };
            Ok(match stored.job {
                StoredJob::Whole(before) => adapt(before, asked, context.now),
                StoredJob::Broken { .. } => asked,
            })
        })
    }

    /// Replaces the trigger of a job, sets the next run time from it, and returns the changed job.
    ///
    /// # Errors
    /// Same as [`modify_job`](Self::modify_job).
    pub fn reschedule_job(
        &self,
        job: impl Into<JobKey>,
        trigger: impl Into<TriggerSource>,
    ) -> Result<Job> {
        let context = self.0.trigger_context();
        let trigger = trigger.into().resolve(&context)?;
        let next = trigger.next_fire_time(None, context.now);
        let changes = JobChanges::new().trigger(trigger).next_run_time(next);
        self.modify(ChangeKind::Rescheduled, &job.into(), &changes)
    }

    /// Removes a job. Running instances continue.
    ///
    /// # Errors
    /// [`ErrorKind::JobLookup`] if there is no such job; any error from the store.
    pub fn remove_job(&self, job: impl Into<JobKey>) -> Result<()> {
        self.remove(&job.into(), None)
    }

    pub(super) fn remove(&self, key: &JobKey, note: Option<&str>) -> Result<()> {
        let engine = &self.0;
        let (id, jobstore) = (key.id(), key.jobstore());
        let alias = if self.waits() {
            let removed = lock(&engine.pending).remove(id, jobstore);
            removed.ok_or_else(|| Error::job_lookup(id))?.jobstore
        } else {
            let mut found = None;
            for runner in engine.stores_named(jobstore)? {
                let audit = self.removal_of(&runner, key)?;
                if runner.callable()?.remove_job(id)? {
                    if let Some((audit, job)) = audit {
                        let note = note.map(ToOwned::to_owned);
                        audit.removed(&job.id, &JobState::of(&job), note);
                    }
                    lock(&runner.broken).remove(id);
                    found = Some(Arc::clone(&runner.alias));
                    break;
                }
            }
            found.ok_or_else(|| Error::job_lookup(id))?
        };
        tracing::debug!(jobstore = &*alias, job_id = id, "removed the job");
        engine.emit(EventMask::JOB_REMOVED, || Event::JobRemoved(JobKey::in_store(alias, id)));
        Ok(())
    }

    /// Removes all jobs of all stores.
    ///
    /// # Errors
    /// Any error from a store.
    pub fn remove_all_jobs(&self) -> Result<()> {
        self.remove_jobs_of(None)
    }

    /// Removes all jobs of one store.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; any error from the store.
    pub fn remove_all_jobs_in(&self, jobstore: &str) -> Result<()> {
        self.remove_jobs_of(Some(jobstore))
    }

    fn remove_jobs_of(&self, jobstore: Option<&str>) -> Result<()> {
        let engine = &self.0;
        if self.waits() {
            let removed = lock(&engine.pending).clear(jobstore);
            drop(removed);
        } else {
            for runner in engine.stores_named(jobstore)? {
                runner.callable()?.remove_all_jobs()?;
                if let Some(audit) = self.audit_of(&runner) {
                    audit.of_store(ChangeKind::Removed);
                }
                lock(&runner.broken).clear();
            }
        }
        engine.emit(EventMask::ALL_JOBS_REMOVED, || Event::AllJobsRemoved {
            alias: jobstore.map(Into::into),
        });
        Ok(())
    }

    /// Returns what records the removal of a job, and the job as it is before.
    ///
    /// # Errors
    /// [`ErrorKind::Outdated`], if the key names another revision; any error from the store.
    fn removal_of(&self, runner: &StoreRunner, key: &JobKey) -> Result<Option<(Audit, JobRecord)>> {
        let audit = self.audit_of(runner);
        if audit.is_none() && key.revision().is_none() {
            return Ok(None);
        }
        let job = runner.callable()?.lookup_job(key.id())?;
        if let Some(job) = &job {
            check_revision(key, job.revision)?;
        }
        Ok(audit.zip(job))
    }

    fn change_pending(
        &self,
        key: &JobKey,
        mut change: impl FnMut(&Stored<'_>) -> Result<Changed>,
    ) -> Result<PendingJob> {
        loop {
            let pending = lock(&self.0.pending).find(key.id(), key.jobstore()).cloned();
            let mut job = pending.ok_or_else(|| Error::job_lookup(key.id()))?;
            // Triggers and plugins are foreign code: no lock is held while they run.
            let stored = StoredJob::Whole(&job.spec);
            let changed =
                change(&Stored { job: stored, next_run_time: job.next_run_time.flatten() })?;
            let before = Arc::clone(&job.spec);
            // Creates a new `Arc` even if the definition is unchanged, so that a concurrent change
            // is detected.
            job.spec = Arc::new(changed.spec.unwrap_or_else(|| (*before).clone()));
            job.next_run_time = changed.next_run_time.or(job.next_run_time);
            let exchanged = lock(&self.0.pending).exchange(&before, job.clone());
            if exchanged {
                return Ok(job);
            }
        }
    }

    /// Reads a job, changes it, and writes it. Retries if the job was changed in between.
    pub(super) fn change(
        &self,
        what: ChangeKind,
        key: &JobKey,
        note: Option<&str>,
        mut change: impl FnMut(&Stored<'_>) -> Result<Changed>,
    ) -> Result<Job> {
        let engine = &self.0;
        let event = |jobstore: &Arc<str>| {
            Event::JobModified(JobKey::in_store(Arc::clone(jobstore), key.id()))
        };
        if self.waits() {
            let job = self.change_pending(key, change)?;
            engine.emit(EventMask::JOB_MODIFIED, || event(&job.jobstore));
            return Ok(self.pending_handle(&job));
        }
        for _ in 0..MAX_TRIES {
            let (runner, mut record) = engine.find_record(key)?;
            let context: TriggerContext<'_> = engine.trigger_context();
            let audit = self.audit_of(&runner).map(|audit| (audit, JobState::of(&record)));
            let restored = restore(&record, &context);
            let job = match (&restored, &record.payload) {
                (Ok(spec), _) => StoredJob::Whole(spec),
                (Err(reason), JobPayload::Encoded(text)) => {
                    StoredJob::Broken { id: &record.id, text, reason }
                }
                (Err(reason), JobPayload::Live(_)) => return Err(reason.repeated()),
            };
            let changed = change(&Stored { job, next_run_time: record.next_run_time })?;
            let spec = changed.spec.map(Arc::new);
            if let Some(spec) = spec.as_ref().filter(|_| !changed.is_checked) {
                record.payload = unchecked_payload(&runner, spec)?;
            } else if let Some(spec) = &spec {
                let executors = engine.executors();
                let before = restored.as_ref().ok().map(|before| before.executor_arc());
                match executors.get(spec.executor_arc()) {
                    Some(executor) => check_executor(spec, executor.capabilities())?,
                    // Another process may have the executor; the job is no worse off than before.
                    None if before == Some(spec.executor_arc()) => {}
                    None => return Err(unknown_executor(&executors, spec)),
                }
                record.payload = payload(&runner, spec, &engine.registry)?;
                self.note_follower(&runner, spec, restored.as_ref().ok().map(|before| &**before))?;
            }
            record.next_run_time = changed.next_run_time.unwrap_or(record.next_run_time);
            if runner.callable()?.update_job(&record)? {
                if let Some((audit, before)) = audit {
                    let note = note.map(ToOwned::to_owned);
                    audit.modified(what, &record.id, (&before, &JobState::of(&record)), note);
                    if let (Some(times), Ok(job)) = (&changed.skipped, &restored) {
                        audit.skipped(job, times);
                    }
                }
                runner.mark_written(&record.id, record.next_run_time);
                engine.emit(EventMask::JOB_MODIFIED, || event(&runner.alias));
                runner.mark_changed();
                engine.wake();
                // The new revision is known to the store alone.
                return Ok(Job {
                    revision: None,
                    ..self.record_handle(&runner, &record, &context)
                });
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "others keep changing the job; try again")
            .with_job_id(key.id()))
    }
}
