//! The connections of a store: each call has one to itself, so that a claim that hangs holds up nobody.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind, Result};
use futures_util::future::join;
use tokio::runtime::Handle;
use tokio_postgres::Client;

use crate::WHAT;
use crate::connection::{Connection, Connector};
use crate::failure::Failure;
use crate::wait::wait_until;

/// How often a transaction that others made the server roll back is tried again.
const CONFLICTS: usize = 5;

/// How long the server may be silent beyond its own limit for a statement.
const GRACE: Duration = Duration::from_secs(5);

/// How every transaction begins. Whether it may write is up to the server.
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) connector: Connector,
    runtime: Handle,
    size: usize,
    /// How long a call waits for a connection.
    timeout: Duration,
    slots: Mutex<Slots>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Slots {
    idle: Vec<Connection>,
    used: usize,
}

/// A connection that one call has to itself. Dropping it closes the connection: what it was in the middle of, if
/// anything, is rolled back.
#[derive(Debug)]
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
    /// It was idle before, so it may have died since.
    reused: bool,
}

impl Pool {
    pub(crate) fn new(
        connector: Connector,
        runtime: Handle,
        size: usize,
        timeout: Duration,
    ) -> Self {
        let (slots, freed) = (Mutex::default(), Condvar::new());
        Self { connector, runtime, size, timeout, slots, freed }
    }

    /// Reads, outside of a transaction.
    pub(crate) fn read<T>(
        &self,
        task: &str,
        mut work: impl AsyncFnMut(&Client) -> Result<T, Failure>,
    ) -> Result<T> {
        self.retrying(task, |lease| {
            let value = lease.run(work(lease.client()))?;
            lease.release();
            Ok(value)
        })
    }

    /// Does all of `work` or nothing of it. It may be called several times.
    pub(crate) fn write<T>(
        &self,
        task: &str,
        mut work: impl AsyncFnMut(&Client) -> Result<T, Failure>,
    ) -> Result<T> {
        self.retrying(task, |lease| {
            // Both are sent at once.
            let done = lease.run(async {
                let begun = lease.client().batch_execute(BEGIN);
                let (begun, done) = join(begun, work(lease.client())).await;
                begun?;
                done
            });
            match done {
                Ok(value) => {
                    lease.run(lease.command("COMMIT")).map_err(Failure::of_commit)?;
                    lease.release();
                    Ok(value)
                }
                Err(Failure::Refused(error)) => {
                    lease.run(lease.command("ROLLBACK"))?;
                    lease.release();
                    Err(error.into())
                }
                Err(failure) => Err(failure),
            }
        })
    }

    /// Tries once more on a new connection where the old one turns out to be dead, and some more times where other
    /// transactions came in between. Nothing may have been committed by an attempt that fails so.
    pub(crate) fn retrying<'a, T>(
        &'a self,
        task: &str,
        mut attempt: impl FnMut(Lease<'a>) -> Result<T, Failure>,
    ) -> Result<T> {
        let (mut was_lost, mut conflicts) = (false, 0);
        loop {
            let lease = self.lease()?;
            let reused = lease.reused;
            let failure = match attempt(lease) {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if failure.is_lost() && reused && !was_lost {
                // Its fellows are most likely dead too.
                was_lost = true;
                self.close_idle();
            } else if failure.is_conflict() && conflicts < CONFLICTS {
                conflicts += 1;
                std::thread::sleep(Duration::from_millis(fastrand::u64(1..=10)));
            } else {
                return Err(failure.explain(self.connector.shown(), task));
            }
        }
    }

    /// A connection: an idle one, or a new one as long as there may be more.
    fn lease(&self) -> Result<Lease<'_>> {
        let deadline = Instant::now() + self.timeout;
        let mut slots = self.slots();
        loop {
            while let Some(connection) = slots.idle.pop() {
                if !connection.client.is_closed() {
                    slots.used += 1;
                    return Ok(Lease { pool: self, connection: Some(connection), reused: true });
                }
            }
            if slots.used < self.size {
                slots.used += 1;
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.all_busy());
            }
            slots = self.freed.wait_timeout(slots, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(slots);
        let mut lease = Lease { pool: self, connection: None, reused: false };
        lease.connection = Some(self.connect()?);
        Ok(lease)
    }

    fn connect(&self) -> Result<Connection> {
        let connector = self.connector.clone();
        let (sender, receiver) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // Whoever asked may be gone, with the store.
            let _ = sender.send(connector.connect(Box::new(|_| ())).await);
        });
        // The attempt has a time limit of its own; it ends without a word when the store is shut down meanwhile.
        receiver.recv().unwrap_or_else(|_| Err(not_running()))
    }

    fn all_busy(&self) -> Error {
        let message = format!(
            "all {} connections to PostgreSQL at {} were busy for {} s",
            self.size,
            self.connector.shown(),
            self.timeout.as_secs_f64()
        );
        Error::new(ErrorKind::Unavailable, message).with_plugin(WHAT)
    }

    fn close_idle(&self) {
        drop(std::mem::take(&mut self.slots().idle));
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn not_running() -> Error {
    Error::new(ErrorKind::NotRunning, "the store is not started").with_plugin(WHAT)
}

impl Lease<'_> {
    pub(crate) fn client(&self) -> &Client {
        match &self.connection {
            Some(connection) => &connection.client,
            None => unreachable!("a lease that is handed out has a connection until it is dropped"),
        }
    }

    /// Waits for an answer of the server.
    pub(crate) fn run<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        let deadline = Instant::now() + self.pool.connector.statement_timeout + GRACE;
        match wait_until(deadline, work) {
            Some(done) => Ok(done?),
            None => Err(Failure::Silence),
        }
    }

    /// A statement without parameters.
    pub(crate) async fn command(&self, statement: &str) -> Result<(), Failure> {
        Ok(self.client().batch_execute(statement).await?)
    }

    /// Gives the connection back, with no transaction open.
    pub(crate) fn release(mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.slots().idle.push(connection);
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.abort();
        }
        self.pool.slots().used -= 1;
        self.pool.freed.notify_one();
    }
}
