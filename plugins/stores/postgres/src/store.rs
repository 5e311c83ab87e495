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
use futures_util::future::try_join;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::WHAT;
use crate::connection::Server;
use crate::failure::Failure;
use crate::options::PostgresOptions;
use crate::pool::{Pool, read, write};
use crate::rows::{COLUMNS, count, record};
use crate::schema::Tables;
use crate::watch::{Notices, Runtime};

/// How many jobs are sent in one statement.
const CHUNK: usize = 10_000;

/// Keeps jobs in PostgreSQL.
///
/// Any number of schedulers may share the jobs of one table: see the [crate](crate).
#[derive(Debug)]
pub struct PostgresJobStore {
    options: PostgresOptions,
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
    pub(crate) runtime: Runtime,
    /// The number that the server gave the table of jobs: another table has another. `None` where there is none to read.
    pub(crate) table: Option<u32>,
    alias: String,
}

impl PostgresJobStore {
    /// A store with these options. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option.
    pub fn with_options(options: PostgresOptions) -> Result<Self> {
        options.check()?;
        let (open, in_doubt, replacement) = Default::default();
        Ok(Self { options, open, in_doubt, replacement })
    }

    /// A store at this URL, with the defaults for the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) where the URL can't be read.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(PostgresOptions::new(url))
    }

    /// Does something with what is open. Where the tables are gone or others, this turns to what is there now, and fails.
    fn with_open<T>(&self, work: impl FnOnce(&Open) -> Result<T>) -> Result<T> {
        let open = self.open.get()?;
        work(&open).map_err(|error| {
            if error.kind() != ErrorKind::StoreReplaced {
                return error;
            }
            match Open::new(&self.options, &open.alias) {
                Ok(again) => {
                    self.open.set(again);
                    self.replacement.found(error.message()).with_plugin(WHAT)
                }
                Err(error) => error,
            }
        })
    }
}

impl JobStore for PostgresJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            durable: true,
            shared: true,
            serializes: true,
            blocking: true,
            watch: true,
        }
    }

    fn start(&self, alias: &str) -> Result<()> {
        let open = Open::new(&self.options, alias)?;
        self.open.set(open);
        Ok(())
    }

    fn start_read_only(&self, alias: &str) -> Result<()> {
        let open = Open::read_only(&self.options, alias)?;
        self.open.set(open);
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        if let Ok(open) = self.open.get() {
            // Calls that are under way end with their connections.
            open.pool.close_idle();
            open.runtime.stop();
        }
        self.open.clear();
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.with_open(|open| {
            let query = format!("SELECT {COLUMNS} FROM {} WHERE id = $1", open.tables.jobs);
            open.read("looking a job up", async |client| {
                let row = client.query_typed_opt(&query, &[(&id as _, Type::TEXT)]).await?;
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
        // Not `min`: with the statistics of an earlier time PostgreSQL may read all that comes behind for that.
        self.with_open(|open| {
            let query = format!(
                "SELECT next_run_time FROM {} WHERE next_run_time >= $1 ORDER BY next_run_time, id LIMIT 1",
                open.tables.jobs
            );
            open.read("looking for the next run time", async |client| {
                let row = client.query_typed_opt(&query, &[(&earliest as _, Type::INT8)]).await?;
                let time = row.map(|row| row.try_get::<_, i64>(0)).transpose()?;
                Ok(time.map(from_micros))
            })
        })
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        let mut ids = HashSet::with_capacity(records.len());
        if let Some(twice) = records.iter().find(|record| !ids.insert(&*record.id)) {
            return Err(Error::conflicting_id(&*twice.id));
        }
        let (replacing, new): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.replace);
        let (new, replacing) = (NewRows::chunks(&new)?, NewRows::chunks(&replacing)?);
        self.with_open(|open| open.add(&new, &replacing))
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.with_open(|open| open.update(record))
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.with_open(|open| {
            let Open { tables, notices, .. } = open;
            let delete = format!(
                "WITH gone AS (DELETE FROM {} WHERE id = $1 RETURNING 1)
                 SELECT EXISTS (SELECT FROM gone), (SELECT pg_notify($2, $3)::text FROM gone)",
                tables.jobs
            );
            write(&open.pool, "removing a job", async |client| {
                let [channel, sender] = notices.parameters();
                let parameters = [(&id as _, Type::TEXT), channel, sender];
                let row = client.query_typed_one(&delete, &parameters).await?;
                Ok(row.try_get(0)?)
            })
        })
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.with_open(|open| {
            let delete = format!("DELETE FROM {}", open.tables.jobs);
            write(&open.pool, "removing all jobs", async |client| {
                try_join(client.batch_execute(&delete), open.notices.tell(client)).await?;
                Ok(())
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
        let open = self.open.get()?;
        open.notices.watch(&open.runtime, open.pool.connector().clone(), changed).map(Some)
    }
}

/// New records, by columns.
struct NewRows<'a> {
    ids: Vec<&'a str>,
    times: Vec<Option<i64>>,
    states: Vec<&'a str>,
}

impl<'a> NewRows<'a> {
    fn chunks(records: &[&'a NewRecord]) -> Result<Vec<Self>> {
        records.chunks(CHUNK).map(Self::new).collect()
    }

    fn new(records: &[&'a NewRecord]) -> Result<Self> {
        let states = records.iter().map(|record| record.text());
        Ok(Self {
            ids: records.iter().map(|record| &*record.id).collect(),
            times: records.iter().map(|record| record.next_run_time.map(to_micros)).collect(),
            states: states.collect::<Result<_>>()?,
        })
    }

    async fn insert(
        &self,
        client: &Client,
        insert: &str,
        revision: i64,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let parameters = [
            (&self.ids as _, Type::TEXT_ARRAY),
            (&self.times as _, Type::INT8_ARRAY),
            (&self.states as _, Type::TEXT_ARRAY),
            (&revision as _, Type::INT8),
        ];
        client.query_typed(insert, &parameters).await
    }
}

impl Open {
    fn new(options: &PostgresOptions, alias: &str) -> Result<Self> {
        let (runtime, pool, tables) = Self::connect(options, alias)?;
        let table = tables.prepare(&pool)?;
        tables.forget_old_claims(&pool);
        let (notices, alias) = (Notices::new(table), alias.to_owned());
        Ok(Self { pool, tables, notices, runtime, table: Some(table), alias })
    }

    fn read_only(options: &PostgresOptions, alias: &str) -> Result<Self> {
        let (runtime, pool, tables) = Self::connect(options, alias)?;
        let table = tables.find(&pool)?;
        if table.is_none() {
            tracing::warn!(
                "there is no table {} in PostgreSQL at {}, so there are no jobs",
                tables.jobs,
                pool.connector().address()
            );
        }
        let (notices, alias) = (Notices::new(table.unwrap_or_default()), alias.to_owned());
        Ok(Self { pool, tables, notices, runtime, table, alias })
    }

    fn connect(options: &PostgresOptions, alias: &str) -> Result<(Runtime, Pool, Tables)> {
        let runtime = Runtime::start(alias)?;
        let server = Server::new(options, runtime.handle().clone())?;
        let pool = ConnectionPool::new(server, &options.pool()?);
        Ok((runtime, pool, Tables::new(options)))
    }

    /// Reads, where there is something to read.
    fn read<T: Default>(
        &self,
        task: &str,
        work: impl AsyncFnMut(&Client) -> Result<T, Failure>,
    ) -> Result<T> {
        if self.table.is_none() { Ok(T::default()) } else { read(&self.pool, task, work) }
    }

    fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let jobs = &self.tables.jobs;
        let timed = format!(
            "SELECT {COLUMNS} FROM {jobs} WHERE (next_run_time, id) > ($1, $2)
             ORDER BY next_run_time, id LIMIT $3"
        );
        let paused = format!(
            "SELECT {COLUMNS} FROM {jobs} WHERE next_run_time IS NULL AND id > $1
             ORDER BY id LIMIT $2"
        );
        let (time, id) = match after {
            None => (Some(i64::MIN), ""),
            Some(Cursor { next_run_time, id }) => (next_run_time.map(to_micros), &**id),
        };
        self.read("listing jobs", async |client| {
            let (mut records, mut behind) = (Vec::new(), id);
            if let Some(time) = time {
                let limit = count(limit);
                let place =
                    [(&time as _, Type::INT8), (&id as _, Type::TEXT), (&limit as _, Type::INT8)];
                for row in client.query_typed(&timed, &place).await? {
                    records.push(record(&row)?);
                }
                behind = "";
            }
            let left = count(limit - records.len());
            if left > 0 {
                let parameters = [(&behind as _, Type::TEXT), (&left as _, Type::INT8)];
                for row in client.query_typed(&paused, &parameters).await? {
                    records.push(record(&row)?);
                }
            }
            Ok(records)
        })
    }

    fn add(&self, new: &[NewRows<'_>], replacing: &[NewRows<'_>]) -> Result<()> {
        // In the order of ids, so that two that add the same jobs do not wait for each other in a circle.
        let rows = "SELECT id, next_run_time, $4::int8, job_state \
             FROM unnest($1::text[], $2::int8[], $3::text[]) AS new (id, next_run_time, job_state) \
             ORDER BY id COLLATE \"C\"";
        let into = format!(
            "INSERT INTO {} AS stored (id, next_run_time, revision, job_state) {rows} ON CONFLICT (id)",
            self.tables.jobs
        );
        let insert = format!(
            "WITH added AS ({into} DO NOTHING RETURNING id)
             SELECT id FROM unnest($1::text[]) AS new (id)
             WHERE NOT EXISTS (SELECT FROM added WHERE added.id = new.id)"
        );
        let replace = format!(
            "{into} DO UPDATE SET next_run_time = excluded.next_run_time,
             revision = stored.revision + 1, job_state = excluded.job_state"
        );
        // Not from 1: a handle to a job that was removed must not fit one that was added under its id.
        let revision = fastrand::i64(1..1 << 52);
        write(&self.pool, "adding jobs", async |client| {
            for rows in new {
                let taken = rows.insert(client, &insert, revision).await?;
                if let Some(row) = taken.first() {
                    return Err(Error::conflicting_id(row.try_get::<_, &str>(0)?).into());
                }
            }
            for rows in replacing {
                rows.insert(client, &replace, revision).await?;
            }
            Ok(self.notices.tell(client).await?)
        })
    }

    fn update(&self, record: &JobRecord) -> Result<bool> {
        let jobs = &self.tables.jobs;
        let update = format!(
            "WITH changed AS (
               UPDATE {jobs} SET next_run_time = $3, job_state = $4, revision = revision + 1
               WHERE id = $1 AND revision = $2 RETURNING 1)
             SELECT EXISTS (SELECT FROM changed), EXISTS (SELECT FROM {jobs} WHERE id = $1),
                    (SELECT pg_notify($5, $6)::text FROM changed)"
        );
        let id = &*record.id;
        let state = record.text()?;
        let (time, revision) = (record.next_run_time.map(to_micros), record.revision.cast_signed());
        write(&self.pool, "updating a job", async |client| {
            let [channel, sender] = self.notices.parameters();
            let parameters = [
                (&id as _, Type::TEXT),
                (&revision as _, Type::INT8),
                (&time as _, Type::INT8),
                (&state as _, Type::TEXT),
                channel,
                sender,
            ];
            let row = client.query_typed_one(&update, &parameters).await?;
            let (is_changed, is_there): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
            if is_there || is_changed {
                return Ok(is_changed);
            }
            Err(Error::job_lookup(id).into())
        })
    }
}
