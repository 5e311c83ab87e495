//! Keeps jobs in a file, with SQLite: they survive the end of the process, and several processes may share them.
//!
//! In a config: `{"type": "sqlite", "path": "jobs.sqlite"}`, or, as with APScheduler,
//! `{"type": "sqlalchemy", "url": "sqlite:///jobs.sqlite"}`. In a program:
//! ```
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_store_sqlite::SqliteJobStore;
//!
//! let scheduler: BackgroundScheduler = BackgroundScheduler::new();
//! scheduler.add_jobstore("default", SqliteJobStore::open("jobs.sqlite"))?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! # Options
//! | option | default | |
//! |---|---|---|
//! | `path` | | the file; it is made where there is none |
//! | `url` | | instead of `path`: `sqlite:///relative`, `sqlite:////absolute`, or `sqlite://` for jobs in memory |
//! | `tablename` | `apscheduler_jobs` | the table; several fit into one file |
//! | `poll_interval` | 0.5 | how often to look for changes of other processes, in seconds |
//! | `busy_timeout` | 5 | how long to wait for another process that writes, in seconds |
//! | `synchronous` | `normal` | `off`, `normal` or `full`: what survives a power failure, see below |
//!
//! # What is in the file
//! The table has a row for each job: `id`, `next_run_time` in microseconds since 1970 (null for a paused job),
//! `revision`, and `job_state`, which is JSON. The view `apscheduler_jobs_readable` shows the time as text, and what
//! people look for in the state. The table `apscheduler_meta` keeps the version of the schema of each table.
//!
//! # Several processes
//! A batch of fires is claimed in one transaction, so of several schedulers on one file one wins each. A job that
//! another process adds is noticed within `poll_interval`. The file must lie on a local disk: SQLite's locks do not work
//! on network file systems.
//!
//! # What a crash can do
//! A killed process loses nothing. With `synchronous` at `normal` a power failure may take back the last few changes, so
//! that a fire runs again; with `full` it can't, and every change waits for the disk.

mod claims;
mod connection;
mod failure;
mod options;
mod place;
mod read_only;
mod rows;
mod schema;
mod session;
mod statements;
mod store;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::{SqliteOptions, Synchronous};
pub use store::SqliteJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("sqlite", &|options| {
    Ok(Arc::new(SqliteJobStore::with_options(SqliteOptions::parse(options)?)?))
})
.url_schemes(&["sqlite"])
.summary("keeps jobs in a file that processes may share, with SQLite")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
