//! The store.

use std::sync::Arc;

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ChangeNotifier, ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord,
    StoreCapabilities, Watch,
};
use apscheduler_core::time::{Timestamp, from_micros};
use apscheduler_core::{ErrorKind, Result};
use apscheduler_plugin_kit::store::{
    Replacement, SessionSlot, TransactionsInDoubt, earliest_after, refuse_duplicate_ids,
};
use mysql::Row;
use mysql::prelude::Queryable as _;

use crate::ledger::MySqlLedger;
use crate::names::STORE_NAME;
use crate::options::{Config, MySqlOptions};
use crate::rows::{COLUMNS, record, value};
use crate::session::Session;

/// Keeps jobs in MySQL or MariaDB.
///
/// Any number of schedulers may share one table: see the [crate](crate).
#[derive(Debug)]
pub struct MySqlJobStore {
    config: Config,
    session: Arc<SessionSlot<Session>>,
    in_doubt: TransactionsInDoubt,
    replacement: Replacement,
}

impl MySqlJobStore {
    /// Creates a store at this URL, with the defaults for the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) if the URL is invalid.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(MySqlOptions::new(url))
    }

    /// Creates a store with these options. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option.
    pub fn with_options(options: MySqlOptions) -> Result<Self> {
        let (session, in_doubt, replacement) = Default::default();
        Ok(Self { config: Config::new(options)?, session, in_doubt, replacement })
    }

    /// Calls `work` with the session. If the tables were dropped or replaced, this switches to the new ones, and fails.
    fn with_session<T>(&self, work: impl FnOnce(&Session) -> Result<T>) -> Result<T> {
        work(&*self.session.get()?).map_err(|error| {
            if error.kind() != ErrorKind::StoreReplaced {
                return error;
            }
            match Session::start(&self.config) {
                Ok(again) => {
                    self.session.set(again);
                    self.replacement.found(error.message()).with_plugin(STORE_NAME)
                }
                Err(error) => error,
            }
        })
    }
}

impl JobStore for MySqlJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all()
    }

    fn start(&self, _alias: &str) -> Result<()> {
        self.session.set(Session::start(&self.config)?);
        Ok(())
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        self.session.set(Session::start_read_only(&self.config)?);
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        if let Some(session) = self.session.take() {
            // Calls in progress end with their connections.
            session.pool.close_idle();
            session.pool.connector().close_all();
        }
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.with_session(|session| {
            let query = format!("SELECT {COLUMNS} FROM {} WHERE id = ?", session.tables.jobs);
            session.read("looking up a job", |connection| {
                let row: Option<Row> = connection.exec_first(&query, (id,))?;
                row.as_ref().map(record).transpose()
            })
        })
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.with_session(|session| session.page(after, limit))
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let Some(earliest) = earliest_after(after) else { return Ok(None) };
        self.with_session(|session| {
            let query = format!(
                "SELECT MIN(next_run_time) FROM {} WHERE next_run_time >= ?",
                session.tables.jobs
            );
            session.read("looking for the next run time", |connection| {
                let row: Option<Row> = connection.exec_first(&query, (earliest,))?;
                let time = row.map(|row| value::<Option<i64>>(&row, 0)).transpose()?;
                Ok(time.flatten().map(from_micros))
            })
        })
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        refuse_duplicate_ids(&records)?;
        // In the order of ids, so that two schedulers that add the same jobs do not deadlock.
        let mut records: Vec<&NewRecord> = records.iter().collect();
        records.sort_unstable_by(|left, right| {
            (left.replace, &left.id).cmp(&(right.replace, &right.id))
        });
        self.with_session(|session| session.add(&records))
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.with_session(|session| session.update(record))
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.with_session(|session| {
            let delete = format!("DELETE FROM {} WHERE id = ?", session.tables.jobs);
            session.change("removing a job", |connection| {
                connection.exec_drop(&delete, (id,))?;
                let removed = connection.affected_rows() > 0;
                Ok((removed, removed))
            })
        })
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.with_session(|session| {
            let delete = format!("DELETE FROM {}", session.tables.jobs);
            session.change("removing all jobs", |connection| {
                Ok((connection.query_drop(&delete)?, true))
            })
        })
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.replacement
            .claim(|| self.with_session(|session| session.claim(due, decide, &self.in_doubt)))
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::new(MySqlLedger::new(&self.session)))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        self.session.get()?.watch(changed, self.config.poll_interval).map(Some)
    }
}
