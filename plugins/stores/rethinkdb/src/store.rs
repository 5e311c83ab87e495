//! The store.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ChangeNotifier, Claim, ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord,
    StoreCapabilities, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{
    ClaimsInDoubt, Contention, DecidedBatch, Replacement, SessionSlot, WriteMarks,
};
use serde_json::{Value, json};

use crate::claims::Written;
use crate::connection::{Connection, Repeat, Table};
use crate::document::{next_revision, optional_time, read, revision_of};
use crate::keys::key;
use crate::ledger::RethinkDbLedger;
use crate::names::STORE_NAME;
use crate::options::{Config, RethinkDbOptions};
use crate::writes::existing;
use crate::{adding, claims, client, doubt, finding, open_rows, removing, schema, watch};

/// Keeps jobs in RethinkDB. Any number of processes may share them.
pub struct RethinkDbJobStore {
    config: Config,
    connection: Arc<SessionSlot<Connection>>,
    marks: WriteMarks,
    in_doubt: ClaimsInDoubt<String>,
    contention: Contention,
    replacement: Replacement,
}

impl RethinkDbJobStore {
    /// Creates a store at this URL, with the default table. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) if the URL is invalid.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(RethinkDbOptions::default().url(url))
    }

    /// Creates a store with these options. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option.
    pub fn with_options(options: RethinkDbOptions) -> Result<Self> {
        Ok(Self {
            config: options.check()?,
            connection: Arc::default(),
            marks: WriteMarks::default(),
            in_doubt: ClaimsInDoubt::default(),
            contention: Contention::default(),
            replacement: Replacement::default(),
        })
    }

    fn connection(&self) -> Result<Arc<Connection>> {
        self.connection.get().map_err(|error| error.with_plugin(STORE_NAME))
    }

    /// Returns an error if the table was dropped, emptied or replaced, and switches to the new one.
    fn check_table(&self, connection: &Connection) -> Result<()> {
        if schema::is_current(connection)? {
            return Ok(());
        }
        schema::prepare(connection)?;
        let message = format!("the table {} was dropped, emptied or replaced", connection.place());
        Err(self.replacement.found(message).with_plugin(STORE_NAME))
    }

    fn claim(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let connection = self.connection()?;
        let find_out = |claimed: &String, claims: &[Claim]| {
            doubt::find_out(&connection, &self.marks.next(), claimed, claims).map(Some)
        };
        if let Some(claims) = self.in_doubt.settle(due, find_out, decide)? {
            return Ok(claims);
        }
        self.check_table(&connection)?;
        let documents = finding::due(&connection, due, self.contention.skip(due))?;
        let records: Vec<JobRecord> = documents.iter().filter_map(read).collect();
        let decided = DecidedBatch::of_snapshot(records, due, decide).into_claims();
        if decided.won.is_empty() {
            return Ok(self.contention.outcome(due, 0, decided));
        }
        let Claims { won: claims, resume, .. } = decided;
        open_rows::announce(&connection, due, &claims)?;
        let (mark, attempted) = (self.marks.next(), claims.len());
        match claims::write(&connection, &mark, due, &claims, &claims::marks(&documents)) {
            Ok(Written { won, refused, refusal }) => {
                let written = claims.into_iter().zip(won);
                let won = written.filter_map(|(claim, is_won)| is_won.then_some(claim));
                let claims = Claims::new(won.collect(), resume);
                if let Some(refusal) = refusal {
                    // Nothing is lost: these jobs stay due.
                    if claims.won.is_empty() {
                        return Err(refusal.with_retryable(true));
                    }
                    tracing::warn!("can't claim {refused} jobs: {}", refusal.chain());
                }
                // Refused claims were not lost to others.
                let attempted = attempted.saturating_sub(refused);
                Ok(self.contention.outcome(due, attempted, claims))
            }
            Err(error) => {
                // After any error: the server may have written some claims.
                self.in_doubt.keep(mark, claims);
                Err(error)
            }
        }
    }
}

impl JobStore for RethinkDbJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all()
    }

    fn start(&self, _alias: &str) -> Result<()> {
        let connection = Connection::new(&self.config);
        schema::prepare(&connection)?;
        self.connection.set(connection);
        Ok(())
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        let connection = Connection::new(&self.config);
        schema::prepare_read_only(&connection)?;
        self.connection.set(connection);
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        if let Some(connection) = self.connection.take() {
            connection.interrupt();
        }
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        let found = finding::find(&*self.connection()?, id)?;
        Ok(found.as_ref().and_then(read))
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let found = finding::list(&*self.connection()?, after, limit)?;
        Ok(found.iter().filter_map(read).collect())
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let found = finding::first_after(&*self.connection()?, after)?;
        Ok(found.as_ref().and_then(read).and_then(|record| record.next_run_time))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        adding::add(&*self.connection()?, &self.marks.next(), &records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let connection = self.connection()?;
        let set = client::datum(json!({
            "next_run_time": optional_time(record.next_run_time),
            "revision": next_revision(record.revision),
            "writer": self.marks.next(),
            "job_state": record.text()?,
        }));
        let function = existing(|row| {
            let is_visible = row.clone().has_field("finished").not();
            let is_unchanged = revision_of(&row).eq(record.revision);
            is_visible.and(is_unchanged).branch(row.clone().merge(set), row)
        });
        let query = connection.table(Table::Jobs).get(key(&record.id)).replace(function);
        let query = query.with("durability", "hard").with("return_changes", "always");
        // Only whether there was such a job.
        let query = query.call(client::Term::function(|result| {
            result.clone().merge(client::Term::object([(
                "changes",
                result.field("changes").map(client::Term::function(|change| {
                    change.field("old_val").has_field("finished").default(true)
                })),
            )]))
        }));
        let answer = connection.run(&query, Repeat::Forbidden)?;
        let count = |name| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        if count("errors") > 0 {
            let first = answer.get("first_error").and_then(Value::as_str).unwrap_or_default();
            return Err(connection.address().unwritten(1, first));
        }
        if count("replaced") > 0 {
            return Ok(true);
        }
        match answer.pointer("/changes/0") {
            Some(Value::Bool(false)) => Ok(false),
            _ => Err(Error::job_lookup(&*record.id)),
        }
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        removing::remove_one(&*self.connection()?, &self.marks.next(), id)
    }

    fn remove_all_jobs(&self) -> Result<()> {
        removing::remove_all(&*self.connection()?, &self.marks.next())
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.replacement.claim(|| self.claim(due, decide))
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::new(RethinkDbLedger::new(&self.connection)))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        watch::start(self.connection()?, self.marks.prefix(), changed).map(Some)
    }
}

impl fmt::Debug for RethinkDbJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RethinkDbJobStore")
            .field("address", &self.config.address.shown)
            .field("database", &self.config.database)
            .field("table", &self.config.table)
            .finish_non_exhaustive()
    }
}
