//! A handle to a scheduler for async functions.

use std::ops::Deref;

use crate::engine::{Call, Scheduler};
use crate::job::{Job, JobBuilder, JobChanges};
use crate::registry::{IntoExecutor, IntoJobStore};
use crate::trigger::TriggerSource;

/// A handle to a scheduler, whose calls can be awaited where they may have to wait for a store or a job. Clones mean the
/// same scheduler.
///
/// The calls that can't have to wait are those of [`Scheduler`], to which it derefs: listeners, `pause`, `resume`,
/// `state` and the like. A call begins at once, and goes on if its future is dropped. For what is not here, for several
/// calls in a row, and for the methods of a [`Job`], there is [`Scheduler::call`].
///
/// # Examples
/// ```
/// use apscheduler_core::job::JobBuilder;
/// use apscheduler_core::schedulers::{AsyncScheduler, BackgroundScheduler};
///
/// # async fn example() -> apscheduler_core::Result<()> {
/// let owner: BackgroundScheduler = BackgroundScheduler::new();
/// let scheduler = AsyncScheduler::from((*owner).clone());
/// let job = scheduler.add_job(JobBuilder::new(|| println!("tick")).id("tick")).await?;
/// scheduler.pause_job("tick", None).await?;
/// scheduler.call(move |_| job.remove()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AsyncScheduler(Scheduler);

impl AsyncScheduler {
    /// As [`Scheduler::shutdown`].
    pub fn shutdown(&self, wait: bool) -> Call<()> {
        self.0.call(move |scheduler| scheduler.shutdown(wait))
    }

    /// As [`Scheduler::add_job`].
    pub fn add_job(&self, job: JobBuilder) -> Call<Job> {
        self.0.call(move |scheduler| scheduler.add_job(job))
    }

    /// As [`Scheduler::add_jobs`].
    pub fn add_jobs(&self, jobs: Vec<JobBuilder>) -> Call<Vec<Job>> {
        self.0.call(move |scheduler| scheduler.add_jobs(jobs))
    }

    /// As [`Scheduler::add_declared_jobs`].
    pub fn add_declared_jobs(&self) -> Call<Vec<Job>> {
        self.0.call(Scheduler::add_declared_jobs)
    }

    /// As [`Scheduler::modify_job`].
    pub fn modify_job(&self, id: &str, jobstore: Option<&str>, changes: JobChanges) -> Call<Job> {
        self.with_job(id, jobstore, move |scheduler, id, jobstore| {
            scheduler.modify_job(id, jobstore, &changes)
        })
    }

    /// As [`Scheduler::reschedule_job`].
    pub fn reschedule_job(
        &self,
        id: &str,
        jobstore: Option<&str>,
        trigger: impl Into<TriggerSource>,
    ) -> Call<Job> {
        let trigger = trigger.into();
        self.with_job(id, jobstore, move |scheduler, id, jobstore| {
            scheduler.reschedule_job(id, jobstore, trigger)
        })
    }

    /// As [`Scheduler::pause_job`].
    pub fn pause_job(&self, id: &str, jobstore: Option<&str>) -> Call<Job> {
        self.with_job(id, jobstore, Scheduler::pause_job)
    }

    /// As [`Scheduler::resume_job`].
    pub fn resume_job(&self, id: &str, jobstore: Option<&str>) -> Call<Option<Job>> {
        self.with_job(id, jobstore, Scheduler::resume_job)
    }

    /// As [`Scheduler::remove_job`].
    pub fn remove_job(&self, id: &str, jobstore: Option<&str>) -> Call<()> {
        self.with_job(id, jobstore, Scheduler::remove_job)
    }

    /// As [`Scheduler::remove_all_jobs`].
    pub fn remove_all_jobs(&self, jobstore: Option<&str>) -> Call<()> {
        self.with_store(jobstore, Scheduler::remove_all_jobs)
    }

    /// As [`Scheduler::get_job`].
    pub fn get_job(&self, id: &str, jobstore: Option<&str>) -> Call<Option<Job>> {
        self.with_job(id, jobstore, Scheduler::get_job)
    }

    /// As [`Scheduler::get_jobs`].
    pub fn get_jobs(&self, jobstore: Option<&str>) -> Call<Vec<Job>> {
        self.with_store(jobstore, Scheduler::get_jobs)
    }

    /// The text that [`Scheduler::print_jobs`] prints.
    pub fn print_jobs(&self, jobstore: Option<&str>) -> Call<Vec<u8>> {
        self.with_store(jobstore, |scheduler, jobstore| {
            let mut text = Vec::new();
            scheduler.print_jobs(jobstore, &mut text).map(|()| text)
        })
    }

    /// The text that [`Scheduler::export_jobs`] writes.
    pub fn export_jobs(&self, jobstore: Option<&str>) -> Call<Vec<u8>> {
        self.with_store(jobstore, |scheduler, jobstore| {
            let mut text = Vec::new();
            scheduler.export_jobs(&mut text, jobstore).map(|()| text)
        })
    }

    /// As [`Scheduler::import_jobs`].
    pub fn import_jobs(&self, text: Vec<u8>, jobstore: &str) -> Call<usize> {
        let jobstore = jobstore.to_owned();
        self.0.call(move |scheduler| scheduler.import_jobs(&mut text.as_slice(), &jobstore))
    }

    /// As [`Scheduler::add_jobstore`].
    pub fn add_jobstore(&self, jobstore: impl IntoJobStore, alias: &str) -> Call<()> {
        let (jobstore, alias) = (jobstore.into_job_store(), alias.to_owned());
        self.0.call(move |scheduler| scheduler.add_jobstore(jobstore, &alias))
    }

    /// As [`Scheduler::remove_jobstore`].
    pub fn remove_jobstore(&self, alias: &str, shutdown: bool) -> Call<()> {
        let alias = alias.to_owned();
        self.0.call(move |scheduler| scheduler.remove_jobstore(&alias, shutdown))
    }

    /// As [`Scheduler::add_executor`].
    pub fn add_executor(&self, executor: impl IntoExecutor, alias: &str) -> Call<()> {
        let (executor, alias) = (executor.into_executor(), alias.to_owned());
        self.0.call(move |scheduler| scheduler.add_executor(executor, &alias))
    }

    /// As [`Scheduler::remove_executor`].
    pub fn remove_executor(&self, alias: &str, shutdown: bool) -> Call<()> {
        let alias = alias.to_owned();
        self.0.call(move |scheduler| scheduler.remove_executor(&alias, shutdown))
    }

    fn with_job<T: Send + 'static>(
        &self,
        id: &str,
        jobstore: Option<&str>,
        call: impl FnOnce(&Scheduler, &str, Option<&str>) -> crate::Result<T> + Send + 'static,
    ) -> Call<T> {
        let (id, jobstore) = (id.to_owned(), jobstore.map(str::to_owned));
        self.0.call(move |scheduler| call(scheduler, &id, jobstore.as_deref()))
    }

    fn with_store<T: Send + 'static>(
        &self,
        jobstore: Option<&str>,
        call: impl FnOnce(&Scheduler, Option<&str>) -> crate::Result<T> + Send + 'static,
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
