//! Keeps jobs in MongoDB 4.4 or later: the job store `mongodb`.
//!
//! In a config: `{"type": "mongodb", "host": "db.example.org", "database": "shop"}`, or with a URL. In a program:
//! ```no_run
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_store_mongodb::MongoDbJobStore;
//!
//! let scheduler: BackgroundScheduler = BackgroundScheduler::new();
//! scheduler.add_jobstore("default", MongoDbJobStore::new("mongodb://localhost:27017")?)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! # In the database
//! `collection` (`jobs`) in `database` (`apscheduler`) has a document for each job:
//! ```text
//! { _id: "backup", next_run_time: Long(1798761600000000), revision: Long(7), writer: "3fa9c1d2e4b5-17", job_state: '{"version":1,...}' }
//! ```
//! The run time is in microseconds of the Unix epoch, which BSON's own dates do not have, and null for a paused job. Every
//! write raises the revision and leaves its mark as the `writer`. There is an index on `next_run_time` and `_id`, and the
//! collection `apscheduler_meta` knows the version of the schema of each collection. All are made on the first start; the
//! role `readWrite` is enough.
//!
//! # Sharing
//! Any number of schedulers may share a collection. A batch takes one round trip to find what is due and one to write
//! all claims, each a compare-and-set on the revision. The answer tells which were won. A third removes finished jobs,
//! where there are any: the claim has hidden them already, so that nobody sees them where that fails, and the server removes
//! them within a day.
//!
//! Where a connection breaks, or an answer does not come, nobody knows whether the server wrote the claims. The call
//! fails, and the next one begins with finding out: `claims` in each document has the marks of the last two claims of each
//! handle, 16 in all. What turns out to have been won is handed out then, so an outage neither loses nor doubles a run. If
//! the process ends before that, the runs are lost, as for any process that ends between a claim and a run.
//!
//! Adding several jobs is one transaction on replica sets and sharded clusters. A standalone server has no transactions:
//! there, others may see some of the jobs before an id that is taken makes the store remove them again.
//!
//! Changes are told by change streams, which replica sets and sharded clusters have. Where there are none, or the user may
//! not open them, the store looks for changes every `poll_interval` seconds.
//!
//! Reads go to the primary, and writes wait for the majority of a replica set unless the URL says otherwise.

mod adding;
mod claims;
mod commands;
mod connection;
mod document;
mod doubt;
mod failure;
mod options;
mod schema;
mod store;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::MongoDbOptions;
pub use store::MongoDbJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("mongodb", &|options| {
    Ok(Arc::new(MongoDbJobStore::with_options(MongoDbOptions::parse(options)?)?))
})
.classes(&["apscheduler.jobstores.mongodb:MongoDBJobStore"])
.url_schemes(&["mongodb", "mongodb+srv"])
.summary("keeps jobs in MongoDB; processes may share them")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// What errors call it.
const WHAT: &str = "job store `mongodb`";
