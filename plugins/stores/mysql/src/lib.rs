//! Keeps the jobs of apscheduler in MySQL (8.0.17 and later) or MariaDB (10.6 and later), where any number of schedulers on
//! any number of hosts may share them.
//!
//! In a config: `{"type": "mysql", "url": "mysql://user:password@host/database"}`, or `sqlalchemy` with such a URL. In a
//! program:
//! ```no_run
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_store_mysql::MySqlJobStore;
//!
//! let scheduler: BackgroundScheduler = BackgroundScheduler::new();
//! scheduler.add_jobstore("default", MySqlJobStore::new("mysql://user:password@host/database")?)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! # The URL
//! `mysql://` or `mariadb://`; a driver of SQLAlchemy (`mysql+pymysql://`) is ignored. Parameters: `unix_socket`; `charset`,
//! which changes nothing; `ssl-mode`: `DISABLED` (the default), `REQUIRED` (TLS, whoever answers), `VERIFY_CA` and
//! `VERIFY_IDENTITY` (the certificate is checked against `ssl-ca` or the roots of Mozilla).
//!
//! # In the database
//! The table `tablename` has a row for each job: its id, the next run time in microseconds of the Unix epoch, a revision
//! that every write raises, and the job as JSON. `TABLENAME_readable` is a view of it for people, `TABLENAME_changes`
//! counts changes, `TABLENAME_claims` knows the latest claims, and `apscheduler_meta` the version of the schema of each
//! table. All are made on the first start; once they are there, the rights to read and write rows are enough.
//!
//! Ids are compared by their bytes, whatever the collation of the database. Each session sets its own `sql_mode`, zone and
//! time limits, and the isolation `READ COMMITTED`, for which a binary log has to be of the format `ROW` or `MIXED`, as it
//! is by default.
//!
//! # Sharing
//! Schedulers claim due jobs with `FOR UPDATE SKIP LOCKED`, so each takes what no other is about to take. MySQL has nothing
//! that would tell of changes, so the store asks every `poll_interval` (1 s) whether others added, changed or removed
//! jobs, which costs a sum of sixteen numbers.
//!
//! A connection that is lost while a claim is committed leaves it open whether the jobs were claimed. The next claim finds
//! that out, and hands out what was won: no run is lost with a connection, and none is doubled.

mod address;
mod claims;
mod connection;
mod dialect;
mod failure;
mod options;
mod pool;
mod rows;
mod schema;
mod sockets;
mod store;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::MySqlOptions;
pub use store::MySqlJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("mysql", &|given| {
    Ok(Arc::new(MySqlJobStore::with_options(MySqlOptions::parse(given)?)?))
})
.aliases(&["mariadb"])
.url_schemes(&["mysql", "mariadb"])
.summary("keeps jobs in MySQL or MariaDB, shared by any number of schedulers")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// What errors call this plugin.
const WHAT: &str = "job store `mysql`";
