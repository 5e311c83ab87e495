//! Keeps jobs in Redis 6 or later: the job store `redis`.
//!
//! In a config: `{"type": "redis", "host": "redis.example.org", "password": "..."}`, or with a URL. In a program:
//! ```no_run
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_store_redis::RedisJobStore;
//!
//! let scheduler: BackgroundScheduler = BackgroundScheduler::new();
//! scheduler.add_jobstore("default", RedisJobStore::new("redis://localhost:6379/0")?)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! # What lies in the server
//! | key | what |
//! |---|---|
//! | `jobs_key` (`apscheduler.jobs`) | a hash: for each id `REVISION RUN_TIME STATE`, as in `7 2027-01-01T00:00:00.000000Z {"version":1,...}`; a paused job has `paused` for the run time |
//! | `run_times_key` (`apscheduler.run_times`) | a sorted set of `RUN_TIME ID`, all of the score 0, so that their bytes order them: to the microsecond in every year, and by id where run times are equal |
//! | `jobs_key` + `.meta` | a hash: the `format` of all this, the last `revision` that was given, the key of the `run_times`, and the name of this `store`, which tells that the keys are others than before |
//! | `run_times_key` + `.meta` | a hash: the key of the `jobs` that the run times belong to |
//!
//! Changes are published in the channel `jobs_key` + `.changed.` + the number of the database.
//! Where a person changed a record by hand, what stands in `jobs_key` counts, and `run_times_key` follows it as soon as
//! the store comes across the old entry. Run times outside the years 0 to 9999 are kept as the nearest inside.
//!
//! # Sharing
//! Any number of schedulers may share the keys. Applications that share a server differ in both, `jobs_key` and
//! `run_times_key`: who starts with the jobs of one and the run times of another is refused. A claim is a script that
//! compares the revision of each record and writes it in one step. Looking for due jobs takes one round trip, writing the
//! claims another, for up to 1,000 jobs.
//!
//! What is kept is as durable as the server is told to make it (`appendonly`, `appendfsync`, snapshots). Where a
//! connection breaks after a claim was sent, nobody knows whether the server wrote it. The call fails, and the next one
//! begins with finding out, by a token that is written with the claims: what turns out to have been won runs then, and
//! nothing is doubled.

mod connection;
mod options;
mod read_only;
mod script;
mod store;
mod text;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::RedisOptions;
pub use store::RedisJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("redis", &|options| {
    Ok(Arc::new(RedisJobStore::with_options(RedisOptions::parse(options)?)?))
})
.classes(&["apscheduler.jobstores.redis:RedisJobStore"])
.url_schemes(&["redis", "rediss"])
.summary("keeps jobs in Redis; processes may share them")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// What errors call it.
const WHAT: &str = "job store `redis`";
