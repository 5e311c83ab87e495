//! The store.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use apscheduler_core::store::{
    ChangeNotifier, Claim, ClaimCursor, ClaimRequest, Claims, Cursor, Decision, JobRecord,
    JobStore, NewRecord, StoreCapabilities, TieBreaker, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::{Batch, ClaimsInDoubt, Contention, Replacement};
use mongodb::bson::{Bson, Document, doc};

use crate::claims::Written;
use crate::connection::Connection;
use crate::document::{Writer, next_revision, read, run_time, state_text, unchanged};
use crate::options::{MongoDbOptions, Target};
use crate::{WHAT, adding, claims, doubt, watch};

/// The most documents that are asked for at once.
const MOST_AT_ONCE: usize = 10_000;

/// Keeps jobs in MongoDB. Any number of processes may share them.
pub struct MongoDbJobStore {
    options: MongoDbOptions,
    target: Target,
    connection: RwLock<Option<Arc<Connection>>>,
    writer: Arc<Writer>,
    in_doubt: ClaimsInDoubt<String>,
    contention: Contention,
    replacement: Replacement,
}

impl MongoDbJobStore {
    /// A store on the server with this URL, in the usual collection. It connects when the scheduler starts it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where it is no URL of a MongoDB server.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(MongoDbOptions::default().url(url))
    }

    /// A store with these options. It connects when the scheduler starts it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the option.
    pub fn with_options(options: MongoDbOptions) -> Result<Self> {
        let target = options.resolve()?;
        Ok(Self {
            options,
            target,
            connection: RwLock::default(),
            writer: Arc::new(Writer::new()),
            in_doubt: ClaimsInDoubt::default(),
            contention: Contention::default(),
            replacement: Replacement::default(),
        })
    }

    fn connection(&self) -> Result<Arc<Connection>> {
        let connection = self.connection.read().unwrap_or_else(PoisonError::into_inner);
        connection.clone().ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "the store was not started, or was shut down")
                .with_plugin(WHAT)
        })
    }

    fn exchange(&self, connection: Option<Arc<Connection>>) -> Option<Arc<Connection>> {
        let mut place = self.connection.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, connection)
    }

    /// Fails where the collection is gone or another one, and turns to what is there now.
    fn check_collection(&self, connection: &Connection) -> Result<()> {
        if connection.collection_there()? == connection.collection {
            return Ok(());
        }
        let again = Connection::open(&self.options, &self.target)?;
        drop(self.exchange(Some(Arc::new(again))));
        let message = format!(
            "the collection `{}.{}` at {} was dropped, or is another one than before",
            self.options.database, self.options.collection, self.target.address.shown
        );
        Err(self.replacement.found(message).with_plugin(WHAT))
    }

    /// The first documents, `limit` at the most.
    fn find(&self, filter: Document, sort: Document, limit: usize) -> Result<Vec<Document>> {
        self.find_behind(filter, sort, 0, limit, record_fields())
    }

    /// The documents but for the first `skip`, `limit` at the most.
    fn find_behind(
        &self,
        filter: Document,
        sort: Document,
        skip: usize,
        limit: usize,
        fields: Document,
    ) -> Result<Vec<Document>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let connection = self.connection()?;
        let jobs = connection.jobs.clone();
        // One more than there will be: the server then knows that there is no more, and need not be asked again.
        let batch = u32::try_from(limit.min(MOST_AT_ONCE) + 1).unwrap_or(u32::MAX);
        connection.run(async move {
            let mut cursor = jobs
                .find(filter)
                .sort(sort)
                .skip(u64::try_from(skip).unwrap_or(u64::MAX))
                .limit(i64::try_from(limit).unwrap_or(i64::MAX))
                .batch_size(batch)
                .projection(fields)
                .await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        })
    }
}

/// What a record is read from.
fn record_fields() -> Document {
    doc! {"next_run_time": 1, "revision": 1, "job_state": 1}
}

/// Jobs with a run time. What is no job of ours has an `_id` of another type, and no page ends early for it.
fn timed() -> Document {
    doc! {"next_run_time": {"$gte": i64::MIN}, "_id": {"$type": "string"}}
}

/// What all others fulfil: they are paused, or a hand broke their run times. Finished ones are only still to be removed.
fn paused() -> Document {
    let next_run_time = doc! {"$not": {"$gte": i64::MIN}};
    doc! {"next_run_time": next_run_time, "finished": {"$exists": false}, "_id": {"$type": "string"}}
}

/// The job with that id.
fn by_id(id: &str) -> Document {
    doc! {"_id": id, "finished": {"$exists": false}}
}

/// What a filter needs under `$or` for a run time behind a place.
fn behind(time: Timestamp, id: &str) -> Bson {
    let time = run_time(Some(time));
    let (later, same) = (
        doc! {"next_run_time": {"$gt": time.clone()}},
        doc! {"next_run_time": time, "_id": {"$gt": id}},
    );
    vec![later, same].into()
}

impl JobStore for MongoDbJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            durable: true,
            shared: true,
            serializes: true,
            blocking: true,
            watch: true,
        }
    }

    fn start(&self, _alias: &str) -> Result<()> {
        let connection = Connection::open(&self.options, &self.target)?;
        drop(self.exchange(Some(Arc::new(connection))));
        Ok(())
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        let connection = Connection::read_only(&self.options, &self.target)?;
        drop(self.exchange(Some(Arc::new(connection))));
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        if let Some(connection) = self.exchange(None) {
            connection.cut();
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
        if let Some(Cursor { next_run_time: Some(time), id }) = after {
            timed.insert("$or", behind(*time, id));
        }
        // Behind a paused job there are paused jobs only.
        if let Some(Cursor { next_run_time: None, id }) = after {
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
        adding::add(&*self.connection()?, &self.writer.mark(), &records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let connection = self.connection()?;
        let mut filter = unchanged(&record.id, record.revision);
        filter.insert("finished", doc! {"$exists": false});
        let update = doc! {"$set": {
            "next_run_time": run_time(record.next_run_time),
            "revision": next_revision(record.revision),
            "writer": self.writer.mark(),
            "job_state": state_text(&record.id, &record.payload)?,
        }};
        let (jobs, by_id) = (connection.jobs.clone(), by_id(&record.id));
        let written = connection.run(async move {
            if jobs.update_one(filter, update).await?.matched_count > 0 {
                return Ok(Some(true));
            }
            Ok(jobs.find_one(by_id).await?.map(|_| false))
        })?;
        written.ok_or_else(|| {
            Error::new(ErrorKind::JobLookup, "no job with this id").with_job_id(&*record.id)
        })
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let connection = self.connection()?;
        let (jobs, filter) = (connection.jobs.clone(), by_id(id));
        connection.run(async move { Ok(jobs.delete_one(filter).await?.deleted_count > 0) })
    }

    fn remove_all_jobs(&self) -> Result<()> {
        let connection = self.connection()?;
        let jobs = connection.jobs.clone();
        connection.run(async move { jobs.delete_many(doc! {}).await.map(drop) })
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.replacement.claim(|| {
            let connection = self.connection()?;
            let find_out = |claimed: &String, claims: &[Claim]| {
                doubt::find_out(&connection, &self.writer.mark(), claimed, claims).map(Some)
            };
            if let Some(claims) = self.in_doubt.settle(due, find_out, decide)? {
                return Ok(claims);
            }
            self.check_collection(&connection)?;
            let mut filter = timed();
            let is_due = doc! {"$gte": i64::MIN, "$lte": run_time(Some(due.now))};
            filter.insert("next_run_time", is_due);
            // A cursor of another store means nothing here: from the beginning.
            if let Some(ClaimCursor { next_run_time, tie_breaker: TieBreaker::Id(id) }) = &due.after
            {
                filter.insert("$or", behind(*next_run_time, id));
            }
            let (sort, ahead) = (doc! {"next_run_time": 1, "_id": 1}, self.contention.ahead(due));
            let mut fields = record_fields();
            fields.insert("claims", 1);
            let documents = self.find_behind(filter, sort, ahead, due.limit, fields)?;
            let records: Vec<JobRecord> = documents.iter().filter_map(read).collect();
            let Batch { claims, resume } = Batch::decide(records, due, decide);
            if claims.is_empty() {
                return Ok(self.contention.outcome(due, 0, Claims { won: claims, resume }));
            }
            let (mark, attempted) = (self.writer.mark(), claims.len());
            match claims::write(&connection, &mark, &claims, &claims::marks(&documents)) {
                Ok(Written { won, refused, refusal }) => {
                    let written = claims.into_iter().zip(won);
                    let won = written.filter_map(|(claim, is_won)| is_won.then_some(claim));
                    let claims = Claims { won: won.collect(), resume };
                    if let Some(refusal) = refusal {
                        // Nothing is lost: what was not claimed stays due.
                        if claims.won.is_empty() {
                            return Err(refusal.with_retryable(true));
                        }
                        tracing::warn!("can't claim {refused} jobs: {}", refusal.chain());
                    }
                    // What the server refuses was not lost to others.
                    Ok(self.contention.outcome(due, attempted - refused, claims))
                }
                Err(error) => {
                    // Whatever the error is: the server may have written some before.
                    self.in_doubt.keep(mark, claims);
                    Err(error)
                }
            }
        })
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        let (connection, writer) = (self.connection()?, self.writer.prefix());
        watch::start(connection, self.target.poll_interval, writer, changed).map(Some)
    }
}

impl fmt::Debug for MongoDbJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoDbJobStore")
            .field("address", &self.target.address.shown)
            .field("database", &self.options.database)
            .field("collection", &self.options.collection)
            .finish_non_exhaustive()
    }
}
