//! Executors and stores come and go.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};

use super::store_runner::StoreRunner;
use super::{Engine, LoopHandle, Scheduler};
use crate::event::{Event, EventMask};
use crate::executor::Executor;
use crate::registry::{IntoExecutor, IntoJobStore};
use crate::store::JobStore;
use crate::{Error, ErrorKind, Result, suggestion};

/// Every store that was ever added has a number of its own.
static NEXT_STORE: AtomicU32 = AtomicU32::new(0);

impl Scheduler {
    /// Adds an executor: an object, a plugin name, or a [`ComponentConfig`](crate::registry::ComponentConfig). It is
    /// started if the scheduler is.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateAlias`]; what the plugin says.
    pub fn add_executor(&self, executor: impl IntoExecutor, alias: &str) -> Result<()> {
        let executor = executor.into_executor().resolve(&self.0.registry)?;
        if self.0.executors().contains_key(alias) {
            return Err(duplicate("executor", alias));
        }
        let started = self.running();
        if started {
            self.0.start_executor(&executor, alias)?;
        }
        let inserted = self.insert_executor(Arc::clone(&executor), alias);
        if inserted.is_err() && started {
            executor.shutdown(false);
        }
        inserted
    }

    pub(super) fn insert_executor(&self, executor: Arc<dyn Executor>, alias: &str) -> Result<()> {
        let alias: Arc<str> = alias.into();
        {
            let mut executors = self.0.executors.write().unwrap_or_else(PoisonError::into_inner);
            if executors.contains_key(&alias) {
                return Err(duplicate("executor", &alias));
            }
            Arc::make_mut(&mut executors).insert(Arc::clone(&alias), executor);
        }
        self.0.emit(EventMask::EXECUTOR_ADDED, || Event::ExecutorAdded { alias });
        self.0.look_again();
        Ok(())
    }

    /// Removes an executor, and with `shutdown` shuts it down and waits for its jobs.
    ///
    /// Without `shutdown` it is let go. Who has another reference to it may go on using it. When the last reference goes,
    /// the executors of this project shut down without waiting: runs that wait in the queue of a thread pool end as
    /// `JOB_ERROR`, and a process pool ends the jobs that run.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`].
    pub fn remove_executor(&self, alias: &str, shutdown: bool) -> Result<()> {
        let (alias, executor) = {
            let mut executors = self.0.executors.write().unwrap_or_else(PoisonError::into_inner);
            let removed = Arc::make_mut(&mut executors).remove_entry(alias);
            removed
                .ok_or_else(|| unknown("executor", alias, executors.keys().map(|alias| &**alias)))?
        };
        // Nobody waits for its room any more. What waited is looked at again: it has no executor now.
        if self.0.starved.take(&alias) {
            self.0.look_again();
        }
        if shutdown {
            executor.shutdown(true);
        }
        self.0.emit(EventMask::EXECUTOR_REMOVED, || Event::ExecutorRemoved { alias });
        Ok(())
    }

    /// Adds a job store: an object, a plugin name, or a [`ComponentConfig`](crate::registry::ComponentConfig). It is
    /// started if the scheduler is.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateAlias`]; what the plugin says.
    pub fn add_jobstore(&self, jobstore: impl IntoJobStore, alias: &str) -> Result<()> {
        let store = jobstore.into_job_store().resolve(&self.0.registry)?;
        let runner = self.insert_jobstore(store, alias)?;
        if self.running() {
            if let Err(error) = runner.start(self) {
                self.0.take_store(alias);
                return Err(error.with_context(format!("job store `{alias}` can't start")));
            }
            self.0.look_again();
        }
        Ok(())
    }

    pub(super) fn insert_jobstore(
        &self,
        store: Arc<dyn JobStore>,
        alias: &str,
    ) -> Result<Arc<StoreRunner>> {
        let alias: Arc<str> = alias.into();
        let number = NEXT_STORE.fetch_add(1, Ordering::Relaxed);
        let runner = Arc::new(StoreRunner::new(Arc::clone(&alias), number, store));
        {
            let mut stores = self.0.stores.write().unwrap_or_else(PoisonError::into_inner);
            if stores.contains_key(&alias) {
                return Err(duplicate("job store", &alias));
            }
            Arc::make_mut(&mut stores).insert(Arc::clone(&alias), Arc::clone(&runner));
        }
        self.0.emit(EventMask::JOBSTORE_ADDED, || Event::JobStoreAdded { alias });
        Ok(runner)
    }

    /// Removes a job store, and with `shutdown` closes it.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`]; what the store says when it is closed.
    pub fn remove_jobstore(&self, alias: &str, shutdown: bool) -> Result<()> {
        let runner = self.0.take_store(alias).ok_or_else(|| self.0.unknown_store(alias))?;
        runner.stop(true);
        let closed = if shutdown { runner.store.shutdown() } else { Ok(()) };
        let alias = Arc::clone(&runner.alias);
        self.0.emit(EventMask::JOBSTORE_REMOVED, || Event::JobStoreRemoved { alias });
        closed
    }

    /// The executor with that alias.
    pub fn executor(&self, alias: &str) -> Option<Arc<dyn Executor>> {
        self.0.executors().get(alias).cloned()
    }

    /// The job store with that alias.
    pub fn jobstore(&self, alias: &str) -> Option<Arc<dyn JobStore>> {
        self.0.stores().get(alias).map(|runner| Arc::clone(&runner.store))
    }

    /// The aliases of all executors, sorted.
    pub fn executor_aliases(&self) -> Vec<String> {
        self.0.executors().keys().map(|alias| (**alias).to_owned()).collect()
    }

    /// The aliases of all job stores, sorted.
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
        executor.attach(&LoopHandle::new(self));
        executor.start(alias)
    }

    pub(super) fn clear_components(&self) {
        *self.executors.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        *self.stores.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }

    fn take_store(&self, alias: &str) -> Option<Arc<StoreRunner>> {
        let mut stores = self.stores.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut stores).remove(alias)
    }

    pub(super) fn unknown_store(&self, alias: &str) -> Error {
        unknown("job store", alias, self.stores().keys().map(|alias| &**alias))
    }
}

fn duplicate(what: &str, alias: &str) -> Error {
    Error::new(ErrorKind::DuplicateAlias, format!("this scheduler has {what} `{alias}` already"))
}

fn unknown<'a>(what: &str, alias: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let hint = suggestion::hint(alias, &format!("{what}s of this scheduler"), known);
    Error::new(ErrorKind::UnknownAlias, format!("no {what} has the alias `{alias}`{hint}"))
}
