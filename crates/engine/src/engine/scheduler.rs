//! The handle to a scheduler.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::job::JobDefaults;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::{Clock, Zone};

use super::event_loop::EventLoop;
use super::phase::{Phase, SchedulerState};
use super::state::Engine;

/// A handle to a scheduler, with all methods except starting, which belongs to the scheduler type.
/// Clones refer to the same scheduler.
///
/// The methods are those of APScheduler's `BaseScheduler`, and all of them may be called within a
/// job or a listener. Times are in UTC; text dates are read in the scheduler's zone.
#[derive(Clone)]
pub struct Scheduler(
    pub(super) Arc<Engine>,
    /// Who acts, for the records of changes. `None`: the program.
    pub(super) Option<Arc<str>>,
);

impl Scheduler {
    /// Returns a scheduler on this event loop.
    pub fn new(registry: Registry, clock: Arc<dyn Clock>, event_loop: Arc<dyn EventLoop>) -> Self {
        Self::of(Engine::new(registry, clock, event_loop))
    }

    /// Returns a handle to this engine.
    pub(super) fn of(engine: Arc<Engine>) -> Self {
        Self(engine, None)
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
