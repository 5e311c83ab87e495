//! The state that all handles to a scheduler share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

use apscheduler_core::Extensions;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::Executor;
use apscheduler_core::job::JobDefaults;
use apscheduler_core::ledger::{History, Retention};
use apscheduler_core::registry::Registry;
use apscheduler_core::run::Owner;
use apscheduler_core::time::{Clock, Timestamp};
use apscheduler_core::trigger::TriggerContext;

use super::buffers::Buffers;
use super::clock_watch::ClockWatch;
use super::deadlines::Deadlines;
use super::event_loop::EventLoop;
use super::inbox::{Inbox, Pushed};
use super::instances::Instances;
use super::listeners::Listeners;
use super::lock::lock;
use super::owner::new_owner;
use super::pending::PendingJobs;
use super::phase::Phase;
use super::recorders::Recorders;
use super::running::RunningRuns;
use super::starved::Starved;
use super::store_runner::StoreRunner;
use super::zone::SchedulerZone;

/// The state that all handles to a scheduler share.
pub(crate) struct Engine {
    pub(super) registry: Registry,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) event_loop: Arc<dyn EventLoop>,
    /// The work that waits for a turn of the loop; a new one for each start.
    pub(super) inbox: RwLock<Arc<Inbox>>,
    /// The last loop ended without a shutdown.
    pub(super) lost: Mutex<bool>,
    /// When the loop last made a turn, in the time of [`Clock::elapsed`].
    pub(super) last_turn: Mutex<Option<Duration>>,
    /// The owner was dropped during a start.
    pub(super) abandoned: Mutex<bool>,
    pub(super) settings: RwLock<Settings>,
    pub(super) clock_watch: ClockWatch,
    /// When the scheduler began to process jobs: at the start, or when it was resumed.
    pub(super) running_since: Mutex<Timestamp>,
    pub(super) phase: Mutex<Phase>,
    /// It never processes jobs: it can't be resumed.
    pub(super) never_processes: AtomicBool,
    /// The number of executors and stores ever added. Changed under the lock of `phase`.
    pub(super) components_added: AtomicU64,
    pub(super) phase_changed: Condvar,
    pub(super) executors: RwLock<Arc<Executors>>,
    pub(super) stores: RwLock<Arc<Stores>>,
    pub(super) pending: Mutex<PendingJobs>,
    pub(super) listeners: Listeners,
    pub(super) instances: Instances,
    pub(super) running: RunningRuns,
    pub(super) starved: Starved,
    pub(super) extensions: Extensions,
    /// A new one for each start.
    pub(super) owner: Mutex<Arc<Owner>>,
    pub(super) recorders: Recorders,
    /// The claimed runs that wait for an instance of their job to end.
    pub(super) buffers: Buffers,
    pub(super) deadlines: Deadlines,
}

pub(super) type Executors = BTreeMap<Arc<str>, Arc<dyn Executor>>;
pub(super) type Stores = BTreeMap<Arc<str>, Arc<StoreRunner>>;

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) timezone: SchedulerZone,
    pub(super) retry_interval: Duration,
    pub(super) job_defaults: JobDefaults,
    /// `None`: all runs of durable stores.
    pub(super) history: Option<History>,
    pub(super) lease: Duration,
    pub(super) retention: Retention,
}

impl Engine {
    pub(super) fn new(
        registry: Registry,
        clock: Arc<dyn Clock>,
        event_loop: Arc<dyn EventLoop>,
    ) -> Arc<Self> {
        let engine = Arc::new(Self {
            registry,
            running_since: Mutex::new(clock.now()),
            clock,
            event_loop,
            inbox: RwLock::default(),
            lost: Mutex::default(),
            last_turn: Mutex::default(),
            never_processes: AtomicBool::default(),
            abandoned: Mutex::default(),
            settings: RwLock::new(Settings {
                timezone: SchedulerZone::local(),
                retry_interval: Duration::from_secs(10),
                job_defaults: JobDefaults::default(),
                history: None,
                lease: Duration::from_secs(60),
                retention: Retention::default(),
            }),
            clock_watch: ClockWatch::default(),
            phase: Mutex::new(Phase::Stopped),
            components_added: AtomicU64::new(0),
            phase_changed: Condvar::new(),
            executors: RwLock::default(),
            stores: RwLock::default(),
            pending: Mutex::default(),
            listeners: Listeners::default(),
            instances: Instances::default(),
            running: RunningRuns::default(),
            starved: Starved::default(),
            extensions: Extensions::default(),
            owner: Mutex::new(new_owner()),
            recorders: Recorders::default(),
            buffers: Buffers::default(),
            deadlines: Deadlines::default(),
        });
        let moved = Arc::downgrade(&engine);
        engine.clock.on_moved(Arc::new(move || {
            if let Some(engine) = moved.upgrade() {
                engine.wake();
            }
        }));
        engine
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn phase(&self) -> Phase {
        *lock(&self.phase)
    }

    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn executors(&self) -> Arc<Executors> {
        Arc::clone(&self.executors.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn stores(&self) -> Arc<Stores> {
        Arc::clone(&self.stores.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn owner(&self) -> Arc<Owner> {
        Arc::clone(&lock(&self.owner))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn trigger_context(&self) -> TriggerContext<'_> {
        TriggerContext::new(&self.registry, self.settings().timezone.zone(), &*self.clock)
    }

    pub(super) fn wake(&self) {
        self.inbox().wake();
    }

    /// Causes another pass over every store.
    pub(super) fn request_pass(&self) {
        for store in self.stores().values() {
            store.mark_changed();
        }
        self.wake();
    }

    /// Tells the listeners of an event, on the loop if it takes listeners.
    pub(super) fn emit(&self, code: EventMask, event: impl FnOnce() -> Event) {
        if !self.listeners.wants(code) {
            return;
        }
        let event = event();
        if !self.event_loop.takes_listeners() {
            return self.listeners.dispatch(&event);
        }
        let inbox = self.inbox();
        match inbox.push_event(event) {
            Pushed::Waits => inbox.wake(),
            Pushed::Deliver => inbox.deliver(|event| self.listeners.dispatch(event)),
            Pushed::Refused(event) => self.listeners.dispatch(&event),
        }
    }
}
