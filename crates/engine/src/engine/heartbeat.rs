//! Makes the steps of a pulse between a start and the shutdown: on a thread of its own, or in the turns of the event loop.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use apscheduler_core::{Error, ErrorKind, Result};

use super::lock::lock;
use super::pulse::{Patient, Pulse};

/// The heartbeat of a store's owner.
pub(super) enum Heartbeat {
    /// Of a ledger that does I/O.
    InThread { stop: Arc<Stop>, thread: Mutex<Option<JoinHandle<()>>> },
    /// Of any other ledger. It is taken out for a step, so that no lock is held meanwhile.
    InTurns(Mutex<Option<Box<Pulse>>>),
}

#[derive(Default)]
pub(super) struct Stop {
    state: Mutex<StopState>,
    changed: Condvar,
}

#[derive(Default)]
struct StopState {
    is_stopped: bool,
    /// Somebody waits for the next step.
    is_asked: bool,
}

impl Heartbeat {
    /// Starts the thread if the ledger does I/O.
    ///
    /// # Errors
    /// [`ErrorKind::Other`] if no thread can be started.
    pub(super) fn start(patient: Patient, blocking: bool) -> Result<Self> {
        let mut pulse = Pulse::new(patient);
        if !blocking {
            return Ok(Self::InTurns(Mutex::new(Some(Box::new(pulse)))));
        }
        let stop = Arc::new(Stop::default());
        let stopped = Arc::clone(&stop);
        let name = format!("apscheduler-heartbeat-{}", pulse.alias());
        let work = move || {
            while stopped.wait(pulse.step()) {}
            pulse.end();
        };
        let thread = std::thread::Builder::new().name(name).spawn(work).map_err(|error| {
            Error::new(ErrorKind::Other, "can't start a thread").with_source(error)
        })?;
        Ok(Self::InThread { stop, thread: Mutex::new(Some(thread)) })
    }

    /// Does what is due, unless a thread does it. Returns when to call again.
    pub(super) fn turn(&self) -> Option<Duration> {
        let Self::InTurns(slot) = self else { return None };
        let mut pulse = lock(slot).take()?;
        let wait = pulse.step();
        *lock(slot) = Some(pulse);
        Some(wait)
    }

    /// Asks the thread to make a step soon. Returns `false` if there is none: turns make the steps.
    pub(super) fn ask(&self) -> bool {
        let Self::InThread { stop, .. } = self else { return false };
        lock(&stop.state).is_asked = true;
        stop.changed.notify_all();
        true
    }

    /// Ends the heartbeat. The last sign of life says that the owner was shut down.
    pub(super) fn stop(&self) {
        let (stop, thread) = match self {
            Self::InThread { stop, thread } => (stop, thread),
            Self::InTurns(pulse) => {
                let pulse = lock(pulse).take();
                if let Some(pulse) = pulse {
                    pulse.end();
                }
                return;
            }
        };
        lock(&stop.state).is_stopped = true;
        stop.changed.notify_all();
        let thread = lock(thread).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a heartbeat panicked");
        }
    }
}

impl Stop {
    /// Waits. Returns `false` if the heartbeat was stopped.
    fn wait(&self, time: Duration) -> bool {
        let is_idle = |state: &mut StopState| !state.is_stopped && !state.is_asked;
        let waited = self.changed.wait_timeout_while(lock(&self.state), time, is_idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.is_asked = false;
        !state.is_stopped
    }
}
