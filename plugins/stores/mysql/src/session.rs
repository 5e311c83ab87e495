//! A started store: its connections and tables, and the queries of all calls except claims.

use apscheduler_core::store::{Cursor, JobRecord, NewRecord};
use apscheduler_core::time::to_micros;
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{ConnectionPool, Connector as _};
use mysql::prelude::Queryable as _;
use mysql::{Conn, Row};

use crate::changes::Changes;
use crate::connection::Server;
use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::options::Config;
use crate::pool::{Pool, read};
use crate::rows::{COLUMNS, record, value};
use crate::schema::Tables;
use crate::statements::{answers, literal, literals};

/// The most jobs in one statement.
const CHUNK: usize = 2000;

/// The most bytes of jobs in one statement, unless a single job has more.
const CHUNK_BYTES: usize = 1 << 20;

/// The state of a started store.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) pool: Pool,
    pub(crate) tables: Tables,
    pub(crate) changes: Changes,
    /// The identity of the tables, which replaced tables do not have. `None` if there are no tables to read.
    pub(crate) identity: Option<i64>,
}

/// Splits records into chunks for one statement each, which either all replace others or all do not.
fn chunks<'a>(records: &'a [&'a NewRecord]) -> impl Iterator<Item = &'a [&'a NewRecord]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let mut bytes = 0;
        let more = rest.iter().take(CHUNK).take_while(|record| {
            bytes += record.payload.as_text().map_or(0, str::len);
            record.replace == first.replace && bytes <= CHUNK_BYTES
        });
        let (chunk, others) = rest.split_at(more.count().max(1));
        rest = others;
        Some(chunk)
    })
}

impl Session {
    /// Connects, and creates or migrates the tables.
    pub(crate) fn start(config: &Config) -> Result<Self> {
        let (pool, tables) = Self::connect(config)?;
        tables.prepare(&pool)?;
        tables.delete_old_tokens(&pool);
        let identity = Some(tables.identity(&pool)?);
        Ok(Self { pool, tables, changes: Changes::default(), identity })
    }

    /// Connects, and changes nothing.
    pub(crate) fn start_read_only(config: &Config) -> Result<Self> {
        let (pool, tables) = Self::connect(config)?;
        let exist = tables.exist(&pool)?;
        if !exist {
            tracing::warn!(
                "there is no table {} on the server at {}, so there are no jobs",
                tables.jobs,
                pool.connector().address()
            );
        }
        // Only claims compare the identity.
        Ok(Self { pool, tables, changes: Changes::default(), identity: exist.then_some(0) })
    }

    fn connect(config: &Config) -> Result<(Pool, Tables)> {
        let options = config.address.driver_options(&config.server)?;
        let address = config.address.shown.clone();
        let server = Server::new(options, address, config.server.connect_timeout);
        let pool = ConnectionPool::new(server, &config.server.pool);
        let version = read(&pool, "connecting", |connection| {
            Ok(connection.query_first::<String, _>("SELECT VERSION()")?.unwrap_or_default())
        })?;
        let tables = Tables::new(&config.server, Dialect::of(&version)?);
        Ok((pool, tables))
    }

    /// Reads from the tables, or returns the default if there are none.
    pub(crate) fn read<T: Default>(
        &self,
        task: &str,
        work: impl FnMut(&mut Conn) -> Result<T, Failure>,
    ) -> Result<T> {
        if self.identity.is_none() { Ok(T::default()) } else { read(&self.pool, task, work) }
    }

    pub(crate) fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let from =
            format!("SELECT {COLUMNS} FROM {} FORCE INDEX (next_run_time)", self.tables.jobs);
        let timed = format!(
            "{from} WHERE (next_run_time = ? AND id > ?) OR next_run_time > ?
             ORDER BY next_run_time, id LIMIT ?"
        );
        let paused = format!("{from} WHERE next_run_time IS NULL AND id > ? ORDER BY id LIMIT ?");
        let (time, id) = match after {
            None => (Some(i64::MIN), ""),
            Some(Cursor { next_run_time, id, .. }) => (next_run_time.map(to_micros), &**id),
        };
        self.read("listing jobs", |connection| {
            let (mut rows, mut after_id) = (Vec::<Row>::new(), id);
            if let Some(time) = time {
                rows = connection.exec(&timed, (time, id, time, limit))?;
                after_id = "";
            }
            let left = limit - rows.len();
            if left > 0 {
                rows.extend(connection.exec::<Row, _, _>(&paused, (after_id, left))?);
            }
            rows.iter().map(record).collect()
        })
    }

    pub(crate) fn add(&self, records: &[&NewRecord]) -> Result<()> {
        // Random: a handle to a removed job must not match a job that was added later with the same id.
        let revision = fastrand::i64(1..1 << 52);
        self.change("adding jobs", |connection| {
            for chunk in chunks(records) {
                self.insert(connection, chunk, revision)?;
            }
            Ok(((), !records.is_empty()))
        })
    }

    /// Adds records that either all replace others or all do not.
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
        // The attempt left it locked in share mode, so it can't disappear.
        let select = format!(
            "SELECT id FROM {jobs} FORCE INDEX (PRIMARY) WHERE id IN ({}) LIMIT 1 LOCK IN SHARE MODE",
            literals(records.iter().map(|record| &*record.id))
        );
        let taken = connection.query_first::<Row, _>(select)?;
        let id = taken.map(|row| value::<String>(&row, 0)).transpose()?;
        Err(id.map_or(failure, |id| Error::conflicting_id(id).into()))
    }

    pub(crate) fn update(&self, record: &JobRecord) -> Result<bool> {
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
