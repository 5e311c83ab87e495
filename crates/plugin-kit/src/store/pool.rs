//! Connections that the calls of a store share.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value};

use apscheduler_core::options::{self, seconds};
use apscheduler_core::{Error, ErrorKind, Result};

/// How often a transaction that others made the server roll back is tried again.
const CONFLICTS: usize = 8;

/// Makes the connections of a [`ConnectionPool`].
pub trait Connector {
    /// A connection to the server.
    type Connection;

    /// Makes one.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] with the address, and without any password, where the server can't be reached; what
    /// the server says where it refuses.
    fn connect(&self) -> Result<Self::Connection>;

    /// The address, for people: without user and password.
    fn address(&self) -> &str;

    /// Whether a connection that was idle for so long lives. A pool finds out anyway, when a call fails.
    fn lives(&self, connection: &mut Self::Connection, idle: Duration) -> bool {
        let _ = (connection, idle);
        true
    }

    /// Ends a connection that may be in the middle of something.
    fn abort(&self, connection: Self::Connection) {
        drop(connection);
    }
}

/// A failure of a call that a pool may try again.
pub trait RetryClass: From<Error> {
    /// Whether the connection was dead, which is no wonder for one that was idle for long. Nothing was done then.
    fn is_lost(&self) -> bool;

    /// Whether the server took everything back because of what other transactions do.
    fn is_conflict(&self) -> bool;
}

/// Connections to one server. Each call has one to itself, so that one that hangs holds up nobody.
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

/// A connection that one call has to itself. Dropping it closes the connection: what it was in the middle of, if
/// anything, is rolled back.
pub struct Lease<'a, C: Connector> {
    pool: &'a ConnectionPool<C>,
    connection: Option<C::Connection>,
    /// It was idle before, so it may have died since.
    reused: bool,
}

impl<C: Connector> ConnectionPool<C> {
    /// A pool without connections: they are made when they are needed.
    pub fn new(connector: C, options: &PoolOptions) -> Self {
        Self {
            connector,
            size: options.size,
            timeout: options.timeout,
            slots: Mutex::new(Slots { idle: Vec::new(), used: 0 }),
            freed: Condvar::new(),
        }
    }

    /// What makes its connections.
    pub fn connector(&self) -> &C {
        &self.connector
    }

    /// Calls `attempt` with a connection: once more with a new one where the old one turns out to be dead, and some more
    /// times where other transactions came in between.
    ///
    /// # Errors
    /// That of the last attempt; [`ErrorKind::Unavailable`] where no connection is to be had.
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
                // Its fellows are most likely dead too.
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

    /// A connection: an idle one that lives, or a new one as long as there may be more.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where all were busy for too long; what [`Connector::connect`] says.
    pub fn lease(&self) -> Result<Lease<'_, C>> {
        let (mut lease, idle) = self.reserve()?;
        if let Some(connection) = &mut lease.connection
            && !self.connector.lives(connection, idle)
        {
            lease.connection = None;
        }
        if lease.connection.is_none() {
            lease.connection = Some(self.connector.connect()?);
            lease.reused = false;
        }
        Ok(lease)
    }

    /// A place among the connections; where one was idle, that one, and for how long it was.
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

    /// Closes the connections that no call has.
    pub fn close_idle(&self) {
        // Not in the same statement: closing them is I/O.
        let idle = std::mem::take(&mut self.slots().idle);
        drop(idle);
    }

    fn slots(&self) -> MutexGuard<'_, Slots<C::Connection>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector> Lease<'_, C> {
    /// Gives the connection back, with no transaction open.
    pub fn release(mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.slots().idle.push((connection, Instant::now()));
        }
    }
}

const LEASED: &str = "a lease that is handed out has a connection until it is dropped";

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
        // Before its place is free: the server counts connections too.
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

/// How many connections a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// The most connections that are open at once.
    pub size: usize,
    /// How long a call waits for one.
    pub timeout: Duration,
}

/// What `engine_options` may hold.
#[derive(Deserialize)]
#[serde(default)]
struct EngineOptions {
    pool_size: usize,
    max_overflow: usize,
    pool_timeout: f64,
    pool_pre_ping: bool,
    pool_recycle: i64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            pool_size: 5,
            max_overflow: 10,
            pool_timeout: 30.0,
            pool_pre_ping: true,
            pool_recycle: -1,
        }
    }
}

impl PoolOptions {
    /// Reads `engine_options`, which are those of SQLAlchemy's engine. Known are `pool_size` (5) and `max_overflow` (10),
    /// whose sum is the most connections that are open at once, and `pool_timeout` (30), the seconds that a call waits
    /// for one. `pool_pre_ping` and `pool_recycle` may stand there and change nothing: dead connections are noticed.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key; `what` stands before it.
    pub fn of_engine(what: &str, engine_options: &Map<String, Value>) -> Result<Self> {
        let what = format!("{what}: engine_options");
        let EngineOptions { pool_size, max_overflow, pool_timeout, pool_pre_ping, pool_recycle } =
            options::parse(&what, engine_options)?;
        let _ = (pool_pre_ping, pool_recycle);
        let size = pool_size.saturating_add(max_overflow);
        if size == 0 {
            let message = format!("{what}: pool_size: expected at least 1, found 0");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let timeout = seconds(&format!("{what}: pool_timeout"), pool_timeout, 0.001)?;
        Ok(Self { size, timeout })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;

    /// Counts its connections, which are their numbers.
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
    enum Trouble {
        Lost,
        Conflict,
        Told(String),
    }

    impl From<Error> for Trouble {
        fn from(error: Error) -> Self {
            Self::Told(error.to_string())
        }
    }

    impl RetryClass for Trouble {
        fn is_lost(&self) -> bool {
            *self == Self::Lost
        }

        fn is_conflict(&self) -> bool {
            *self == Self::Conflict
        }
    }

    fn pool(size: usize) -> ConnectionPool<Counting> {
        let options = PoolOptions { size, timeout: Duration::from_millis(10) };
        ConnectionPool::new(Counting::default(), &options)
    }

    fn idle(pool: &ConnectionPool<Counting>, count: usize) {
        let leases: Vec<_> = (0..count).map(|_| pool.lease().unwrap()).collect();
        leases.into_iter().for_each(Lease::release);
    }

    #[test]
    fn a_connection_is_used_again_when_it_was_given_back() {
        let pool = pool(2);
        let first = pool.lease().unwrap();
        assert_eq!(*first, 0);
        first.release();
        let again = pool.lease().unwrap();
        assert_eq!(*again, 0);
        drop(again);
        assert_eq!(*pool.lease().unwrap(), 1, "what was dropped may be in the middle of something");
        assert_eq!(pool.connector().aborted.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn there_are_no_more_than_the_size_says() {
        let pool = pool(2);
        let (one, _other) = (pool.lease().unwrap(), pool.lease().unwrap());
        let error = pool.lease().unwrap_err();
        assert!(error.is_retryable());
        assert_eq!(error.to_string(), "all 2 connections to db:1/jobs were busy for 0.01 s");
        one.release();
        assert!(pool.lease().is_ok());
    }

    #[test]
    fn a_dead_connection_is_replaced_once_and_with_its_fellows() {
        let pool = pool(5);
        idle(&pool, 3);
        let mut tried = Vec::new();
        let done = pool.retrying(|lease| {
            tried.push(*lease);
            if *lease < 3 { Err(Trouble::Lost) } else { Ok(*lease) }
        });
        assert_eq!((done, tried), (Ok(3), vec![2, 3]));
        // A new connection that dies is no matter of age.
        let mut attempts = 0;
        let failed = pool.retrying(|_| -> Result<(), _> {
            attempts += 1;
            Err(Trouble::Lost)
        });
        assert_eq!((failed, attempts), (Err(Trouble::Lost), 1));
    }

    #[test]
    fn conflicts_are_tried_again_for_a_while() {
        let pool = pool(1);
        let mut attempts = 0;
        let failed = pool.retrying(|_| -> Result<(), _> {
            attempts += 1;
            Err(Trouble::Conflict)
        });
        assert_eq!((failed, attempts), (Err(Trouble::Conflict), CONFLICTS + 1));
    }

    #[test]
    fn engine_options_are_those_of_sqlalchemy() {
        let parse = |given: Value| PoolOptions::of_engine("store", given.as_object().unwrap());
        let timeout = Duration::from_secs(30);
        assert_eq!(parse(json!({})).unwrap(), PoolOptions { size: 15, timeout });
        let given = json!({"pool_size": "2", "pool_pre_ping": true, "pool_recycle": 3600});
        assert_eq!(parse(given).unwrap(), PoolOptions { size: 12, timeout });
        for (given, expected) in [
            (json!({"echo": 1}), "store: engine_options: unknown option `echo`"),
            (json!({"pool_size": 0, "max_overflow": 0}), "pool_size: expected at least 1"),
            (json!({"pool_timeout": 0}), "engine_options: pool_timeout: expected 0.001 to"),
        ] {
            let error = parse(given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
