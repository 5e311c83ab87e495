//! The connections of a started store, and its tables.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{ConnectionPool, Connector, PoolOptions, shut_down};
use serde_json::Value;

use crate::client::{self, ClientError, Feed, Target, Term};
use crate::failure::{Address, Failure};
use crate::interruption::{Interruption, Registration};
use crate::names::{OPEN_RUNS_SUFFIX, OWNERS_SUFFIX, RUNS_SUFFIX, STORE_NAME};
use crate::options::Config;

/// The most connections, apart from that of a watch.
const MOST_CONNECTIONS: usize = 16;

/// A connection that was idle for this long is tried before it is used: a firewall may have forgotten it.
const TRY_AFTER_IDLE: Duration = Duration::from_secs(5);

/// Whether a query may be sent again when the connection breaks and nobody knows whether the server has carried it out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It only reads.
    Allowed,
    /// It writes.
    Forbidden,
}

/// The tables of a store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Jobs,
    Runs,
    Owners,
    OpenRuns,
}

impl Table {
    /// All tables.
    pub(crate) const ALL: [Self; 4] = [Self::Jobs, Self::Runs, Self::Owners, Self::OpenRuns];
}

/// The connections of a started store.
pub(crate) struct Connection {
    pool: ConnectionPool<Opener>,
    database: String,
    jobs: String,
    /// Whether there are no tables to read from.
    is_missing: AtomicBool,
    /// The identity of the table of jobs, which a table that replaces it does not have.
    identity: Mutex<Option<String>>,
}

/// Opens connections.
struct Opener {
    target: Target,
    address: Address,
    interruption: Arc<Interruption>,
}

/// An open connection.
struct Open {
    connection: client::Connection,
    registration: Registration,
}

impl Connection {
    /// Connects when the first query is sent.
    pub(crate) fn new(config: &Config) -> Self {
        let opener = Opener {
            target: config.target.clone(),
            address: config.address.clone(),
            interruption: Arc::default(),
        };
        let limits = PoolOptions::new(MOST_CONNECTIONS, config.target.timeout);
        Self {
            pool: ConnectionPool::new(opener, &limits),
            database: config.database.clone(),
            jobs: config.table.clone(),
            is_missing: AtomicBool::new(false),
            identity: Mutex::default(),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.pool.connector().address
    }

    /// Returns the name of a table.
    pub(crate) fn name(&self, table: Table) -> String {
        let suffix = match table {
            Table::Jobs => "",
            Table::Runs => RUNS_SUFFIX,
            Table::Owners => OWNERS_SUFFIX,
            Table::OpenRuns => OPEN_RUNS_SUFFIX,
        };
        format!("{}{suffix}", self.jobs)
    }

    /// Returns the name of the table of jobs as users write it, with the address.
    pub(crate) fn place(&self) -> String {
        format!("`{}.{}` at {}", self.database, self.jobs, self.address().shown)
    }

    pub(crate) fn database(&self) -> Term {
        Term::db(&self.database)
    }

    pub(crate) fn database_name(&self) -> &str {
        &self.database
    }

    /// A table to write to.
    pub(crate) fn table(&self, table: Table) -> Term {
        self.database().table(&self.name(table))
    }

    /// A table to read from: what a majority of its replicas has.
    pub(crate) fn committed(&self, table: Table) -> Term {
        self.table(table).with("read_mode", "majority")
    }

    /// Notes that there are no tables, so there is nothing to read.
    pub(crate) fn set_missing(&self) {
        self.is_missing.store(true, Ordering::Release);
    }

    pub(crate) fn identity(&self) -> Option<String> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_identity(&self, identity: String) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// Interrupts all queries, and refuses new ones.
    pub(crate) fn interrupt(&self) {
        self.pool.connector().interruption.interrupt();
        self.pool.close_idle();
    }

    /// Sends a query.
    pub(crate) fn run(&self, query: &Term, repeat: Repeat) -> Result<Value> {
        self.try_run(query, repeat)?.map_err(|error| self.address().explain(&error))
    }

    /// Sends a query, and returns the error of the server as it is.
    pub(crate) fn try_run(
        &self,
        query: &Term,
        repeat: Repeat,
    ) -> Result<Result<Value, ClientError>> {
        let ran = self.pool.retrying(|mut lease| match lease.connection.run(query) {
            Err(error) if !matches!(error, ClientError::Refused(..)) => {
                let is_lost = repeat == Repeat::Allowed && matches!(error, ClientError::Lost(_));
                Err(Failure { error: self.pool.connector().explain(&error), is_lost })
            }
            answer => {
                lease.release();
                Ok(answer)
            }
        });
        ran.map_err(|failure: Failure| failure.error)
    }

    /// Returns the elements of the sequence that a query reads.
    pub(crate) fn rows(&self, query: &Term) -> Result<Vec<Value>> {
        if self.is_missing.load(Ordering::Acquire) {
            return Ok(Vec::new());
        }
        match self.run(query, Repeat::Allowed)? {
            Value::Array(rows) => Ok(rows),
            other => Err(self.address().unexpected(&other.to_string())),
        }
    }

    /// Returns the document, or null, that a query reads.
    pub(crate) fn document(&self, query: &Term) -> Result<Value> {
        if self.is_missing.load(Ordering::Acquire) {
            return Ok(Value::Null);
        }
        self.run(query, Repeat::Allowed)
    }

    /// Opens a feed on a connection of its own.
    pub(crate) fn feed(&self, query: &Term) -> Result<RegisteredFeed> {
        let opener = self.pool.connector();
        let Open { connection, registration } = opener.connect()?;
        let feed = Feed::open(connection, query).map_err(|error| opener.explain(&error))?;
        Ok(RegisteredFeed { feed, _registration: registration })
    }
}

/// A feed that a shutdown interrupts.
#[derive(Debug)]
pub(crate) struct RegisteredFeed {
    pub(crate) feed: Feed,
    _registration: Registration,
}

impl Opener {
    fn explain(&self, error: &ClientError) -> Error {
        if self.interruption.is_interrupted() {
            return shut_down().with_plugin(STORE_NAME);
        }
        self.address.explain(error)
    }
}

impl Connector for Opener {
    type Connection = Open;

    fn connect(&self) -> Result<Open> {
        if self.interruption.is_interrupted() {
            return Err(shut_down().with_plugin(STORE_NAME));
        }
        let connection =
            client::Connection::open(&self.target).map_err(|error| self.explain(&error))?;
        let interrupter = connection.interrupter();
        let interrupter =
            interrupter.map_err(|error| self.address.explain(&ClientError::Unreachable(error)))?;
        let registration = self.interruption.register(interrupter);
        let registration = registration.ok_or_else(|| shut_down().with_plugin(STORE_NAME))?;
        Ok(Open { connection, registration })
    }

    fn address(&self) -> &str {
        &self.address.shown
    }

    fn is_alive(&self, open: &mut Open, idle: Duration) -> bool {
        open.connection.seems_alive()
            && (idle < TRY_AFTER_IDLE || open.connection.run(&Term::from(true)).is_ok())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("place", &self.place()).finish_non_exhaustive()
    }
}
