//! A handle to a scheduler for async functions.

use std::ops::Deref;

use crate::engine::{Call, Scheduler};
use crate::job::Job;
use apscheduler_core::Result;
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_core::registry::{IntoExecutor, IntoJobStore};
use apscheduler_core::trigger::TriggerSource;

/// A handle to a scheduler, whose calls can be awaited where they may have to wait for a store or a job. Clones mean the
/// same scheduler.
///
/// The calls that can't have to wait are those of [`Scheduler`], to which it derefs: listeners, `pause`, `resume`,
/// `state` and the like. A call begins when it is first polled, and then goes on if its future is dropped. For what is not
/// here, for several
/// calls in a row, and for the methods of a [`Job`], there is [`Scheduler::call`].
///
/// # Examples
/// ```
/// use apscheduler::prelude::*;
/// use apscheduler::schedulers::AsyncScheduler;
///
/// # async fn example() -> apscheduler::Result<()> {
/// let owner = BackgroundScheduler::new();
/// let scheduler = AsyncScheduler::from((*owner).clone());
/// let job = scheduler.add_job(JobBuilder::new(|| println!("tick")).id("tick")).await?;
/// scheduler.pause_job("tick", None).await?;
/// scheduler.call(move |_| job.remove()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AsyncScheduler(Scheduler);

#[expect(clippy::missing_errors_doc, reason = "each says what its namesake says")]
impl AsyncScheduler {
    /// As [`Scheduler::shutdown`]. In an async job of this scheduler, it returns when the shutdown has begun, which then
    /// waits for that job too.
    pub async fn shutdown(&self, wait: bool) -> Result<()> {
        if wait && self.0.polls_job() {
            return self.0.shutdown_behind();
        }
        self.0.call(move |scheduler| scheduler.shutdown(wait)).await
    }

    /// As [`Scheduler::add_job`].
    pub async fn add_job(&self, job: JobBuilder) -> Result<Job> {
        self.0.call(move |scheduler| scheduler.add_job(job)).await
    }

    /// As [`Scheduler::add_jobs`].
    pub async fn add_jobs(&self, jobs: Vec<JobBuilder>) -> Result<Vec<Job>> {
        self.0.call(move |scheduler| scheduler.add_jobs(jobs)).await
    }

    /// As [`Scheduler::add_declared_jobs`].
    pub async fn add_declared_jobs(&self) -> Result<Vec<Job>> {
        self.0.call(Scheduler::add_declared_jobs).await
    }

    /// As [`Scheduler::modify_job`].
    pub async fn modify_job(
        &self,
        id: &str,
        jobstore: Option<&str>,
        changes: JobChanges,
    ) -> Result<Job> {
        self.with_job(id, jobstore, move |scheduler, id, jobstore| {
            scheduler.modify_job(id, jobstore, &changes)
        })
        .await
    }

    /// As [`Scheduler::reschedule_job`].
    pub async fn reschedule_job(
        &self,
        id: &str,
        jobstore: Option<&str>,
        trigger: impl Into<TriggerSource>,
    ) -> Result<Job> {
        let trigger = trigger.into();
        self.with_job(id, jobstore, move |scheduler, id, jobstore| {
            scheduler.reschedule_job(id, jobstore, trigger)
        })
        .await
    }

    /// As [`Scheduler::pause_job`].
    pub async fn pause_job(&self, id: &str, jobstore: Option<&str>) -> Result<Job> {
        self.with_job(id, jobstore, Scheduler::pause_job).await
    }

    /// As [`Scheduler::resume_job`].
    pub async fn resume_job(&self, id: &str, jobstore: Option<&str>) -> Result<Option<Job>> {
        self.with_job(id, jobstore, Scheduler::resume_job).await
    }

    /// As [`Scheduler::remove_job`].
    pub async fn remove_job(&self, id: &str, jobstore: Option<&str>) -> Result<()> {
        self.with_job(id, jobstore, Scheduler::remove_job).await
    }

    /// As [`Scheduler::remove_all_jobs`].
    pub async fn remove_all_jobs(&self, jobstore: Option<&str>) -> Result<()> {
        self.with_store(jobstore, Scheduler::remove_all_jobs).await
    }

    /// As [`Scheduler::get_job`].
    pub async fn get_job(&self, id: &str, jobstore: Option<&str>) -> Result<Option<Job>> {
        self.with_job(id, jobstore, Scheduler::get_job).await
    }

    /// As [`Scheduler::get_jobs`].
    pub async fn get_jobs(&self, jobstore: Option<&str>) -> Result<Vec<Job>> {
        self.with_store(jobstore, Scheduler::get_jobs).await
    }

    /// The text that [`Scheduler::print_jobs`] prints.
    pub async fn print_jobs(&self, jobstore: Option<&str>) -> Result<Vec<u8>> {
        self.with_store(jobstore, |scheduler, jobstore| {
            let mut text = Vec::new();
            scheduler.print_jobs(jobstore, &mut text).map(|()| text)
        })
        .await
    }

    /// The text that [`Scheduler::export_jobs`] writes.
    pub async fn export_jobs(&self, jobstore: Option<&str>) -> Result<Vec<u8>> {
        self.with_store(jobstore, |scheduler, jobstore| {
            let mut text = Vec::new();
            scheduler.export_jobs(&mut text, jobstore).map(|()| text)
        })
        .await
    }

    /// As [`Scheduler::import_jobs`].
    pub async fn import_jobs(&self, text: Vec<u8>, jobstore: &str) -> Result<usize> {
        let jobstore = jobstore.to_owned();
        self.0.call(move |scheduler| scheduler.import_jobs(&mut text.as_slice(), &jobstore)).await
    }

    /// As [`Scheduler::add_jobstore`].
    pub async fn add_jobstore(&self, jobstore: impl IntoJobStore, alias: &str) -> Result<()> {
        let (jobstore, alias) = (jobstore.into_job_store(), alias.to_owned());
        self.0.call(move |scheduler| scheduler.add_jobstore(jobstore, &alias)).await
    }

    /// As [`Scheduler::remove_jobstore`].
    pub async fn remove_jobstore(&self, alias: &str, shutdown: bool) -> Result<()> {
        let alias = alias.to_owned();
        self.0.call(move |scheduler| scheduler.remove_jobstore(&alias, shutdown)).await
    }

    /// As [`Scheduler::add_executor`].
    pub async fn add_executor(&self, executor: impl IntoExecutor, alias: &str) -> Result<()> {
        let (executor, alias) = (executor.into_executor(), alias.to_owned());
        self.0.call(move |scheduler| scheduler.add_executor(executor, &alias)).await
    }

    /// As [`Scheduler::remove_executor`].
    pub async fn remove_executor(&self, alias: &str, shutdown: bool) -> Result<()> {
        let alias = alias.to_owned();
        self.0.call(move |scheduler| scheduler.remove_executor(&alias, shutdown)).await
    }

    fn with_job<T: Send + 'static>(
        &self,
        id: &str,
        jobstore: Option<&str>,
        call: impl FnOnce(&Scheduler, &str, Option<&str>) -> Result<T> + Send + 'static,
    ) -> Call<T> {
        let (id, jobstore) = (id.to_owned(), jobstore.map(str::to_owned));
        self.0.call(move |scheduler| call(scheduler, &id, jobstore.as_deref()))
    }

    fn with_store<T: Send + 'static>(
        &self,
        jobstore: Option<&str>,
        call: impl FnOnce(&Scheduler, Option<&str>) -> Result<T> + Send + 'static,
    ) -> Call<T> {
        let jobstore = jobstore.map(str::to_owned);
        self.0.call(move |scheduler| call(scheduler, jobstore.as_deref()))
    }
}

impl From<Scheduler> for AsyncScheduler {
    fn from(scheduler: Scheduler) -> Self {
        Self(scheduler)
    }
}

impl Deref for AsyncScheduler {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.0
    }
}
