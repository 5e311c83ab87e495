//! A scheduler handle for async functions.

use std::any::Any;
use std::io::Write;
use std::sync::Arc;

use apscheduler_core::config::Config;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::Executor;
use apscheduler_core::job::{JobBuilder, JobChanges, JobDefaults, JobKey, Pause};
use apscheduler_core::ledger::Retention;
use apscheduler_core::registry::{IntoExecutor, IntoJobStore, Registry};
use apscheduler_core::run::RunId;
use apscheduler_core::store::JobStore;
use apscheduler_core::time::{Clock, Timestamp, Zone};
use apscheduler_core::trigger::TriggerSource;
use apscheduler_core::{OnRemove, Result, Shutdown};

use super::AsyncJob;
use crate::engine::{
    Backfill, Backfilled, Call, Cancelling, EventStream, Job, ListenerId, Scheduler,
    SchedulerState, Why,
};

/// A scheduler handle for async functions: calls that may wait for a store or a job are awaited.
/// Clones refer to the same scheduler.
///
/// A call begins when it is first polled, and continues if its future is dropped. For several calls
/// in a row, and for methods that are not here, use [`call`](Self::call) with a [`Scheduler`].
///
/// # Examples
/// ```
/// use apscheduler::prelude::*;
/// use apscheduler::schedulers::AsyncScheduler;
///
/// # async fn example() -> apscheduler::Result<()> {
/// let owner = BackgroundScheduler::new();
/// let scheduler = AsyncScheduler::from(owner.handle());
/// let job = scheduler.add_job(JobBuilder::new(|| println!("tick")).id("tick")).await?;
/// scheduler.pause_job("tick").await?;
/// job.remove().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AsyncScheduler(Scheduler);

/// Calls that may wait.
#[expect(clippy::missing_errors_doc, reason = "each has the errors of its namesake")]
impl AsyncScheduler {
    /// Shuts down like [`Scheduler::shutdown`]. Called in an async job of this scheduler, it
    /// returns when the shutdown has begun; the shutdown then waits for that job too.
    pub async fn shutdown(&self, shutdown: Shutdown) -> Result<()> {
        if shutdown == Shutdown::Wait && self.0.polls_job() {
            return self.0.shutdown_in_background();
        }
        self.0.call(move |scheduler| scheduler.shutdown(shutdown)).await
    }

    /// Same as [`Scheduler::configure`].
    pub async fn configure(&self, config: Config) -> Result<()> {
        self.0.call(move |scheduler| scheduler.configure(&config)).await
    }

    /// Same as [`Scheduler::add_job`].
    pub async fn add_job(&self, job: JobBuilder) -> Result<AsyncJob> {
        self.0.call(move |scheduler| scheduler.add_job(job)).await.map(AsyncJob::from)
    }

    /// Same as [`Scheduler::add_jobs`].
    pub async fn add_jobs(&self, jobs: Vec<JobBuilder>) -> Result<Vec<AsyncJob>> {
        self.0.call(move |scheduler| scheduler.add_jobs(jobs)).await.map(async_jobs)
    }

    /// Same as [`Scheduler::add_declared_jobs`].
    pub async fn add_declared_jobs(&self) -> Result<Vec<AsyncJob>> {
        self.0.call(Scheduler::add_declared_jobs).await.map(async_jobs)
    }

    /// Same as [`Scheduler::modify_job`].
    pub async fn modify_job(
        &self,
        job: impl Into<JobKey>,
        changes: JobChanges,
    ) -> Result<AsyncJob> {
        let key = job.into();
        let call = self.0.call(move |scheduler| scheduler.modify_job(key, &changes));
        call.await.map(AsyncJob::from)
    }

    /// Same as [`Scheduler::reschedule_job`].
    pub async fn reschedule_job(
        &self,
        job: impl Into<JobKey>,
        trigger: impl Into<TriggerSource>,
    ) -> Result<AsyncJob> {
        let (key, trigger) = (job.into(), trigger.into());
        let call = self.0.call(move |scheduler| scheduler.reschedule_job(key, trigger));
        call.await.map(AsyncJob::from)
    }

    /// Same as [`Scheduler::pause_job`].
    pub async fn pause_job(&self, job: impl Into<JobKey>) -> Result<AsyncJob> {
        let key = job.into();
        self.0.call(move |scheduler| scheduler.pause_job(key)).await.map(AsyncJob::from)
    }

    /// Same as [`Scheduler::pause_job_with`].
    pub async fn pause_job_with(&self, job: impl Into<JobKey>, pause: Pause) -> Result<AsyncJob> {
        let key = job.into();
        let call = self.0.call(move |scheduler| scheduler.pause_job_with(key, pause));
        call.await.map(AsyncJob::from)
    }

    /// Same as [`Scheduler::resume_job`].
    pub async fn resume_job(&self, job: impl Into<JobKey>) -> Result<Option<AsyncJob>> {
        let key = job.into();
        let resumed = self.0.call(move |scheduler| scheduler.resume_job(key)).await?;
        Ok(resumed.map(AsyncJob::from))
    }

    /// Same as [`Scheduler::run_now`].
    pub async fn run_now(&self, job: impl Into<JobKey>) -> Result<RunId> {
        let key = job.into();
        self.0.call(move |scheduler| scheduler.run_now(key)).await
    }

    /// Same as [`Scheduler::retry_run`].
    pub async fn retry_run(&self, run: RunId) -> Result<()> {
        self.0.call(move |scheduler| scheduler.retry_run(run)).await
    }

    /// Same as [`Scheduler::repeat_run`].
    pub async fn repeat_run(&self, run: RunId) -> Result<()> {
        self.0.call(move |scheduler| scheduler.repeat_run(run)).await
    }

    /// Same as [`Scheduler::backfill`].
    pub async fn backfill(
        &self,
        job: impl Into<JobKey>,
        backfill: &Backfill,
    ) -> Result<Backfilled> {
        let (key, backfill) = (job.into(), *backfill);
        self.0.call(move |scheduler| scheduler.backfill(key, &backfill)).await
    }

    /// Same as [`Scheduler::cancel_backfill`].
    pub async fn cancel_backfill(&self, backfill: RunId) -> Result<usize> {
        self.0.call(move |scheduler| scheduler.cancel_backfill(backfill)).await
    }

    /// Same as [`Scheduler::prune_runs`], without progress.
    pub async fn prune_runs(&self, retention: &Retention) -> Result<usize> {
        let retention = *retention;
        self.0.call(move |scheduler| scheduler.prune_runs(&retention, |_| ())).await
    }

    /// Same as [`Scheduler::cancel_run`].
    pub async fn cancel_run(&self, run: RunId) -> Result<Cancelling> {
        self.0.call(move |scheduler| scheduler.cancel_run(run)).await
    }

    /// Same as [`Scheduler::remove_job`].
    pub async fn remove_job(&self, job: impl Into<JobKey>) -> Result<()> {
        let key = job.into();
        self.0.call(move |scheduler| scheduler.remove_job(key)).await
    }

    /// Same as [`Scheduler::remove_all_jobs`].
    pub async fn remove_all_jobs(&self) -> Result<()> {
        self.0.call(Scheduler::remove_all_jobs).await
    }

    /// Same as [`Scheduler::remove_all_jobs_in`].
    pub async fn remove_all_jobs_in(&self, jobstore: &str) -> Result<()> {
        let jobstore = jobstore.to_owned();
        self.0.call(move |scheduler| scheduler.remove_all_jobs_in(&jobstore)).await
    }

    /// Same as [`Scheduler::get_job`].
    pub async fn get_job(&self, job: impl Into<JobKey>) -> Result<Option<AsyncJob>> {
        let key = job.into();
        let found = self.0.call(move |scheduler| scheduler.get_job(key)).await?;
        Ok(found.map(AsyncJob::from))
    }

    /// Same as [`Scheduler::get_jobs`].
    pub async fn get_jobs(&self) -> Result<Vec<AsyncJob>> {
        self.0.call(Scheduler::get_jobs).await.map(async_jobs)
    }

    /// Same as [`Scheduler::get_jobs_in`].
    pub async fn get_jobs_in(&self, jobstore: &str) -> Result<Vec<AsyncJob>> {
        let jobstore = jobstore.to_owned();
        self.0.call(move |scheduler| scheduler.get_jobs_in(&jobstore)).await.map(async_jobs)
    }

    /// Same as [`Scheduler::why`].
    pub async fn why(
        &self,
        job: impl Into<JobKey>,
        time: impl Into<Option<Timestamp>>,
    ) -> Result<Why> {
        let (key, time) = (job.into(), time.into());
        self.0.call(move |scheduler| scheduler.why(key, time)).await
    }

    /// Returns the text that [`Scheduler::print_jobs`] prints.
    pub async fn print_jobs(&self) -> Result<Vec<u8>> {
        self.text(Scheduler::print_jobs).await
    }

    /// Returns the text that [`Scheduler::print_jobs_in`] prints.
    pub async fn print_jobs_in(&self, jobstore: &str) -> Result<Vec<u8>> {
        let jobstore = jobstore.to_owned();
        self.text(move |scheduler, out| scheduler.print_jobs_in(&jobstore, out)).await
    }

    /// Returns the text that [`Scheduler::export_jobs`] writes.
    pub async fn export_jobs(&self) -> Result<Vec<u8>> {
        self.text(Scheduler::export_jobs).await
    }

    /// Returns the text that [`Scheduler::export_jobs_in`] writes.
    pub async fn export_jobs_in(&self, jobstore: &str) -> Result<Vec<u8>> {
        let jobstore = jobstore.to_owned();
        self.text(move |scheduler, out| scheduler.export_jobs_in(&jobstore, out)).await
    }

    /// Same as [`Scheduler::import_jobs`].
    pub async fn import_jobs(&self, jobstore: &str, text: Vec<u8>) -> Result<usize> {
        let jobstore = jobstore.to_owned();
        self.0.call(move |scheduler| scheduler.import_jobs(&jobstore, &mut text.as_slice())).await
    }

    /// Same as [`Scheduler::add_jobstore`].
    pub async fn add_jobstore(&self, alias: &str, jobstore: impl IntoJobStore) -> Result<()> {
        let (alias, jobstore) = (alias.to_owned(), jobstore.into_job_store());
        self.0.call(move |scheduler| scheduler.add_jobstore(&alias, jobstore)).await
    }

    /// Same as [`Scheduler::remove_jobstore`].
    pub async fn remove_jobstore(&self, alias: &str, on_remove: OnRemove) -> Result<()> {
        let alias = alias.to_owned();
        self.0.call(move |scheduler| scheduler.remove_jobstore(&alias, on_remove)).await
    }

    /// Same as [`Scheduler::add_executor`].
    pub async fn add_executor(&self, alias: &str, executor: impl IntoExecutor) -> Result<()> {
        let (alias, executor) = (alias.to_owned(), executor.into_executor());
        self.0.call(move |scheduler| scheduler.add_executor(&alias, executor)).await
    }

    /// Same as [`Scheduler::remove_executor`].
    pub async fn remove_executor(&self, alias: &str, on_remove: OnRemove) -> Result<()> {
        let alias = alias.to_owned();
        self.0.call(move |scheduler| scheduler.remove_executor(&alias, on_remove)).await
    }

    /// Runs a call that may wait, without blocking a task. See [`Scheduler::call`].
    pub fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Scheduler) -> Result<T> + Send + 'static,
    ) -> Call<T> {
        self.0.call(call)
    }

    fn text(
        &self,
        write: impl FnOnce(&Scheduler, &mut dyn Write) -> Result<()> + Send + 'static,
    ) -> Call<Vec<u8>> {
        self.0.call(move |scheduler| {
            let mut text = Vec::new();
            write(scheduler, &mut text).map(|()| text)
        })
    }
}

/// Calls that never wait.
impl AsyncScheduler {
    /// Returns another handle to the scheduler. The scheduler is shut down when its owner is
    /// dropped, even if handles remain.
    pub fn handle(&self) -> Self {
        self.clone()
    }

    /// Returns the handle whose calls block the calling thread.
    pub fn blocking(&self) -> &Scheduler {
        &self.0
    }

    /// Same as [`Scheduler::state`].
    pub fn state(&self) -> SchedulerState {
        self.0.state()
    }

    /// Same as [`Scheduler::running`].
    pub fn running(&self) -> bool {
        self.0.running()
    }

    /// Same as [`Scheduler::pause`].
    ///
    /// # Errors
    /// Same as [`Scheduler::pause`].
    pub fn pause(&self) -> Result<()> {
        self.0.pause()
    }

    /// Same as [`Scheduler::resume`].
    ///
    /// # Errors
    /// Same as [`Scheduler::resume`].
    pub fn resume(&self) -> Result<()> {
        self.0.resume()
    }

    /// Same as [`Scheduler::registry`].
    pub fn registry(&self) -> &Registry {
        self.0.registry()
    }

    /// Same as [`Scheduler::clock`].
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.0.clock()
    }

    /// Same as [`Scheduler::timezone`].
    pub fn timezone(&self) -> Zone {
        self.0.timezone()
    }

    /// Same as [`Scheduler::job_defaults`].
    pub fn job_defaults(&self) -> JobDefaults {
        self.0.job_defaults()
    }

    /// Same as [`Scheduler::instances`].
    pub fn instances(&self) -> usize {
        self.0.instances()
    }

    /// Same as [`Scheduler::executor`].
    pub fn executor(&self, alias: &str) -> Option<Arc<dyn Executor>> {
        self.0.executor(alias)
    }

    /// Same as [`Scheduler::jobstore`].
    pub fn jobstore(&self, alias: &str) -> Option<Arc<dyn JobStore>> {
        self.0.jobstore(alias)
    }

    /// Same as [`Scheduler::executor_aliases`].
    pub fn executor_aliases(&self) -> Vec<String> {
        self.0.executor_aliases()
    }

    /// Same as [`Scheduler::jobstore_aliases`].
    pub fn jobstore_aliases(&self) -> Vec<String> {
        self.0.jobstore_aliases()
    }

    /// Same as [`Scheduler::add_listener`].
    pub fn add_listener(
        &self,
        mask: EventMask,
        callback: impl Fn(&Event) + Send + Sync + 'static,
    ) -> ListenerId {
        self.0.add_listener(mask, callback)
    }

    /// Same as [`Scheduler::remove_listener`].
    pub fn remove_listener(&self, id: ListenerId) -> bool {
        self.0.remove_listener(id)
    }

    /// Same as [`Scheduler::events`].
    pub fn events(&self, mask: EventMask) -> EventStream {
        self.0.events(mask)
    }

    /// Same as [`Scheduler::insert_extension`].
    pub fn insert_extension<T: Any + Send + Sync>(&self, value: T) {
        self.0.insert_extension(value);
    }

    /// Same as [`Scheduler::extension`].
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.extension()
    }
}

fn async_jobs(jobs: Vec<Job>) -> Vec<AsyncJob> {
    jobs.into_iter().map(AsyncJob::from).collect()
}

impl From<Scheduler> for AsyncScheduler {
    fn from(scheduler: Scheduler) -> Self {
        Self(scheduler)
    }
}
