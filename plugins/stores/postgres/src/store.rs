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
use futures_util::future::join;
use tokio_postgres::types::Type;

use crate::ledger::PostgresLedger;
use crate::names::STORE_NAME;
use crate::options::{Config, PostgresOptions};
use crate::pool::write;
use crate::rows::{COLUMNS, record};
use crate::session::{NewRows, Session};

/// Keeps jobs in PostgreSQL.
///
/// Any number of schedulers may share one table: see the [crate](crate).
#[derive(Debug)]
pub struct PostgresJobStore {
    config: Config,
    session: Arc<SessionSlot<Session>>,
    in_doubt: TransactionsInDoubt,
    replacement: Replacement,
}

impl PostgresJobStore {
    /// Creates a store with these options. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option.
    pub fn with_options(options: PostgresOptions) -> Result<Self> {
        let (session, in_doubt, replacement) = Default::default();
        Ok(Self { config: Config::new(options)?, session, in_doubt, replacement })
    }

    /// Creates a store at this URL, with the defaults for the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) if the URL is invalid.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(PostgresOptions::new(url))
    }

    /// Calls `work` with the session. If the tables were dropped or replaced, this switches to the new ones, and fails.
    fn with_session<T>(&self, work: impl FnOnce(&Session) -> Result<T>) -> Result<T> {
        let session = self.session.get()?;
        work(&session).map_err(|error| {
            if error.kind() != ErrorKind::StoreReplaced {
                return error;
            }
            match Session::start(&self.config, &session.alias) {
                Ok(again) => {
                    self.session.set(again);
                    self.replacement.found(error.message()).with_plugin(STORE_NAME)
                }
                Err(error) => error,
            }
        })
    }
}

impl JobStore for PostgresJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all()
    }

    fn start(&self, alias: &str) -> Result<()> {
        self.session.set(Session::start(&self.config, alias)?);
        Ok(())
    }

    fn start_read_only(&self, alias: &str) -> Result<()> {
        self.session.set(Session::start_read_only(&self.config, alias)?);
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        if let Some(session) = self.session.take() {
            // Calls in progress end with their connections.
            session.pool.close_idle();
            session.runtime.stop();
        }
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.with_session(|session| {
            let query = format!("SELECT {COLUMNS} FROM {} WHERE id = $1", session.tables.jobs);
            session.read("looking up a job", async |client| {
                let row = client.query_typed_opt(&query, &[(&id as _, Type::TEXT)]).await?;
                row.as_ref().map(record).transpose()
            })
        })
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.with_session(|session| session.page(after, limit))
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let Some(earliest) = earliest_after(after) else { return Ok(None) };
        // Not `min`: with outdated statistics PostgreSQL may read all later rows for it.
        self.with_session(|session| {
            let query = format!(
                "SELECT next_run_time FROM {} WHERE next_run_time >= $1 ORDER BY next_run_time, id LIMIT 1",
                session.tables.jobs
            );
            session.read("looking for the next run time", async |client| {
                let row = client.query_typed_opt(&query, &[(&earliest as _, Type::INT8)]).await?;
                let time = row.map(|row| row.try_get::<_, i64>(0)).transpose()?;
                Ok(time.map(from_micros))
            })
        })
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        refuse_duplicate_ids(&records)?;
        let (replacing, new): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.replace);
        let (new, replacing) = (NewRows::chunks(&new)?, NewRows::chunks(&replacing)?);
        self.with_session(|session| session.add(&new, &replacing))
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.with_session(|session| session.update(record))
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.with_session(|session| {
            let Session { tables, notifications, .. } = session;
            let delete = format!(
                "WITH gone AS (DELETE FROM {} WHERE id = $1 RETURNING 1)
                 SELECT EXISTS (SELECT FROM gone), (SELECT pg_notify($2, $3)::text FROM gone)",
                tables.jobs
            );
            write(&session.pool, "removing a job", async |client| {
                let [channel, sender] = notifications.parameters();
                let parameters = [(&id as _, Type::TEXT), channel, sender];
                let row = client.query_typed_one(&delete, &parameters).await?;
                Ok(row.try_get(0)?)
            })
        })
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.with_session(|session| {
            let delete = format!("DELETE FROM {}", session.tables.jobs);
            write(&session.pool, "removing all jobs", async |client| {
                let deleted = client.batch_execute(&delete);
                let (deleted, sent) = join(deleted, session.notifications.send(client)).await;
                // The first error is the cause: the server refuses what follows in the transaction.
                deleted?;
                sent?;
                Ok(())
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
        Some(Arc::new(PostgresLedger::new(&self.session)))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        let session = self.session.get()?;
        let watch = if let Some(interval) = self.config.server.poll_interval {
            session.notifications.poll(interval, changed)
        } else {
            let server = session.pool.connector().clone();
            session.notifications.watch(&session.runtime, server, changed)
        };
        watch.map(Some)
    }
}
