//! Schedulers and jobs from TOML, YAML and JSON files.
//!
//! ```toml
//! timezone = "Europe/Helsinki"
//!
//! [jobstores.default]
//! type = "sqlite"
//! url = "sqlite:///jobs.sqlite"
//!
//! [[jobs]]
//! id = "backup"
//! func = "command"
//! kwargs = { argv = ["rsync", "-a", "data/", "${BACKUP_HOST:-localhost}:data/"] }
//! trigger = { type = "cron", hour = 3 }
//! misfire_grace_time = 3600
//! ```
//!
//! The top-level keys are those of [`Config`](apscheduler_core::config::Config), nested or with dots, and `name`, `jobs` and
//! `http`, the options of the HTTP API (feature `interface-http`). They may also be in a table `apscheduler`, or have the prefix `apscheduler.`.
//!
//! A job has the options of `add_job`: `id` (required), `func`, `args`, `kwargs`, `trigger` (a table with `type`, or the
//! type alone), `name`, `misfire_grace_time`, `coalesce`, `max_instances`, `timeout`, `next_run_time` (`"none"` adds it
//! paused), `jobstore` and `executor`. A job without a trigger runs once, at each start.
//!
//! In text values, `${NAME}` is replaced by an environment variable, `${NAME:-text}` has a default, and `$${` is a literal
//! `${`.
//!
//! # The identity of a file
//! The job stores remember which file a job came from. They identify the file by its top-level key `name`, which must be
//! unique in a store. A file without a `name` is identified by its path (absolute, with symbolic links not resolved) and
//! the host. A file that is deployed to changing paths or hosts, such as pods, needs a `name`.
//!
//! # Applying a file
//! [`JobsFile::apply`] changes the stores to match the file, and [`JobsFile::plan`] shows the changes without making them.
//! Every stored job has the name, the path and the host of its file, and a digest of its entry. The digest depends only on
//! the meaning of the entry: not on comments, the order of keys, the format, the path or the host.
//! - An **unchanged** job is not touched. It keeps its next run time, it stays paused, and it keeps changes made with
//!   `modify_job`. This includes a job that was applied from another path or host.
//! - A job with a **changed** `trigger` or `next_run_time`, or whose scheduler has another zone, gets a new next run time.
//!   Any other change keeps the next run time, and keeps a paused job paused.
//! - A job that is **no longer in the file** is removed if it belongs to this file. A job of a file at the same path on
//!   another host is kept, with a warning.
//! - A job with the same id **from another source** (added by a program, or by a file without a name) is changed to match
//!   the file, with a warning.
//! - A job with the same id that belongs to a file with **another name** is an error, and nothing is changed. So is a file
//!   whose name was used by a different file with other jobs. [`JobsFile::take_over`] overrides both.
//! - A **record that can't be restored** is replaced.
//! - A job whose **schedule has ended**, such as a `date` in the past, is not added. So a finished job does not run again at
//!   the next start.
//!
//! Several processes may apply the same file to a shared store at the same time.
//!
//! A running scheduler can apply a newer version of its file with [`JobsFile::apply_after`].

mod digest;
mod entry;
mod http;
mod identity;
mod jobs_file;
mod layout;
mod meaning;
mod plan;
mod read;
mod settings;
mod start;
mod stored;
mod sync;
mod syntax;
mod variables;
mod wanted;
mod warnings;

pub use entry::FileJob;
pub use jobs_file::JobsFile;
pub use plan::{Plan, PlannedAction, PlannedChange, PlannedJob};
pub use start::StartFromFile;
pub use sync::Applied;
