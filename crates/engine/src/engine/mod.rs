//! The scheduler that all scheduler types share.

mod backlog;
mod call;
mod clock_watch;
mod components;
mod decide;
mod deciding;
mod declared;
mod dispatch;
mod distant;
mod event_loop;
mod event_stream;
mod extensions;
mod host;
mod inbox;
mod instances;
mod job_calls;
mod lifecycle;
mod listeners;
mod listing;
mod pending;
mod process;
mod read_only;
mod restored;
mod starved;
mod store_closing;
mod store_runner;
mod store_session;
mod transfer;
mod unseen;
mod zone;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

pub use call::Call;
pub(crate) use event_loop::in_thread;
pub use event_loop::{BlockingCall, EventLoop, LoopDriver};
pub use event_stream::EventStream;
pub use host::JobContextExt;
pub use listeners::ListenerId;
pub use read_only::ReadOnlyJobStore;

use apscheduler_core::Extensions;
use apscheduler_core::executor::Executor;
use apscheduler_core::job::JobDefaults;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::{Clock, Timestamp, Zone};
use apscheduler_core::trigger::TriggerContext;
use clock_watch::ClockWatch;
use inbox::Inbox;
use instances::Instances;
use listeners::Listeners;
use pending::PendingJobs;
use starved::Starved;
use store_runner::StoreRunner;
use zone::SchedulerZone;

/// The state of a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulerState {
    /// It has not been started, or has been shut down.
    Stopped,
    /// It has been started and processes jobs.
    Running,
    /// It has been started and processes no jobs until it is resumed.
    Paused,
}

/// A handle to a scheduler, with all methods except starting, which belongs to the scheduler type.
/// Clones refer to the same scheduler.
///
/// The methods are those of APScheduler's `BaseScheduler`, and all of them may be called within a
/// job or a listener. Times are in UTC; text dates are read in the scheduler's zone.
#[derive(Clone)]
pub struct Scheduler(Arc<Engine>);

pub(crate) struct Engine {
    registry: Registry,
    clock: Arc<dyn Clock>,
    event_loop: Arc<dyn EventLoop>,
    /// The work that waits for a turn of the loop; a new one for each start.
    inbox: RwLock<Arc<Inbox>>,
    /// The last loop ended without a shutdown.
    lost: Mutex<bool>,
    /// The owner was dropped during a start.
    abandoned: Mutex<bool>,
    settings: RwLock<Settings>,
    clock_watch: ClockWatch,
    /// When the scheduler began to process jobs: at the start, or when it was resumed.
    running_since: Mutex<Timestamp>,
    phase: Mutex<Phase>,
    /// The number of executors and stores ever added. Changed under the lock of `phase`.
    components_added: AtomicU64,
    phase_changed: Condvar,
    executors: RwLock<Arc<Executors>>,
    stores: RwLock<Arc<Stores>>,
    pending: Mutex<PendingJobs>,
    listeners: Listeners,
    instances: Arc<Instances>,
    starved: Starved,
    extensions: Extensions,
}

type Executors = BTreeMap<Arc<str>, Arc<dyn Executor>>;
type Stores = BTreeMap<Arc<str>, Arc<StoreRunner>>;

#[derive(Clone, Debug)]
struct Settings {
    timezone: SchedulerZone,
    retry_interval: Duration,
    job_defaults: JobDefaults,
}

/// The state of a scheduler, in finer steps than [`SchedulerState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Stopped,
    Starting,
    Running,
    Paused,
    Stopping,
}

/// Locks a mutex, ignoring poisoning: no critical section of the engine calls foreign code, so the
/// data is consistent even after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler {
    /// Returns a scheduler on this event loop.
    pub fn new(registry: Registry, clock: Arc<dyn Clock>, event_loop: Arc<dyn EventLoop>) -> Self {
        let engine = Arc::new(Engine {
            registry,
            running_since: Mutex::new(clock.now()),
            clock,
            event_loop,
            inbox: RwLock::default(),
            lost: Mutex::default(),
            abandoned: Mutex::default(),
            settings: RwLock::new(Settings {
                timezone: SchedulerZone::local(),
                retry_interval: Duration::from_secs(10),
                job_defaults: JobDefaults::default(),
            }),
            clock_watch: ClockWatch::default(),
            phase: Mutex::new(Phase::Stopped),
            components_added: AtomicU64::new(0),
            phase_changed: Condvar::new(),
            executors: RwLock::default(),
            stores: RwLock::default(),
            pending: Mutex::default(),
            listeners: Listeners::default(),
            instances: Arc::default(),
            starved: Starved::default(),
            extensions: Extensions::default(),
        });
        let moved = Arc::downgrade(&engine);
        engine.clock.on_moved(Arc::new(move || {
            if let Some(engine) = moved.upgrade() {
                engine.wake();
            }
        }));
        Self(engine)
    }

    /// Returns another handle to the scheduler. The scheduler is shut down when its owner is
    /// dropped, even if handles remain.
    pub fn handle(&self) -> Self {
        self.clone()
    }

    /// Returns the registry of plugins and functions.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Returns the scheduler's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Returns the default zone of triggers and text dates. If it is the machine's zone and can't
    /// be determined, this is UTC, and the scheduler does not start.
    pub fn timezone(&self) -> Zone {
        self.0.settings().timezone.zone()
    }

    /// Returns the defaults for options that a job does not set.
    pub fn job_defaults(&self) -> JobDefaults {
        self.0.settings().job_defaults
    }

    /// Returns the state of the scheduler.
    pub fn state(&self) -> SchedulerState {
        match self.0.phase() {
            Phase::Stopped | Phase::Starting => SchedulerState::Stopped,
            Phase::Paused => SchedulerState::Paused,
            Phase::Running | Phase::Stopping => SchedulerState::Running,
        }
    }

    /// Returns the number of queued and running instances of jobs, on all executors, including
    /// those of removed executors and finished jobs.
    pub fn instances(&self) -> usize {
        self.0.instances.taken()
    }

    /// Returns whether the scheduler has been started: short for `state() !=
    /// SchedulerState::Stopped`.
    pub fn running(&self) -> bool {
        self.state() != SchedulerState::Stopped
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Engine {
    fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn phase(&self) -> Phase {
        *lock(&self.phase)
    }

    fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn executors(&self) -> Arc<Executors> {
        Arc::clone(&self.executors.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn stores(&self) -> Arc<Stores> {
        Arc::clone(&self.stores.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn trigger_context(&self) -> TriggerContext<'_> {
        TriggerContext::new(&self.registry, self.settings().timezone.zone(), &*self.clock)
    }

    fn wake(&self) {
        self.inbox().wake();
    }

    /// Causes another pass over every store.
    fn look_again(&self) {
        for store in self.stores().values() {
            store.mark_changed();
        }
        self.wake();
    }
}
