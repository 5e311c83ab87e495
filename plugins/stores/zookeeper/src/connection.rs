//! The connection to the server: calls, each with a time limit.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use apscheduler_core::Result;
use apscheduler_core::executor::CancellationToken;
use apscheduler_plugin_kit::store::{shut_down, wait_until};
use futures_util::future::{Either, select};

use crate::address::Config;
use crate::failure::{Attempt, Failure};
use crate::names::STORE_NAME;
use crate::session::Session;

/// The connection of a started store. It connects again when it has to.
#[derive(Debug)]
pub(crate) struct Connection {
    config: Config,
    thread_name: String,
    interrupted: CancellationToken,
    session: Mutex<Option<Arc<Session>>>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(config: &Config, alias: &str) -> Result<Self> {
        let thread_name = format!("apscheduler-zookeeper-{alias}");
        let (config, interrupted) = (config.clone(), CancellationToken::new());
        let session = Session::connect(&config, &thread_name, &interrupted)?;
        let session = Mutex::new(Some(Arc::new(session)));
        Ok(Self { config, thread_name, interrupted, session })
    }

    /// Returns a session with a connection.
    pub(crate) fn session(&self) -> Result<Arc<Session>> {
        let before = self.slot().clone();
        if let Some(session) = before {
            if session.is_connected() {
                return Ok(session);
            }
            self.forget(&session);
        }
        let session = Session::connect(&self.config, &self.thread_name, &self.interrupted)?;
        let session = Arc::new(session);
        // Dropped after the lock is released.
        let _before = self.slot().replace(Arc::clone(&session));
        if self.interrupted.is_cancelled() {
            // A shutdown does not see it.
            self.forget(&session);
            return Err(shut_down().with_plugin(STORE_NAME));
        }
        Ok(session)
    }

    /// Runs a call. If the connection is lost while something is read, it is repeated once with another connection.
    ///
    /// Whatever others have written before is read, also by another server of the ensemble.
    pub(crate) fn run<T>(&self, mut work: impl AsyncFnMut(&Session) -> Attempt<T>) -> Attempt<T> {
        match self.attempt(&mut work) {
            Err(Failure::Lost(_)) if !self.interrupted.is_cancelled() => self.attempt(&mut work),
            done => done,
        }
    }

    fn attempt<T>(&self, work: &mut impl AsyncFnMut(&Session) -> Attempt<T>) -> Attempt<T> {
        let session = self.session()?;
        // Sent before all that follows, which is executed after it.
        drop(session.client.sync(&self.config.path));
        let done = self.wait(work(&session));
        if matches!(done, Err(Failure::Lost(_) | Failure::Doubt(_) | Failure::NoAnswer)) {
            self.forget(&session);
        }
        match done {
            Err(Failure::Lost(_) | Failure::Doubt(_)) if self.interrupted.is_cancelled() => {
                Err(shut_down().with_plugin(STORE_NAME).into())
            }
            done => done,
        }
    }

    /// Waits for the end of a call.
    fn wait<T>(&self, call: impl Future<Output = Attempt<T>>) -> Attempt<T> {
        let deadline = Instant::now() + self.config.timeout;
        match wait_until(deadline, select(pin!(call), self.interrupted.cancelled())) {
            Some(Either::Left((done, _))) => done,
            Some(Either::Right(_)) => Err(shut_down().with_plugin(STORE_NAME).into()),
            None => Err(Failure::NoAnswer),
        }
    }

    /// Ends a session that has failed.
    fn forget(&self, session: &Arc<Session>) {
        {
            let mut slot = self.slot();
            if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
                *slot = None;
            }
        }
        session.end();
    }

    /// Interrupts all calls, refuses new ones, and disconnects.
    pub(crate) fn interrupt(&self) {
        self.interrupted.cancel();
        let session = self.slot().take();
        match session.map(Arc::try_unwrap) {
            Some(Ok(session)) => session.close(),
            Some(Err(shared)) => shared.end(),
            None => {}
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
