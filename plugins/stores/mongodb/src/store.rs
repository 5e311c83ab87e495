//! The store.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ChangeNotifier, Claim, ClaimCursor, ClaimRequest, Claims, Cursor, Decision, JobRecord,
    JobStore, NewRecord, StoreCapabilities, TieBreaker, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{
    ClaimsInDoubt, Contention, DecidedBatch, Replacement, SessionSlot, WriteMarks,
};
use mongodb::bson::{Bson, Document, doc};

use crate::claims::Written;
use crate::connection::Connection;
use crate::document::{next_revision, read, run_time, unchanged};
use crate::finding::{Search, find};
use crate::ledger::MongoDbLedger;
use crate::names::STORE_NAME;
use crate::options::{Config, MongoDbOptions};
use crate::{adding, claims, doubt, open_runs, removing, schema, watch};

/// Keeps jobs in MongoDB. Any number of processes may share them.
pub struct MongoDbJobStore {
    config: Config,
    connection: Arc<SessionSlot<Connection>>,
    writer: WriteMarks,
    in_doubt: ClaimsInDoubt<String>,
    contention: Contention,
    replacement: Replacement,
}

impl MongoDbJobStore {
    /// Creates a store at this URL, with the default collection. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) if the URL is invalid.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(MongoDbOptions::default().url(url))
    }

    /// Creates a store with these options. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option.
    pub fn with_options(options: MongoDbOptions) -> Result<Self> {
        Ok(Self {
            config: options.check()?,
            connection: Arc::default(),
            writer: WriteMarks::default(),
            in_doubt: ClaimsInDoubt::default(),
            contention: Contention::default(),
            replacement: Replacement::default(),
        })
    }

    fn connection(&self) -> Result<Arc<Connection>> {
        self.connection.get().map_err(|error| error.with_plugin(STORE_NAME))
    }

    /// Returns an error if the collection was dropped or replaced, and switches to the new one.
    fn check_collection(&self, connection: &Connection) -> Result<()> {
        if connection.current_collection()? == connection.collection {
            return Ok(());
        }
        self.connection.set(schema::open(&self.config)?);
        let message = format!(
            "the collection `{}.{}` at {} was dropped or replaced",
            self.config.database(),
            self.config.collection(),
            self.config.address.shown
        );
        Err(self.replacement.found(message).with_plugin(STORE_NAME))
    }

    /// Returns the first `limit` documents.
    fn find(&self, filter: Document, sort: Document, limit: usize) -> Result<Vec<Document>> {
        let connection = self.connection()?;
        let search = Search { filter, sort, limit, fields: record_fields(), ..Search::default() };
        find(&connection, &connection.jobs, search)
    }
}

/// The fields of a record.
fn record_fields() -> Document {
    doc! {"next_run_time": 1, "revision": 1, "job_state": 1}
}

/// The filter for jobs with a run time. Documents with an `_id` of another type are not jobs, and must not shorten a page.
fn timed() -> Document {
    doc! {"next_run_time": {"$gte": i64::MIN}, "_id": {"$type": "string"}}
}

/// The filter for all other jobs: they are paused, or their run times were broken manually. Finished jobs are excluded.
fn paused() -> Document {
    let next_run_time = doc! {"$not": {"$gte": i64::MIN}};
    doc! {"next_run_time": next_run_time, "finished": {"$exists": false}, "_id": {"$type": "string"}}
}

/// The filter for the job with this id.
fn by_id(id: &str) -> Document {
    doc! {"_id": id, "finished": {"$exists": false}}
}

/// The `$or` of a filter for jobs after a place.
fn after_place(time: Timestamp, id: &str) -> Bson {
    let time = run_time(Some(time));
    let (later, same) = (
        doc! {"next_run_time": {"$gt": time.clone()}},
        doc! {"next_run_time": time, "_id": {"$gt": id}},
    );
    vec![later, same].into()
}

impl JobStore for MongoDbJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all()
    }

    fn start(&self, _alias: &str) -> Result<()> {
        self.connection.set(schema::open(&self.config)?);
        Ok(())
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        self.connection.set(schema::open_read_only(&self.config)?);
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        if let Some(connection) = self.connection.take() {
            connection.interrupt();
        }
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        let found = self.find(by_id(id), doc! {"_id": 1}, 1)?;
        Ok(found.first().and_then(read))
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let (mut timed, mut paused) = (timed(), paused());
        let mut documents = Vec::new();
        if let Some(Cursor { next_run_time: Some(time), id, .. }) = after {
            timed.insert("$or", after_place(*time, id));
        }
        // After a paused job there are only paused jobs.
        if let Some(Cursor { next_run_time: None, id, .. }) = after {
            paused.insert("_id", doc! {"$gt": &**id});
        } else {
            documents = self.find(timed, doc! {"next_run_time": 1, "_id": 1}, limit)?;
        }
        let left = limit - documents.len();
        documents.extend(self.find(paused, doc! {"_id": 1}, left)?);
        Ok(documents.iter().filter_map(read).collect())
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let mut filter = timed();
        if let Some(after) = after {
            filter.insert("next_run_time", doc! {"$gt": run_time(Some(after))});
        }
        let found = self.find(filter, doc! {"next_run_time": 1, "_id": 1}, 1)?;
        Ok(found.first().and_then(read).and_then(|record| record.next_run_time))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        adding::add(&*self.connection()?, &self.writer.next(), &records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let connection = self.connection()?;
        let mut filter = unchanged(&record.id, record.revision);
        filter.insert("finished", doc! {"$exists": false});
        let update = doc! {"$set": {
            "next_run_time": run_time(record.next_run_time),
            "revision": next_revision(record.revision),
            "writer": self.writer.next(),
            "job_state": record.text()?,
        }};
        let (jobs, by_id) = (connection.jobs.clone(), by_id(&record.id));
        let written = connection.run(async move {
            if jobs.update_one(filter, update).await?.matched_count > 0 {
                return Ok(Some(true));
            }
            Ok(jobs.find_one(by_id).await?.map(|_| false))
        })?;
        written.ok_or_else(|| Error::job_lookup(&*record.id))
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        removing::remove(&*self.connection()?, &self.writer.next(), by_id(id))
    }

    fn remove_all_jobs(&self) -> Result<()> {
        removing::remove_all(&*self.connection()?, &self.writer.next(), doc! {})
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.replacement.claim(|| {
            let connection = self.connection()?;
            let find_out = |claimed: &String, claims: &[Claim]| {
                doubt::find_out(&connection, &self.writer.next(), claimed, claims).map(Some)
            };
            if let Some(claims) = self.in_doubt.settle(due, find_out, decide)? {
                return Ok(claims);
            }
            self.check_collection(&connection)?;
            let mut filter = timed();
            let is_due = doc! {"$gte": i64::MIN, "$lte": run_time(Some(due.now))};
            filter.insert("next_run_time", is_due);
            // With a cursor of another store: start over.
            if let Some(ClaimCursor { next_run_time, tie_breaker: TieBreaker::Id(id), .. }) =
                &due.after
            {
                filter.insert("$or", after_place(*next_run_time, id));
            }
            let (sort, skip) = (doc! {"next_run_time": 1, "_id": 1}, self.contention.skip(due));
            let mut fields = record_fields();
            fields.insert("claims", 1);
            let search = Search { filter, sort, skip, limit: due.limit, fields };
            let documents = find(&connection, &connection.jobs, search)?;
            let records: Vec<JobRecord> = documents.iter().filter_map(read).collect();
            let decided = DecidedBatch::of_snapshot(records, due, decide).into_claims();
            if decided.won.is_empty() {
                return Ok(self.contention.outcome(due, 0, decided));
            }
            let Claims { won: claims, resume, .. } = decided;
            open_runs::announce(&connection, due, &claims)?;
            let (mark, attempted) = (self.writer.next(), claims.len());
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
                    Ok(self.contention.outcome(due, attempted - refused, claims))
                }
                Err(error) => {
                    // After any error: the server may have written some claims.
                    self.in_doubt.keep(mark, claims);
                    Err(error)
                }
            }
        })
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::new(MongoDbLedger::new(&self.connection)))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        let (connection, writer) = (self.connection()?, self.writer.prefix());
        watch::start(connection, self.config.poll_interval, writer, changed).map(Some)
    }
}

impl fmt::Debug for MongoDbJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoDbJobStore")
            .field("address", &self.config.address.shown)
            .field("database", &self.config.database())
            .field("collection", &self.config.collection())
            .finish_non_exhaustive()
    }
}
