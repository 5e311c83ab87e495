//! Jobs are looked up and listed.

use std::io::Write;
use std::sync::Arc;

use super::decide::{restore, unknown_executor};
use super::store_runner::StoreRunner;
use super::{Scheduler, lock};
use crate::job::Job;
use apscheduler_core::job::stored::broken_origin;
use apscheduler_core::store::JobRecord;
use apscheduler_core::trigger::TriggerContext;
use apscheduler_core::{Error, ErrorKind, Result};

/// How many records a listing asks for at once.
const PAGE: usize = 1000;

impl Scheduler {
    /// The job with that id, in one store or in any.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; what a store says. A missing job is no error.
    pub fn get_job(&self, id: &str, jobstore: Option<&str>) -> Result<Option<Job>> {
        if self.waits() {
            let pending = lock(&self.0.pending);
            let found = pending.find(id, jobstore);
            return Ok(found.map(|job| self.pending_handle(job)));
        }
        match self.0.find_record(id, jobstore) {
            Ok((runner, record)) => {
                Ok(Some(self.record_handle(&runner, &record, &self.0.trigger_context())))
            }
            Err(error) if error.kind() == ErrorKind::JobLookup => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All jobs of one store, or of all: before the start those that wait for it. By store, then by next run time, paused
    /// jobs last. Records that are set aside are among them; see [`Job::broken`].
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; what a store says.
    pub fn get_jobs(&self, jobstore: Option<&str>) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        self.for_each_job(jobstore, |job| {
            jobs.push(job);
            Ok(())
        })?;
        Ok(jobs)
    }

    /// Visits the jobs in the order of [`get_jobs`](Self::get_jobs), a page at a time.
    ///
    /// # Errors
    /// As [`get_jobs`](Self::get_jobs), and what `visit` says.
    pub fn for_each_job(
        &self,
        jobstore: Option<&str>,
        mut visit: impl FnMut(Job) -> Result<()>,
    ) -> Result<()> {
        if self.waits() {
            let pending = lock(&self.0.pending);
            let waiting: Vec<Job> =
                pending.of(jobstore).map(|job| self.pending_handle(job)).collect();
            drop(pending);
            return waiting.into_iter().try_for_each(visit);
        }
        for runner in self.0.stores_named(jobstore)? {
            self.for_each_record(&runner, |record, context| {
                visit(self.record_handle(&runner, record, context))
            })?;
        }
        Ok(())
    }

    pub(super) fn for_each_record(
        &self,
        runner: &StoreRunner,
        mut visit: impl FnMut(&JobRecord, &TriggerContext<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut after = None;
        loop {
            let page = runner.callable()?.get_jobs(after.as_ref(), PAGE)?;
            let context = self.0.trigger_context();
            for record in &page {
                visit(record, &context)?;
            }
            let last = page.last().filter(|_| page.len() == PAGE).map(JobRecord::cursor);
            // A store that stands still must not be listed for ever.
            if last.is_none() || last == after {
                return Ok(());
            }
            after = last;
        }
    }

    pub(super) fn record_handle(
        &self,
        runner: &StoreRunner,
        record: &JobRecord,
        context: &TriggerContext<'_>,
    ) -> Job {
        let (spec, broken) = match restore(record, context) {
            Ok(spec) => {
                let executors = self.0.executors();
                let known = executors.contains_key(spec.shared_executor());
                let broken = (!known).then(|| unknown_executor(&executors, &spec));
                (Some(spec), broken)
            }
            Err(error) => (None, Some(error)),
        };
        let broken_origin = match &spec {
            Some(_) => None,
            None => record.payload.as_text().and_then(broken_origin).map(Arc::new),
        };
        Job {
            id: Arc::clone(&record.id),
            jobstore: Arc::clone(&runner.alias),
            next_run_time: record.next_run_time.into(),
            spec,
            broken: broken.map(Arc::new),
            broken_origin,
            scheduler: self.clone(),
        }
    }

    /// Prints the jobs of one store, or of all, as APScheduler does.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; what a store says; [`ErrorKind::Io`].
    pub fn print_jobs(&self, jobstore: Option<&str>, out: &mut dyn Write) -> Result<()> {
        let io = |error: std::io::Error| {
            Error::new(ErrorKind::Io, "can't print the jobs").with_source(error)
        };
        if self.waits() {
            writeln!(out, "Pending jobs:").map_err(io)?;
            let jobs = self.get_jobs(jobstore)?;
            return print_lines(out, &jobs, "No pending jobs").map_err(io);
        }
        for runner in self.0.stores_named(jobstore)? {
            writeln!(out, "Jobstore {}:", runner.alias).map_err(io)?;
            let jobs = self.get_jobs(Some(&runner.alias))?;
            print_lines(out, &jobs, "No scheduled jobs").map_err(io)?;
        }
        Ok(())
    }
}

fn print_lines(out: &mut dyn Write, jobs: &[Job], none: &str) -> std::io::Result<()> {
    if jobs.is_empty() {
        writeln!(out, "    {none}")?;
    }
    jobs.iter().try_for_each(|job| writeln!(out, "    {job}"))
}
