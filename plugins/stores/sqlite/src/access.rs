//! The calls of a store and of its ledger: to the database, in a transaction, with errors that name the file.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::Replacement;
use rusqlite::{Connection, Transaction};

use crate::connection::{LockTimeout, begin_write};
use crate::failure::{self, Failure};
use crate::ledger_statements::LedgerStatements;
use crate::names::STORE_NAME;
use crate::options::Config;
use crate::schema;
use crate::session::{Database, Session};
use crate::statements::Statements;

/// What the calls of a store and of its ledger share.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) config: Config,
    pub(crate) statements: Statements,
    pub(crate) ledger: LedgerStatements,
    pub(crate) lock_timeout: LockTimeout,
    pub(crate) session: Arc<Mutex<Session>>,
    pub(crate) replacement: Replacement,
}

impl Access {
    pub(crate) fn new(config: Config) -> Self {
        let statements = Statements::new(&config.tablename);
        let ledger = LedgerStatements::new(&config.tablename);
        let lock_timeout = LockTimeout::new(config.busy_timeout);
        let (session, replacement) = Default::default();
        Self { config, statements, ledger, lock_timeout, session, replacement }
    }

    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        // A panic rolls its transaction back.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `work` with the database, and converts failures. Returns `None` if there is no database to read.
    pub(crate) fn with_database<T>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, Failure>,
    ) -> Result<Option<T>> {
        let mut session = self.session();
        let database = session.database(&self.config, &self.lock_timeout, &self.replacement);
        let done = database.and_then(|database| {
            let Some(database) = database else { return Ok(None) };
            match work(database) {
                Err(failure) if failure::is_missing_table(&failure) => {
                    let (location, table) = (&self.config.location, &self.config.tablename);
                    schema::prepare(&mut database.connection, table)?;
                    let message = format!("the table `{table}` of {location} was dropped");
                    Err(self.replacement.found(message).with_plugin(STORE_NAME).into())
                }
                done => done.map(Some),
            }
        });
        done.map_err(|failure| self.explain(failure))
    }

    /// Reads from the database, or returns the default if there is none.
    pub(crate) fn read<T: Default>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T> {
        Ok(self.with_database(|database| work(&mut database.connection))?.unwrap_or_default())
    }

    /// Writes in a transaction.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T> {
        let done = self.with_database(|database| {
            let transaction = begin_write(&database.connection, &self.lock_timeout)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })?;
        done.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "the job store was opened read-only")
                .with_plugin(STORE_NAME)
        })
    }

    pub(crate) fn explain(&self, failure: impl Into<Failure>) -> Error {
        failure.into().explain(&self.config.location, self.config.busy_timeout)
    }
}
