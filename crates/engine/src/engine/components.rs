//! Adds and removes executors and job stores.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::inbox::Inbox;
use super::lock::lock;
use super::phase::Phase;
use super::phase::already_running;
use super::scheduler::Scheduler;
use super::state::{Engine, Executors, Stores};
use super::store_runner::StoreRunner;
use apscheduler_core::config::Config;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::{Executor, LoopHandle};
use apscheduler_core::registry::{IntoExecutor, IntoJobStore, Registry};
use apscheduler_core::store::JobStore;
use apscheduler_core::{Error, ErrorKind, OnRemove, Result, Shutdown, suggestion};

/// The number of the next store to be added. Numbers are never reused.
static NEXT_STORE: AtomicU32 = AtomicU32::new(0);

impl Scheduler {
    /// Adds an executor: an object, a plugin name, or a
    /// [`ComponentConfig`](apscheduler_core::registry::ComponentConfig). It is started if the
    /// scheduler has been started.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateAlias`]; any error from the plugin.
    pub fn add_executor(&self, alias: &str, executor: impl IntoExecutor) -> Result<()> {
        let executor = executor.into_executor().resolve(&self.0.registry)?;
        loop {
            if self.0.executors().contains_key(alias) {
                return Err(duplicate("executor", alias));
            }
            let start = self.0.present_start(self.0.phase());
            if start.is_some() {
                self.0.start_executor(&executor, alias)?;
            }
            let inserted = self.insert_executor(&executor, alias, start.as_ref());
            if matches!(inserted, Ok(true)) {
                return Ok(());
            }
            if start.is_some() {
                executor.shutdown(Shutdown::Now);
            }
            inserted?;
        }
    }

    /// Adds an executor that was started in `start`, or has not been started if that is `None`.
    /// Returns `false` if the scheduler has been started or shut down since. A start in progress
    /// starts an executor that has not been started.
    pub(super) fn insert_executor(
        &self,
        executor: &Arc<dyn Executor>,
        alias: &str,
        start: Option<&Arc<Inbox>>,
    ) -> Result<bool> {
        let engine = &self.0;
        let alias: Arc<str> = alias.into();
        {
            let phase = lock(&engine.phase);
            if !is_same(engine.present_start(*phase).as_ref(), start) {
                return Ok(false);
            }
            let mut executors = engine.executors.write().unwrap_or_else(PoisonError::into_inner);
            if executors.contains_key(&alias) {
                return Err(duplicate("executor", &alias));
            }
            Arc::make_mut(&mut executors).insert(Arc::clone(&alias), Arc::clone(executor));
            engine.components_added.fetch_add(1, Ordering::SeqCst);
        }
        engine.emit(EventMask::EXECUTOR_ADDED, || Event::ExecutorAdded { alias });
        // Jobs may have been set aside for lack of this executor.
        engine.stores().values().for_each(|store| store.session().backlog_slot().forget());
        engine.request_pass();
        Ok(true)
    }

    /// Removes an executor. [`OnRemove::ShutDown`] shuts it down and waits for its jobs.
    ///
    /// With [`OnRemove::Keep`], any other reference to it remains usable. When the last reference
    /// is dropped, the executors of this project shut down without waiting: queued runs of a thread
    /// pool end as `JOB_ERROR`, and a process pool kills the running jobs.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`].
    pub fn remove_executor(&self, alias: &str, on_remove: OnRemove) -> Result<()> {
        let (alias, executor) = {
            let mut executors = self.0.executors.write().unwrap_or_else(PoisonError::into_inner);
            let removed = Arc::make_mut(&mut executors).remove_entry(alias);
            removed
                .ok_or_else(|| unknown("executor", alias, executors.keys().map(|alias| &**alias)))?
        };
        // No job waits for its room any more. The waiting jobs are scanned again: they have no
        // executor now.
        if self.0.starved.take(&alias, self.0.now()) {
            self.0.request_pass();
        }
        if on_remove == OnRemove::ShutDown {
            executor.shutdown(Shutdown::Wait);
        }
        self.0.emit(EventMask::EXECUTOR_REMOVED, || Event::ExecutorRemoved { alias });
        Ok(())
    }

    /// Adds a job store: an object, a plugin name, or a
    /// [`ComponentConfig`](apscheduler_core::registry::ComponentConfig). It is started if the
    /// scheduler has been started.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateAlias`]; any error from the plugin.
    pub fn add_jobstore(&self, alias: &str, jobstore: impl IntoJobStore) -> Result<()> {
        let runner = new_runner(jobstore.into_job_store().resolve(&self.0.registry)?, alias);
        loop {
            if self.0.stores().contains_key(alias) {
                return Err(duplicate("job store", alias));
            }
            let start = self.0.present_start(self.0.phase());
            if start.is_some()
                && let Err(error) = runner.start(self)
            {
                runner.abandon();
                return Err(error.with_context(format!("job store `{alias}` can't start")));
            }
            let inserted = self.insert_jobstore(&runner, start.as_ref());
            if matches!(inserted, Ok(true)) {
                return Ok(());
            }
            if start.is_some() {
                runner.abandon();
            }
            inserted?;
        }
    }

    /// Adds a job store under the conditions of [`insert_executor`](Self::insert_executor).
    pub(super) fn insert_jobstore(
        &self,
        runner: &Arc<StoreRunner>,
        start: Option<&Arc<Inbox>>,
    ) -> Result<bool> {
        let engine = &self.0;
        let alias = Arc::clone(&runner.alias);
        {
            let phase = lock(&engine.phase);
            if !is_same(engine.present_start(*phase).as_ref(), start) {
                return Ok(false);
            }
            let mut stores = engine.stores.write().unwrap_or_else(PoisonError::into_inner);
            if stores.contains_key(&alias) {
                return Err(duplicate("job store", &alias));
            }
            Arc::make_mut(&mut stores).insert(Arc::clone(&alias), Arc::clone(runner));
            engine.components_added.fetch_add(1, Ordering::SeqCst);
        }
        engine.emit(EventMask::JOBSTORE_ADDED, || Event::JobStoreAdded { alias });
        engine.note_presence_in(runner, self.1.as_deref());
        engine.request_pass();
        Ok(true)
    }

    /// Replaces all executors and stores, and applies `change` atomically with it.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyRunning`] if the scheduler has been started. Nothing changes in that
    /// case.
    pub(super) fn replace_components(
        &self,
        components: Components,
        change: impl FnOnce(),
    ) -> Result<()> {
        let engine = &self.0;
        let Components { executors, stores } = components;
        let (executors, stores) = (Arc::new(executors), Arc::new(stores));
        let before = {
            let phase = lock(&engine.phase);
            if *phase != Phase::Stopped {
                return Err(already_running());
            }
            change();
            (replace(&engine.executors, &executors), replace(&engine.stores, &stores))
        };
        // They are foreign code, so they are dropped outside of the locks.
        drop(before);
        for alias in executors.keys().cloned() {
            engine.emit(EventMask::EXECUTOR_ADDED, || Event::ExecutorAdded { alias });
        }
        for alias in stores.keys().cloned() {
            engine.emit(EventMask::JOBSTORE_ADDED, || Event::JobStoreAdded { alias });
        }
        Ok(())
    }

    /// Removes a job store. [`OnRemove::ShutDown`] closes it.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; any error from closing the store.
    pub fn remove_jobstore(&self, alias: &str, on_remove: OnRemove) -> Result<()> {
        let runner = self.0.take_store(alias).ok_or_else(|| self.0.unknown_store(alias))?;
        runner.stop(true);
        self.0.note_absence(&runner);
        let closed = match on_remove {
            OnRemove::ShutDown => {
                runner.stop_recording();
                runner.store.shutdown()
            }
            OnRemove::Keep => Ok(()),
        };
        let alias = Arc::clone(&runner.alias);
        self.0.emit(EventMask::JOBSTORE_REMOVED, || Event::JobStoreRemoved { alias });
        closed
    }

    /// Opens all job stores read-only at the next start; see
    /// [`JobStore::start_read_only`](apscheduler_core::store::JobStore::start_read_only). Intended
    /// for `start_paused`, in programs that inspect the jobs of other schedulers. Calls that change
    /// jobs fail.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyRunning`] if the scheduler has been started.
    pub fn open_read_only(&self) -> Result<()> {
        self.0.refuse_when_started()?;
        let mut stores = self.0.stores.write().unwrap_or_else(PoisonError::into_inner);
        for runner in Arc::make_mut(&mut stores).values_mut() {
            *runner = Arc::new(runner.read_only());
        }
        Ok(())
    }

    /// Returns the executor with that alias.
    pub fn executor(&self, alias: &str) -> Option<Arc<dyn Executor>> {
        self.0.executors().get(alias).cloned()
    }

    /// Returns the job store with that alias.
    pub fn jobstore(&self, alias: &str) -> Option<Arc<dyn JobStore>> {
        self.0.stores().get(alias).map(|runner| Arc::clone(&runner.store))
    }

    /// Returns the aliases of all executors, sorted.
    pub fn executor_aliases(&self) -> Vec<String> {
        self.0.executors().keys().map(|alias| (**alias).to_owned()).collect()
    }

    /// Returns the aliases of all job stores, sorted.
    pub fn jobstore_aliases(&self) -> Vec<String> {
        self.0.stores().keys().map(|alias| (**alias).to_owned()).collect()
    }
}

impl Engine {
    pub(super) fn start_executor(
        self: &Arc<Self>,
        executor: &Arc<dyn Executor>,
        alias: &str,
    ) -> Result<()> {
        executor.attach(&LoopHandle::new(self.inbox()));
        executor.start(alias)
    }

    fn take_store(&self, alias: &str) -> Option<Arc<StoreRunner>> {
        let mut stores = self.stores.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut stores).remove(alias)
    }

    pub(super) fn unknown_store(&self, alias: &str) -> Error {
        unknown("job store", alias, self.stores().keys().map(|alias| &**alias))
    }
}

/// The executors and stores named in a configuration.
pub(super) struct Components {
    executors: Executors,
    stores: Stores,
}

impl Components {
    pub(super) fn of(config: &Config, registry: &Registry) -> Result<Self> {
        let (mut executors, mut stores) = (Executors::new(), Stores::new());
        for (alias, source) in config.executors() {
            let within = |error: Error| error.with_context(format!("executors.{alias}"));
            if executors.insert(alias.into(), source.resolve(registry).map_err(within)?).is_some() {
                return Err(duplicate("executor", alias));
            }
        }
        for (alias, source) in config.jobstores() {
            let within = |error: Error| error.with_context(format!("jobstores.{alias}"));
            let runner = new_runner(source.resolve(registry).map_err(within)?, alias);
            if stores.insert(alias.into(), runner).is_some() {
                return Err(duplicate("job store", alias));
            }
        }
        Ok(Self { executors, stores })
    }
}

/// The components that a start has started so far.
#[derive(Default)]
pub(super) struct Startup {
    executors: Vec<(Arc<str>, Arc<dyn Executor>)>,
    stores: Vec<Arc<StoreRunner>>,
}

impl Startup {
    /// Starts the executors and stores that have not been started yet.
    pub(super) fn start_new(&mut self, scheduler: &Scheduler) -> Result<()> {
        let engine = &scheduler.0;
        for (alias, executor) in &*engine.executors() {
            let is_this = |(name, other): &(Arc<str>, Arc<dyn Executor>)| {
                name == alias && Arc::ptr_eq(other, executor)
            };
            if self.executors.iter().any(is_this) {
                continue;
            }
            self.executors.push((Arc::clone(alias), Arc::clone(executor)));
            engine
                .start_executor(executor, alias)
                .map_err(|error| error.with_context(format!("executor `{alias}` can't start")))?;
            if !engine.executors().get(alias).is_some_and(|now| Arc::ptr_eq(now, executor)) {
                // It was removed in the meantime.
                executor.shutdown(Shutdown::Now);
            }
        }
        for (alias, runner) in &*engine.stores() {
            if self.stores.iter().any(|other| Arc::ptr_eq(other, runner)) {
                continue;
            }
            self.stores.push(Arc::clone(runner));
            runner
                .start(scheduler)
                .map_err(|error| error.with_context(format!("job store `{alias}` can't start")))?;
            if !engine.stores().get(alias).is_some_and(|now| Arc::ptr_eq(now, runner)) {
                runner.abandon();
            }
        }
        Ok(())
    }
}

/// Returns a runner for a store with this alias that has not been started.
pub(super) fn new_runner(store: Arc<dyn JobStore>, alias: &str) -> Arc<StoreRunner> {
    let number = NEXT_STORE.fetch_add(1, Ordering::Relaxed);
    Arc::new(StoreRunner::new(alias.into(), number, store))
}

fn is_same(left: Option<&Arc<Inbox>>, right: Option<&Arc<Inbox>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => Arc::ptr_eq(left, right),
        (left, right) => left.is_none() && right.is_none(),
    }
}

fn replace<T>(place: &RwLock<Arc<T>>, value: &Arc<T>) -> Arc<T> {
    let mut place = place.write().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut *place, Arc::clone(value))
}

fn duplicate(what: &str, alias: &str) -> Error {
    Error::new(ErrorKind::DuplicateAlias, format!("this scheduler already has {what} `{alias}`"))
}

fn unknown<'a>(what: &str, alias: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let hint = suggestion::hint(alias, &format!("{what}s of this scheduler"), known);
    Error::new(ErrorKind::UnknownAlias, format!("no {what} has the alias `{alias}`{hint}"))
}
