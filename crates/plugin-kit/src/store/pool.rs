//! A pool of connections that the calls of a store share.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind, Result};

use super::PoolOptions;

/// How often a transaction is retried that the server rolled back because of others.
const CONFLICTS: usize = 8;

/// Opens the connections of a [`ConnectionPool`].
pub trait Connector {
    /// A connection to the server.
    type Connection;

    /// Opens a connection.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] with the address, but no password, if the server can't be reached; another kind if it
    /// refuses the connection.
    fn connect(&self) -> Result<Self::Connection>;

    /// Returns the address for messages, without user and password.
    fn address(&self) -> &str;

    /// Whether a connection still works after being idle for this time. The default is `true`: the pool finds out when a
    /// call fails.
    fn is_alive(&self, connection: &mut Self::Connection, idle: Duration) -> bool {
        let _ = (connection, idle);
        true
    }

    /// Closes a connection that may be in the middle of a call.
    fn abort(&self, connection: Self::Connection) {
        drop(connection);
    }
}

/// Classifies the failure of a call: the pool retries some.
pub trait RetryClass: From<Error> {
    /// Whether the connection was dead, for example after an idle timeout, and nothing was done.
    fn is_lost(&self) -> bool;

    /// Whether the server rolled everything back because of other transactions.
    fn is_conflict(&self) -> bool;
}

/// A pool of connections to one server. Each call leases one, so a call that hangs delays no other.
pub struct ConnectionPool<C: Connector> {
    connector: C,
    size: usize,
    timeout: Duration,
    slots: Mutex<Slots<C::Connection>>,
    freed: Condvar,
}

struct Slots<T> {
    idle: Vec<(T, Instant)>,
    used: usize,
}

/// A connection that one call has leased. Dropping it closes the connection, which rolls back an open transaction.
pub struct Lease<'a, C: Connector> {
    pool: &'a ConnectionPool<C>,
    connection: Option<C::Connection>,
    /// It was idle before, so it may be dead.
    reused: bool,
}

impl<C: Connector> ConnectionPool<C> {
    /// Creates an empty pool. Connections are opened when needed.
    pub fn new(connector: C, options: &PoolOptions) -> Self {
        Self {
            connector,
            size: options.size,
            timeout: options.timeout,
            slots: Mutex::new(Slots { idle: Vec::new(), used: 0 }),
            freed: Condvar::new(),
        }
    }

    /// Returns the connector.
    pub fn connector(&self) -> &C {
        &self.connector
    }

    /// Calls `attempt` with a connection. Calls it again with a new one if the old one was dead, and several times if it
    /// conflicts with other transactions.
    ///
    /// # Errors
    /// The error of the last attempt; [`ErrorKind::Unavailable`] if no connection is available.
    pub fn retrying<'a, T, F: RetryClass>(
        &'a self,
        mut attempt: impl FnMut(Lease<'a, C>) -> Result<T, F>,
    ) -> Result<T, F> {
        let (mut was_lost, mut conflicts) = (false, 0);
        loop {
            let lease = self.lease()?;
            let reused = lease.reused;
            let failure = match attempt(lease) {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if failure.is_lost() && reused && !was_lost {
                // The other idle connections are most likely dead too.
                was_lost = true;
                self.close_idle();
            } else if failure.is_conflict() && conflicts < CONFLICTS {
                conflicts += 1;
                std::thread::sleep(Duration::from_millis(fastrand::u64(1..=10)));
            } else {
                return Err(failure);
            }
        }
    }

    /// Leases a connection: an idle one that is alive, or a new one if the pool is not full.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if all were busy for too long; any error from [`Connector::connect`].
    pub fn lease(&self) -> Result<Lease<'_, C>> {
        let (mut lease, idle) = self.reserve()?;
        if let Some(connection) = &mut lease.connection
            && !self.connector.is_alive(connection, idle)
        {
            lease.connection = None;
        }
        if lease.connection.is_none() {
            lease.connection = Some(self.connector.connect()?);
            lease.reused = false;
        }
        Ok(lease)
    }

    /// Reserves a slot. Returns the idle connection in it, if any, and how long it was idle.
    fn reserve(&self) -> Result<(Lease<'_, C>, Duration)> {
        let since = Instant::now();
        let mut slots = self.slots();
        loop {
            let idle = slots.idle.pop();
            if idle.is_some() || slots.used < self.size {
                slots.used += 1;
                let time = idle.as_ref().map_or(Duration::ZERO, |(_, since)| since.elapsed());
                let reused = idle.is_some();
                let connection = idle.map(|(connection, _)| connection);
                return Ok((Lease { pool: self, connection, reused }, time));
            }
            let left = self.timeout.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Err(self.all_busy());
            }
            slots = self.freed.wait_timeout(slots, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn all_busy(&self) -> Error {
        let message = format!(
            "all {} connections to {} were busy for {} s",
            self.size,
            self.connector.address(),
            self.timeout.as_secs_f64()
        );
        Error::new(ErrorKind::Unavailable, message)
    }

    /// Closes the idle connections.
    pub fn close_idle(&self) {
        // In a statement of its own, to close them without the lock: that is I/O.
        let idle = std::mem::take(&mut self.slots().idle);
        drop(idle);
    }

    fn slots(&self) -> MutexGuard<'_, Slots<C::Connection>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector> Lease<'_, C> {
    /// Returns the connection to the pool. No transaction may be open.
    pub fn release(mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.slots().idle.push((connection, Instant::now()));
        }
    }
}

const LEASED: &str = "a lease has a connection until it is dropped";

impl<C: Connector> Deref for Lease<'_, C> {
    type Target = C::Connection;

    fn deref(&self) -> &C::Connection {
        self.connection.as_ref().expect(LEASED)
    }
}

impl<C: Connector> DerefMut for Lease<'_, C> {
    fn deref_mut(&mut self) -> &mut C::Connection {
        self.connection.as_mut().expect(LEASED)
    }
}

impl<C: Connector> Drop for Lease<'_, C> {
    fn drop(&mut self) {
        // Before the slot is freed: the server limits connections too.
        if let Some(connection) = self.connection.take() {
            self.pool.connector.abort(connection);
        }
        self.pool.slots().used -= 1;
        self.pool.freed.notify_one();
    }
}

impl<C: Connector> fmt::Debug for ConnectionPool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionPool")
            .field("address", &self.connector.address())
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl<C: Connector> fmt::Debug for Lease<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("reused", &self.reused).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Numbers its connections.
    #[derive(Default)]
    struct Counting {
        made: AtomicUsize,
        aborted: AtomicUsize,
    }

    impl Connector for Counting {
        type Connection = usize;

        fn connect(&self) -> Result<usize> {
            Ok(self.made.fetch_add(1, Ordering::Relaxed))
        }

        fn address(&self) -> &'static str {
            "db:1/jobs"
        }

        fn abort(&self, _connection: usize) {
            self.aborted.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[derive(Debug, PartialEq)]
    enum TestFailure {
        Lost,
        Conflict,
        Other(String),
    }

    impl From<Error> for TestFailure {
        fn from(error: Error) -> Self {
            Self::Other(error.to_string())
        }
    }

    impl RetryClass for TestFailure {
        fn is_lost(&self) -> bool {
            *self == Self::Lost
        }

        fn is_conflict(&self) -> bool {
            *self == Self::Conflict
        }
    }

    fn pool(size: usize) -> ConnectionPool<Counting> {
        let options = PoolOptions::new(size, Duration::from_millis(10));
        ConnectionPool::new(Counting::default(), &options)
    }

    fn idle(pool: &ConnectionPool<Counting>, count: usize) {
        let leases: Vec<_> = (0..count).map(|_| pool.lease().unwrap()).collect();
        leases.into_iter().for_each(Lease::release);
    }

    #[test]
    fn a_released_connection_is_reused() {
        let pool = pool(2);
        let first = pool.lease().unwrap();
        assert_eq!(*first, 0);
        first.release();
        let again = pool.lease().unwrap();
        assert_eq!(*again, 0);
        drop(again);
        assert_eq!(*pool.lease().unwrap(), 1, "a dropped connection is not reused");
        assert_eq!(pool.connector().aborted.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_pool_opens_at_most_its_size() {
        let pool = pool(2);
        let (one, _other) = (pool.lease().unwrap(), pool.lease().unwrap());
        let error = pool.lease().unwrap_err();
        assert!(error.is_retryable());
        assert_eq!(error.to_string(), "all 2 connections to db:1/jobs were busy for 0.01 s");
        one.release();
        assert!(pool.lease().is_ok());
    }

    #[test]
    fn a_dead_connection_is_replaced_once_with_all_idle_ones() {
        let pool = pool(5);
        idle(&pool, 3);
        let mut tried = Vec::new();
        let done = pool.retrying(|lease| {
            tried.push(*lease);
            if *lease < 3 { Err(TestFailure::Lost) } else { Ok(*lease) }
        });
        assert_eq!((done, tried), (Ok(3), vec![2, 3]));
        // A new connection that dies is not replaced.
        let mut attempts = 0;
        let failed = pool.retrying(|_| -> Result<(), _> {
            attempts += 1;
            Err(TestFailure::Lost)
        });
        assert_eq!((failed, attempts), (Err(TestFailure::Lost), 1));
    }

    #[test]
    fn conflicts_are_retried_a_few_times() {
        let pool = pool(1);
        let mut attempts = 0;
        let failed = pool.retrying(|_| -> Result<(), _> {
            attempts += 1;
            Err(TestFailure::Conflict)
        });
        assert_eq!((failed, attempts), (Err(TestFailure::Conflict), CONFLICTS + 1));
    }
}
