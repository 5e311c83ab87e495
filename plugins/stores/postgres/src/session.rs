//! A started store: its connections and tables, and the queries of all calls except claims.

use apscheduler_core::store::{Cursor, JobRecord, NewRecord};
use apscheduler_core::time::to_micros;
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{ConnectionPool, Connector as _, DriverRuntime};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::connection::Server;
use crate::failure::Failure;
use crate::names::STORE_NAME;
use crate::options::Config;
use crate::pool::{Pool, read, write};
use crate::rows::{COLUMNS, count, record};
use crate::schema::Tables;
use crate::watch::Notifications;

/// The most jobs in one statement.
const CHUNK: usize = 10_000;

/// The state of a started store.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) pool: Pool,
    pub(crate) tables: Tables,
    pub(crate) notifications: Notifications,
    pub(crate) runtime: DriverRuntime,
    /// The OID of the table of jobs, which a replaced table does not have. `None` if there is no table to read.
    pub(crate) table: Option<u32>,
    pub(crate) alias: String,
}

/// New records, as columns.
pub(crate) struct NewRows<'a> {
    ids: Vec<&'a str>,
    times: Vec<Option<i64>>,
    states: Vec<&'a str>,
}

impl<'a> NewRows<'a> {
    pub(crate) fn chunks(records: &[&'a NewRecord]) -> Result<Vec<Self>> {
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

impl Session {
    /// Connects, and creates or migrates the tables.
    pub(crate) fn start(config: &Config, alias: &str) -> Result<Self> {
        let (runtime, pool, tables) = Self::connect(config, alias)?;
        let table = tables.prepare(&pool)?;
        tables.delete_old_tokens(&pool);
        let (notifications, alias) = (Notifications::new(table), alias.to_owned());
        Ok(Self { pool, tables, notifications, runtime, table: Some(table), alias })
    }

    /// Connects, and changes nothing.
    pub(crate) fn start_read_only(config: &Config, alias: &str) -> Result<Self> {
        let (runtime, pool, tables) = Self::connect(config, alias)?;
        let table = tables.find(&pool)?;
        if table.is_none() {
            tracing::warn!(
                "there is no table {} in PostgreSQL at {}, so there are no jobs",
                tables.jobs,
                pool.connector().address()
            );
        }
        let notifications = Notifications::new(table.unwrap_or_default());
        Ok(Self { pool, tables, notifications, runtime, table, alias: alias.to_owned() })
    }

    fn connect(config: &Config, alias: &str) -> Result<(DriverRuntime, Pool, Tables)> {
        let runtime = DriverRuntime::start(format!("apscheduler-postgres-{alias}"))
            .map_err(|error| error.with_plugin(STORE_NAME))?;
        let server = Server::new(config, runtime.handle().clone())?;
        let pool = ConnectionPool::new(server, &config.server.pool);
        Ok((runtime, pool, Tables::new(&config.server)))
    }

    /// Reads from the table, or returns the default if there is none.
    pub(crate) fn read<T: Default>(
        &self,
        task: &str,
        work: impl AsyncFnMut(&Client) -> Result<T, Failure>,
    ) -> Result<T> {
        if self.table.is_none() { Ok(T::default()) } else { read(&self.pool, task, work) }
    }

    pub(crate) fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
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
            Some(Cursor { next_run_time, id, .. }) => (next_run_time.map(to_micros), &**id),
        };
        self.read("listing jobs", async |client| {
            let (mut records, mut after_id) = (Vec::new(), id);
            if let Some(time) = time {
                let limit = count(limit);
                let place =
                    [(&time as _, Type::INT8), (&id as _, Type::TEXT), (&limit as _, Type::INT8)];
                for row in client.query_typed(&timed, &place).await? {
                    records.push(record(&row)?);
                }
                after_id = "";
            }
            let left = count(limit - records.len());
            if left > 0 {
                let parameters = [(&after_id as _, Type::TEXT), (&left as _, Type::INT8)];
                for row in client.query_typed(&paused, &parameters).await? {
                    records.push(record(&row)?);
                }
            }
            Ok(records)
        })
    }

    pub(crate) fn add(&self, new: &[NewRows<'_>], replacing: &[NewRows<'_>]) -> Result<()> {
        // In the order of ids, so that two schedulers that add the same jobs do not deadlock.
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
        // Random: a handle to a removed job must not match a job that was added later with the same id.
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
            Ok(self.notifications.send(client).await?)
        })
    }

    pub(crate) fn update(&self, record: &JobRecord) -> Result<bool> {
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
            let [channel, sender] = self.notifications.parameters();
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
