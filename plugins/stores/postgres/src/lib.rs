//! Keeps the jobs of apscheduler in PostgreSQL, where any number of schedulers on any number of hosts may share them.
//!
//! In a config: `{"type": "postgres", "url": "postgresql://user:password@host/database"}`, or `sqlalchemy` with such a
//! URL. In a program:
//! ```no_run
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_store_postgres::PostgresJobStore;
//!
//! let scheduler: BackgroundScheduler = BackgroundScheduler::new();
//! scheduler.add_jobstore("default", PostgresJobStore::new("postgresql://user:password@host/database")?)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! # The URL
//! `postgresql://` or `postgres://`; a driver of SQLAlchemy (`postgresql+psycopg2://`) is ignored. Parameters are those of
//! libpq, as `?sslmode=verify-full&application_name=shop`. Several hosts may stand in it, with
//! `target_session_attrs=read-write` for the primary of a cluster.
//!
//! `sslmode` means what it means to libpq: `disable`, `prefer` (the default: TLS where the server has it), `require`
//! (TLS, whoever answers), `verify-ca` and `verify-full` (TLS, and the certificate is checked against `sslrootcert` or
//! the roots of the system).
//!
//! # In the database
//! PostgreSQL 12 or later. The table `tablename` has a row for each job: its id, the next run time in microseconds of the
//! Unix epoch, a revision that every write raises, and the job as JSON. `TABLENAME_readable` is a view of it with times for
//! people, `TABLENAME_claims` knows the latest claims, and `apscheduler_meta` the version of the schema of each table. All
//! are made on the first start; once they are there, the rights to read and write rows are enough.
//!
//! # Sharing
//! Schedulers claim due jobs with `FOR UPDATE SKIP LOCKED`, so each takes what no other is about to take, and adding
//! schedulers adds throughput. Other schedulers hear of added, changed and removed jobs through `LISTEN`/`NOTIFY`. Behind
//! a `PgBouncer` that pools transactions there is no `LISTEN`: jobs that others add are then found within a minute.
//!
//! A connection that is lost while a claim is committed leaves it open whether the jobs were claimed. The server is asked
//! for that afterwards, by a token that is written with the claims: what was claimed runs then, and nothing is doubled.
//!
//! Each fire leaves an old version of its row behind. The table asks for a vacuum after 5,000 of them, which autovacuum
//! looks after once a minute; transactions that stay open for long elsewhere in the database keep it from that, and due
//! jobs are then found more slowly.

mod address;
mod claims;
mod connection;
mod failure;
mod options;
mod pool;
mod rows;
mod schema;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod wait;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::PostgresOptions;
pub use store::PostgresJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("postgres", &|given| {
    Ok(Arc::new(PostgresJobStore::with_options(PostgresOptions::parse(given)?)?))
})
.aliases(&["postgresql"])
.url_schemes(&["postgresql", "postgres"])
.summary("keeps jobs in PostgreSQL, shared by any number of schedulers")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// What errors say where they come from.
const WHAT: &str = "job store `postgres`";
