//! A store of a scheduler.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::closing::Closing;
use super::followers::Followers;
use super::heartbeat::Heartbeat;
use super::lock::lock;
use super::open_rows::OpenRows;
use super::owner::new_owner;
use super::phase::Presence;
use super::read_only::ReadOnlyJobStore;
use super::recorder::Recorder;
use super::restored::RestoredJobs;
use super::store_session::Session;
use super::unseen::Unseen;
use apscheduler_core::job::JobKey;
use apscheduler_core::ledger::{History, Reason};
use apscheduler_core::run::Owner;
use apscheduler_core::store::{JobStore, StoreCapabilities};
use apscheduler_core::time::Timestamp;

/// A store with its alias and the state of its passes.
///
/// One thread at a time makes a pass over the store. A store that does I/O has its own thread, so
/// that it delays neither the event loop nor other stores.
pub(super) struct StoreRunner {
    pub(super) alias: Arc<str>,
    /// A number that identifies the store where the alias is not needed.
    pub(super) number: u32,
    pub(super) store: Arc<dyn JobStore>,
    pub(super) capabilities: StoreCapabilities,
    /// Nothing is claimed from it and nothing is recorded in it.
    pub(super) is_read_only: bool,
    /// A new one for each start, so that a pass that outlives a shutdown can't take part in the
    /// next start.
    pub(super) session: Mutex<Arc<Session>>,
    pub(super) closing: Arc<Closing>,
    pub(super) restored: RestoredJobs,
    /// The records that were reported as broken.
    pub(super) broken: Mutex<HashMap<Arc<str>, Broken>>,
    /// Records its runs, between a start and the shutdown.
    pub(super) recorder: Mutex<Option<Arc<Recorder>>>,
    pub(super) heartbeat: Mutex<Option<Arc<Heartbeat>>>,
    /// The open runs in its ledger.
    pub(super) open: OpenRows,
    /// The jobs that follow others.
    pub(super) followers: Arc<Followers>,
    /// What was recorded of this scheduler.
    pub(super) presence: Mutex<Presence>,
    /// The owner of the runs that are claimed from the store.
    pub(super) owner: Arc<Mutex<Arc<Owner>>>,
}

/// A record that was reported as broken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    /// The revision reported.
    pub(super) revision: u64,
    /// Why its job can't run.
    pub(super) reason: Reason,
}

impl StoreRunner {
    pub(super) fn new(alias: Arc<str>, number: u32, store: Arc<dyn JobStore>) -> Self {
        Self {
            alias,
            number,
            capabilities: store.capabilities(),
            store,
            is_read_only: false,
            session: Mutex::new(Arc::new(Session::ended())),
            closing: Arc::default(),
            restored: RestoredJobs::default(),
            broken: Mutex::default(),
            recorder: Mutex::default(),
            heartbeat: Mutex::default(),
            open: OpenRows::default(),
            followers: Arc::default(),
            presence: Mutex::default(),
            owner: Arc::new(Mutex::new(new_owner())),
        }
    }

    /// Returns a runner for the same store, opened read-only.
    pub(super) fn read_only(&self) -> Self {
        let store = Arc::new(ReadOnlyJobStore::new(Arc::clone(&self.store)));
        let runner = Self::new(Arc::clone(&self.alias), self.number, store);
        Self { is_read_only: true, ..runner }
    }

    pub(super) fn owner(&self) -> Arc<Owner> {
        Arc::clone(&lock(&self.owner))
    }

    pub(super) fn session(&self) -> Arc<Session> {
        Arc::clone(&lock(&self.session))
    }

    /// Returns which runs of the jobs in this store are recorded: as configured, or all if the store
    /// is durable.
    pub(super) fn history(&self, configured: Option<History>) -> History {
        let default = if self.capabilities.durable { History::All } else { History::Off };
        configured.unwrap_or(default)
    }

    /// Stops passes. With `wait`, it returns when none is in progress, unless it is called within
    /// one.
    pub(super) fn stop(&self, wait: bool) {
        self.session().stop(&self.alias, wait);
    }

    /// Stops and closes a store that is not, or no longer, part of the scheduler.
    pub(super) fn abandon(&self) {
        self.stop(true);
        self.close();
    }

    /// Returns the run times that the current pass is the first to see.
    pub(super) fn unseen(&self) -> Unseen {
        if self.capabilities.shared { self.session().state().unseen } else { Unseen::default() }
    }

    /// Notes that the store has changed.
    pub(super) fn mark_changed(&self) {
        self.session().state().dirty = true;
    }

    /// Notes that a job was written.
    pub(super) fn mark_written(&self, id: &Arc<str>, next_run_time: Option<Timestamp>) {
        if let Some(time) = next_run_time {
            self.session().backlog_slot().written(id, time);
        }
    }

    /// Causes the next pass to look for jobs that wait much longer than their triggers specify.
    pub(super) fn look_for_distant_jobs(&self) {
        let session = self.session();
        let mut state = session.state();
        state.look_for_distant = true;
        state.dirty = true;
    }

    /// Returns the key of a job in this store.
    pub(super) fn job_key(&self, job_id: &Arc<str>) -> JobKey {
        JobKey::in_store(Arc::clone(&self.alias), Arc::clone(job_id))
    }
}
