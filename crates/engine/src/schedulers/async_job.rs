//! Jobs for async functions.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::job::{JobChanges, JobKey, JobOrigin, JobSpec, Pause, Paused};
use apscheduler_core::run::RunId;
use apscheduler_core::trigger::TriggerSource;
use apscheduler_core::{Error, Result};

use crate::engine::{Job, NextRunTime};

/// A [`Job`] with async methods, as returned by an [`AsyncScheduler`](super::AsyncScheduler).
#[derive(Clone, PartialEq, Eq)]
pub struct AsyncJob(Job);

impl AsyncJob {
    /// Returns the job whose methods block the calling thread.
    pub fn blocking(&self) -> &Job {
        &self.0
    }

    /// Same as [`Job::id`].
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// Same as [`Job::name`].
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Same as [`Job::jobstore`].
    pub fn jobstore(&self) -> &str {
        self.0.jobstore()
    }

    /// Same as [`Job::key`].
    pub fn key(&self) -> JobKey {
        self.0.key()
    }

    /// Same as [`Job::next_run_time`].
    pub fn next_run_time(&self) -> NextRunTime {
        self.0.next_run_time()
    }

    /// Same as [`Job::spec`].
    pub fn spec(&self) -> Option<&Arc<JobSpec>> {
        self.0.spec()
    }

    /// Same as [`Job::broken`].
    pub fn broken(&self) -> Option<&Error> {
        self.0.broken()
    }

    /// Same as [`Job::origin`].
    pub fn origin(&self) -> Option<&JobOrigin> {
        self.0.origin()
    }

    /// Same as [`Job::paused`].
    pub fn paused(&self) -> Option<&Paused> {
        self.0.paused()
    }

    /// Same as [`Job::pending`].
    pub fn pending(&self) -> bool {
        self.0.pending()
    }

    /// Same as [`Job::modify`].
    ///
    /// # Errors
    /// Same as [`Job::modify`].
    pub async fn modify(&self, changes: JobChanges) -> Result<Self> {
        self.call(move |job| job.modify(&changes)).await.map(Self)
    }

    /// Same as [`Job::reschedule`].
    ///
    /// # Errors
    /// Same as [`Job::reschedule`].
    pub async fn reschedule(&self, trigger: impl Into<TriggerSource>) -> Result<Self> {
        let trigger = trigger.into();
        self.call(move |job| job.reschedule(trigger)).await.map(Self)
    }

    /// Same as [`Job::pause`].
    ///
    /// # Errors
    /// Same as [`Job::pause`].
    pub async fn pause(&self) -> Result<Self> {
        self.call(Job::pause).await.map(Self)
    }

    /// Same as [`Job::pause_with`].
    ///
    /// # Errors
    /// Same as [`Job::pause_with`].
    pub async fn pause_with(&self, pause: Pause) -> Result<Self> {
        self.call(move |job| job.pause_with(pause)).await.map(Self)
    }

    /// Same as [`Job::resume`].
    ///
    /// # Errors
    /// Same as [`Job::resume`].
    pub async fn resume(&self) -> Result<Option<Self>> {
        Ok(self.call(Job::resume).await?.map(Self))
    }

    /// Same as [`Job::run_now`].
    ///
    /// # Errors
    /// Same as [`Job::run_now`].
    pub async fn run_now(&self) -> Result<RunId> {
        self.call(Job::run_now).await
    }

    /// Same as [`Job::remove`].
    ///
    /// # Errors
    /// Same as [`Job::remove`].
    pub async fn remove(&self) -> Result<()> {
        self.call(Job::remove).await
    }

    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Job) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let job = self.0.clone();
        self.0.scheduler().call(move |_| call(&job)).await
    }
}

impl From<Job> for AsyncJob {
    fn from(job: Job) -> Self {
        Self(job)
    }
}

impl From<&AsyncJob> for JobKey {
    fn from(job: &AsyncJob) -> Self {
        job.key()
    }
}

impl fmt::Display for AsyncJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AsyncJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
