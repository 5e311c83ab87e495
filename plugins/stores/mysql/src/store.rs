//! The store.

use std::collections::HashSet;

use apscheduler_core::store::{
    ChangeNotifier, ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord,
    StoreCapabilities, Watch,
};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::{
    ConnectionPool, Connector as _, Replacement, SessionSlot, TransactionsInDoubt,
};
use mysql::prelude::Queryable as _;
use mysql::{Conn, Row};

use crate::WHAT;
use crate::address::Address;
use crate::connection::{Server, answers, literal, literals};
use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::options::{MySqlOptions, seconds};
use crate::pool::{Pool, read};
use crate::rows::{COLUMNS, record, value};
use crate::schema::Tables;
use crate::watch::Notices;

/// How many jobs are sent in one statement, and how many bytes at the most, unless a single one has more.
const CHUNK: usize = 2000;
const CHUNK_BYTES: usize = 1 << 20;

/// Keeps jobs in MySQL or MariaDB.
///
/// Any number of schedulers may share the jobs of one table: see the [crate](crate).
#[derive(Debug)]
pub struct MySqlJobStore {
    options: MySqlOptions,
    open: SessionSlot<Open>,
    in_doubt: TransactionsInDoubt,
    replacement: Replacement,
}

/// What a started store has.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) pool: Pool,
    pub(crate) tables: Tables,
    pub(crate) notices: Notices,
    /// What the tables are called since they were made: others have another name. `None` where there are none to read.
    pub(crate) name: Option<i64>,
}

impl MySqlJobStore {
    /// A store at this URL, with the defaults for the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) where the URL can't be read.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(MySqlOptions::new(url))
    }

    /// A store with these options. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option.
    pub fn with_options(options: MySqlOptions) -> Result<Self> {
        options.check()?;
        let (open, in_doubt, replacement) = Default::default();
        Ok(Self { options, open, in_doubt, replacement })
    }

    /// Does something with what is open. Where the tables are gone or others, this turns to what is there now, and fails.
    fn with_open<T>(&self, work: impl FnOnce(&Open) -> Result<T>) -> Result<T> {
        work(&*self.open.get()?).map_err(|error| {
            if error.kind() != ErrorKind::StoreReplaced {
                return error;
            }
            match Open::new(&self.options) {
                Ok(again) => {
                    self.open.set(again);
                    self.replacement.found(error.message()).with_plugin(WHAT)
                }
                Err(error) => error,
            }
        })
    }
}

impl JobStore for MySqlJobStore {
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
        let open = Open::new(&self.options)?;
        self.open.set(open);
        Ok(())
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        let open = Open::read_only(&self.options)?;
        self.open.set(open);
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        if let Ok(open) = self.open.get() {
            // Calls that are under way end with their connections.
            open.pool.close_idle();
            open.pool.connector().cut();
        }
        self.open.clear();
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.with_open(|open| {
            let query = format!("SELECT {COLUMNS} FROM {} WHERE id = ?", open.tables.jobs);
            open.read("looking a job up", |connection| {
                let row: Option<Row> = connection.exec_first(&query, (id,))?;
                row.as_ref().map(record).transpose()
            })
        })
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.with_open(|open| open.page(after, limit))
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        // The first instant is a run time too, and after the last there is none.
        let earliest = after.map_or(Some(i64::MIN), |after| to_micros(after).checked_add(1));
        let Some(earliest) = earliest else { return Ok(None) };
        self.with_open(|open| {
            let query = format!(
                "SELECT MIN(next_run_time) FROM {} WHERE next_run_time >= ?",
                open.tables.jobs
            );
            open.read("looking for the next run time", |connection| {
                let row: Option<Row> = connection.exec_first(&query, (earliest,))?;
                let time = row.map(|row| value::<Option<i64>>(&row, 0)).transpose()?;
                Ok(time.flatten().map(from_micros))
            })
        })
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        let mut ids = HashSet::with_capacity(records.len());
        if let Some(twice) = records.iter().find(|record| !ids.insert(&*record.id)) {
            return Err(Error::conflicting_id(&*twice.id));
        }
        // In the order of ids, so that two that add the same jobs do not wait for each other in a circle.
        let mut records: Vec<&NewRecord> = records.iter().collect();
        records.sort_unstable_by(|left, right| {
            (left.replace, &left.id).cmp(&(right.replace, &right.id))
        });
        self.with_open(|open| open.add(&records))
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.with_open(|open| open.update(record))
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.with_open(|open| {
            let delete = format!("DELETE FROM {} WHERE id = ?", open.tables.jobs);
            open.change("removing a job", |connection| {
                connection.exec_drop(&delete, (id,))?;
                let removed = connection.affected_rows() > 0;
                Ok((removed, removed))
            })
        })
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.with_open(|open| {
            let delete = format!("DELETE FROM {}", open.tables.jobs);
            open.change("removing all jobs", |connection| {
                Ok((connection.query_drop(&delete)?, true))
            })
        })
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.replacement.claim(|| self.with_open(|open| open.claim(due, decide, &self.in_doubt)))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        self.open.get()?.watch(changed, self.options.period()?).map(Some)
    }
}

/// Splits records, so that a statement has neither too many nor too long ones, and all of one kind.
fn chunks<'a>(records: &'a [&'a NewRecord]) -> impl Iterator<Item = &'a [&'a NewRecord]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let mut bytes = 0;
        let more = rest.iter().take(CHUNK).take_while(|record| {
            bytes += record.payload.as_text().map_or(0, str::len);
            record.replace == first.replace && bytes <= CHUNK_BYTES
        });
        let (chunk, behind) = rest.split_at(more.count().max(1));
        rest = behind;
        Some(chunk)
    })
}

impl Open {
    fn new(options: &MySqlOptions) -> Result<Self> {
        let (pool, tables) = Self::connect(options)?;
        tables.prepare(&pool)?;
        tables.forget_old_claims(&pool);
        let name = Some(tables.name(&pool)?);
        Ok(Self { pool, tables, notices: Notices::default(), name })
    }

    fn read_only(options: &MySqlOptions) -> Result<Self> {
        let (pool, tables) = Self::connect(options)?;
        let is_there = tables.are_there(&pool)?;
        if !is_there {
            tracing::warn!(
                "there is no table {} on the server at {}, so there are no jobs",
                tables.jobs,
                pool.connector().address()
            );
        }
        // It is not asked for again.
        Ok(Self { pool, tables, notices: Notices::default(), name: is_there.then_some(0) })
    }

    fn connect(options: &MySqlOptions) -> Result<(Pool, Tables)> {
        let address = Address::parse(&options.url)?;
        let connect_timeout = seconds("connect_timeout", options.connect_timeout)?;
        let server = Server::new(address.client_options(options)?, address.shown, connect_timeout);
        let pool = ConnectionPool::new(server, &options.pool()?);
        let version = read(&pool, "connecting", |connection| {
            Ok(connection.query_first::<String, _>("SELECT VERSION()")?.unwrap_or_default())
        })?;
        let tables = Tables::new(options, Dialect::of(&version)?);
        Ok((pool, tables))
    }

    /// Reads, where there is something to read.
    fn read<T: Default>(
        &self,
        task: &str,
        work: impl FnMut(&mut Conn) -> Result<T, Failure>,
    ) -> Result<T> {
        if self.name.is_none() { Ok(T::default()) } else { read(&self.pool, task, work) }
    }

    fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let from =
            format!("SELECT {COLUMNS} FROM {} FORCE INDEX (next_run_time)", self.tables.jobs);
        let timed = format!(
            "{from} WHERE (next_run_time = ? AND id > ?) OR next_run_time > ?
             ORDER BY next_run_time, id LIMIT ?"
        );
        let paused = format!("{from} WHERE next_run_time IS NULL AND id > ? ORDER BY id LIMIT ?");
        let (time, id) = match after {
            None => (Some(i64::MIN), ""),
            Some(Cursor { next_run_time, id }) => (next_run_time.map(to_micros), &**id),
        };
        self.read("listing jobs", |connection| {
            let (mut rows, mut behind) = (Vec::<Row>::new(), id);
            if let Some(time) = time {
                rows = connection.exec(&timed, (time, id, time, limit))?;
                behind = "";
            }
            let left = limit - rows.len();
            if left > 0 {
                rows.extend(connection.exec::<Row, _, _>(&paused, (behind, left))?);
            }
            rows.iter().map(record).collect()
        })
    }

    fn add(&self, records: &[&NewRecord]) -> Result<()> {
        // Not from 1: a handle to a job that was removed must not fit one that was added under its id.
        let revision = fastrand::i64(1..1 << 52);
        self.change("adding jobs", |connection| {
            for chunk in chunks(records) {
                self.insert(connection, chunk, revision)?;
            }
            Ok(((), !records.is_empty()))
        })
    }

    /// Adds records that all replace others, or that all do not.
    fn insert(
        &self,
        connection: &mut Conn,
        records: &[&NewRecord],
        revision: i64,
    ) -> Result<(), Failure> {
        let jobs = &self.tables.jobs;
        let rows = records.iter().map(|record| {
            let next = record.next_run_time.map(|time| to_micros(time).to_string());
            let next = next.as_deref().unwrap_or("NULL");
            let (id, state) = (literal(&record.id), literal(record.text()?));
            Ok(format!("({id}, {next}, {revision}, {state})"))
        });
        let rows = rows.collect::<Result<Vec<_>>>()?.join(", ");
        let mut insert =
            format!("INSERT INTO {jobs} (id, next_run_time, revision, job_state) VALUES {rows}");
        if records.iter().any(|record| record.replace) {
            insert += " ON DUPLICATE KEY UPDATE next_run_time = VALUES(next_run_time), \
                revision = revision + 1, job_state = VALUES(job_state)";
        }
        let Err(failure) = answers(connection, &insert) else { return Ok(()) };
        if !failure.is_duplicate() {
            return Err(failure);
        }
        // The attempt left it locked so that it can't go away, in the mode that is asked for here.
        let select = format!(
            "SELECT id FROM {jobs} FORCE INDEX (PRIMARY) WHERE id IN ({}) LIMIT 1 LOCK IN SHARE MODE",
            literals(records.iter().map(|record| &*record.id))
        );
        let taken = connection.query_first::<Row, _>(select)?;
        let id = taken.map(|row| value::<String>(&row, 0)).transpose()?;
        Err(id.map_or(failure, |id| Error::conflicting_id(id).into()))
    }

    fn update(&self, record: &JobRecord) -> Result<bool> {
        let jobs = &self.tables.jobs;
        let update = format!(
            "UPDATE {jobs} SET next_run_time = ?, job_state = ?, revision = revision + 1
             WHERE id = ? AND revision = ?"
        );
        let exists = format!("SELECT 1 FROM {jobs} WHERE id = ?");
        let id = &*record.id;
        let state = record.text()?;
        let (time, revision) = (record.next_run_time.map(to_micros), record.revision.cast_signed());
        self.change("updating a job", |connection| {
            connection.exec_drop(&update, (time, state, id, revision))?;
            let is_changed = connection.affected_rows() > 0;
            if !is_changed && connection.exec_first::<Row, _, _>(&exists, (id,))?.is_none() {
                return Err(Error::job_lookup(id).into());
            }
            Ok((is_changed, is_changed))
        })
    }
}
