//! Looks up and lists jobs.

use std::io::Write;
use std::sync::Arc;

use super::decide::{restore, unknown_executor};
use super::job::Job;
use super::lock::lock;
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;
use apscheduler_core::job::JobKey;
use apscheduler_core::job::stored::broken_origin;
use apscheduler_core::store::{Cursor, JobRecord};
use apscheduler_core::trigger::TriggerContext;
use apscheduler_core::{Error, ErrorKind, Result};

/// The number of records per page of a listing.
const PAGE: usize = 1000;

/// A part of a store's jobs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobsPage {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Where the next page begins, if there may be more.
    pub next: Option<Cursor>,
}

impl Scheduler {
    /// Returns the job with that key.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; any error from a store. A missing job is not an error.
    pub fn get_job(&self, job: impl Into<JobKey>) -> Result<Option<Job>> {
        let key = job.into();
        if self.waits() {
            let pending = lock(&self.0.pending);
            let found = pending.find(key.id(), key.jobstore());
            return Ok(found.map(|job| self.pending_handle(job)));
        }
        match self.0.find_record(&key) {
            Ok((runner, record)) => {
                Ok(Some(self.record_handle(&runner, &record, &self.0.trigger_context())))
            }
            Err(error) if error.kind() == ErrorKind::JobLookup => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns all jobs: by store, then by next run time, paused jobs last. Before the start, these
    /// are the jobs held for it. They include records that are set aside; see [`Job::broken`].
    ///
    /// # Errors
    /// Any error from a store.
    pub fn get_jobs(&self) -> Result<Vec<Job>> {
        self.jobs_of(None)
    }

    /// Returns the jobs of one store, in the order of [`get_jobs`](Self::get_jobs).
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; any error from the store.
    pub fn get_jobs_in(&self, jobstore: &str) -> Result<Vec<Job>> {
        self.jobs_of(Some(jobstore))
    }

    fn jobs_of(&self, jobstore: Option<&str>) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        self.visit_jobs(jobstore, |job| {
            jobs.push(job);
            Ok(())
        })?;
        Ok(jobs)
    }

    /// Returns a page of the jobs of one store, in the order of [`get_jobs`](Self::get_jobs): at most
    /// `limit`, after the place where the page before has ended. Before the start, all jobs are on one page.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; any error from the store.
    pub fn jobs_page(
        &self,
        jobstore: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<JobsPage> {
        if self.waits() {
            return Ok(JobsPage { jobs: self.jobs_of(Some(jobstore))?, next: None });
        }
        let runner = self.0.store(jobstore)?;
        let page = runner.callable()?.get_jobs(after, limit)?;
        let context = self.0.trigger_context();
        let next = page.last().filter(|_| page.len() == limit).map(JobRecord::cursor);
        let jobs = page.iter().map(|record| self.record_handle(&runner, record, &context));
        Ok(JobsPage { jobs: jobs.collect(), next })
    }

    /// Calls `visit` for each job in the order of [`get_jobs`](Self::get_jobs), reading the stores
    /// page by page.
    ///
    /// # Errors
    /// Any error from a store or from `visit`.
    pub fn for_each_job(&self, visit: impl FnMut(Job) -> Result<()>) -> Result<()> {
        self.visit_jobs(None, visit)
    }

    /// Calls `visit` for the jobs of one store, like [`for_each_job`](Self::for_each_job).
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; any error from the store or from `visit`.
    pub fn for_each_job_in(
        &self,
        jobstore: &str,
        visit: impl FnMut(Job) -> Result<()>,
    ) -> Result<()> {
        self.visit_jobs(Some(jobstore), visit)
    }

    fn visit_jobs(
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
            // A store whose pages do not advance must not cause an endless loop.
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
                let known = executors.contains_key(spec.executor_arc());
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
            revision: Some(record.revision),
            spec,
            broken: broken.map(Arc::new),
            broken_origin,
            scheduler: self.clone(),
        }
    }

    /// Prints all jobs in the format of APScheduler.
    ///
    /// # Errors
    /// Any error from a store; [`ErrorKind::Io`].
    pub fn print_jobs(&self, out: &mut dyn Write) -> Result<()> {
        self.print_jobs_of(None, out)
    }

    /// Prints the jobs of one store in the format of APScheduler.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; any error from the store; [`ErrorKind::Io`].
    pub fn print_jobs_in(&self, jobstore: &str, out: &mut dyn Write) -> Result<()> {
        self.print_jobs_of(Some(jobstore), out)
    }

    fn print_jobs_of(&self, jobstore: Option<&str>, out: &mut dyn Write) -> Result<()> {
        let io = |error: std::io::Error| {
            Error::new(ErrorKind::Io, "can't print the jobs").with_source(error)
        };
        if self.waits() {
            writeln!(out, "Pending jobs:").map_err(io)?;
            let jobs = self.jobs_of(jobstore)?;
            return print_lines(out, &jobs, "No pending jobs").map_err(io);
        }
        for runner in self.0.stores_named(jobstore)? {
            writeln!(out, "Jobstore {}:", runner.alias).map_err(io)?;
            let jobs = self.get_jobs_in(&runner.alias)?;
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
