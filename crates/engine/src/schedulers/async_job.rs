//! A job for async functions.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::job::{JobChanges, JobKey, JobOrigin, JobSpec};
use apscheduler_core::trigger::TriggerSource;
use apscheduler_core::{Error, Result};

use crate::job::{Job, NextRunTime};

/// A [`Job`] whose methods are awaited: what an [`AsyncScheduler`](super::AsyncScheduler) returns.
#[derive(Clone, PartialEq, Eq)]
pub struct AsyncJob(Job);

impl AsyncJob {
    /// Returns the job whose methods wait in the thread of the caller.
    pub fn blocking(&self) -> &Job {
        &self.0
    }

    /// As [`Job::id`].
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// As [`Job::name`].
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// As [`Job::jobstore`].
    pub fn jobstore(&self) -> &str {
        self.0.jobstore()
    }

    /// As [`Job::key`].
    pub fn key(&self) -> JobKey {
        self.0.key()
    }

    /// As [`Job::next_run_time`].
    pub fn next_run_time(&self) -> NextRunTime {
        self.0.next_run_time()
    }

    /// As [`Job::spec`].
    pub fn spec(&self) -> Option<&Arc<JobSpec>> {
        self.0.spec()
    }

    /// As [`Job::broken`].
    pub fn broken(&self) -> Option<&Error> {
        self.0.broken()
    }

    /// As [`Job::origin`].
    pub fn origin(&self) -> Option<&JobOrigin> {
        self.0.origin()
    }

    /// As [`Job::pending`].
    pub fn pending(&self) -> bool {
        self.0.pending()
    }

    /// As [`Job::modify`].
    ///
    /// # Errors
    /// As [`Job::modify`].
    pub async fn modify(&self, changes: JobChanges) -> Result<Self> {
        self.call(move |job| job.modify(&changes)).await.map(Self)
    }

    /// As [`Job::reschedule`].
    ///
    /// # Errors
    /// As [`Job::reschedule`].
    pub async fn reschedule(&self, trigger: impl Into<TriggerSource>) -> Result<Self> {
        let trigger = trigger.into();
        self.call(move |job| job.reschedule(trigger)).await.map(Self)
    }

    /// As [`Job::pause`].
    ///
    /// # Errors
    /// As [`Job::pause`].
    pub async fn pause(&self) -> Result<Self> {
        self.call(Job::pause).await.map(Self)
    }

    /// As [`Job::resume`].
    ///
    /// # Errors
    /// As [`Job::resume`].
    pub async fn resume(&self) -> Result<Option<Self>> {
        Ok(self.call(Job::resume).await?.map(Self))
    }

    /// As [`Job::remove`].
    ///
    /// # Errors
    /// As [`Job::remove`].
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
