//! The tables of a store, and their migrations.

use apscheduler_core::Result;
use apscheduler_plugin_kit::store::{SqlServerConfig, foreign_table, newer_schema};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::names::META_TABLE;
use crate::pool::{Pool, read, write};

/// The migrations: each creates a version of the schema from the one before.
///
/// The index on run time and id orders the pages of jobs and the due jobs. The collation compares bytes, as Rust does.
static MIGRATIONS: [fn(&Tables) -> String; 4] = [jobs_and_view, claim_tokens, ledger, open_runs];

fn jobs_and_view(tables: &Tables) -> String {
    let Tables { jobs, readable, index, .. } = tables;
    // Each run leaves a dead entry in the index before the due jobs, which every search passes until a vacuum. So the
    // vacuum starts after a fixed number of runs, however many jobs there are, and always cleans the index.
    format!(
        r#"CREATE TABLE {jobs} (
             id varchar(191) COLLATE "C" PRIMARY KEY,
             next_run_time bigint,
             revision bigint NOT NULL,
             job_state text NOT NULL
           ) WITH (
             autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, vacuum_index_cleanup = on
           );
           CREATE INDEX {index} ON {jobs} (next_run_time, id);
           COMMENT ON COLUMN {jobs}.next_run_time IS 'microseconds of the Unix epoch; null: paused';
           CREATE VIEW {readable} AS
             SELECT id,
                    timestamptz 'epoch' + next_run_time * interval '1 microsecond' AS next_run_time,
                    revision, job_state
             FROM {jobs} ORDER BY {jobs}.next_run_time, id;"#
    )
}

/// The tokens of claims whose answer may be lost, and of claims that must not be written any more. The table may still exist
/// after a manual drop of the table of jobs.
fn claim_tokens(tables: &Tables) -> String {
    format!(
        r#"CREATE TABLE IF NOT EXISTS {} (
             token varchar(64) COLLATE "C" PRIMARY KEY,
             is_written boolean NOT NULL,
             since timestamptz NOT NULL DEFAULT now()
           )"#,
        tables.claims
    )
}

/// The ledger: the journal in the table of claims, the records of runs, and their owners. The tables may still exist after a
/// manual drop of the table of jobs.
fn ledger(tables: &Tables) -> String {
    let Tables { claims, batches, runs, runs_by_job, owners, .. } = tables;
    format!(
        r#"ALTER TABLE {claims}
             ADD COLUMN IF NOT EXISTS batch uuid, ADD COLUMN IF NOT EXISTS owner uuid,
             ADD COLUMN IF NOT EXISTS claimed bigint, ADD COLUMN IF NOT EXISTS entries text;
           CREATE UNIQUE INDEX IF NOT EXISTS {batches} ON {claims} (batch) WHERE batch IS NOT NULL;
           CREATE TABLE IF NOT EXISTS {runs} (
             run_id uuid NOT NULL,
             attempt integer NOT NULL,
             job_id varchar(191) COLLATE "C" NOT NULL,
             scheduled bigint NOT NULL,
             until bigint,
             count bigint NOT NULL,
             state text NOT NULL,
             reason text,
             owner uuid NOT NULL,
             claimed bigint,
             started bigint,
             ended bigint,
             duration bigint,
             result text,
             error text,
             late text,
             PRIMARY KEY (run_id, attempt)
           );
           CREATE INDEX IF NOT EXISTS {runs_by_job} ON {runs} (job_id, run_id);
           COMMENT ON TABLE {runs} IS 'times in microseconds of the Unix epoch, durations in microseconds';
           CREATE TABLE IF NOT EXISTS {owners} (
             owner uuid PRIMARY KEY,
             name text NOT NULL,
             host text NOT NULL,
             pid bigint NOT NULL,
             state text NOT NULL,
             heartbeat bigint NOT NULL,
             lease bigint NOT NULL
           );"#
    )
}

/// The open runs. As for jobs, the vacuum starts after a fixed number of changes.
fn open_runs(tables: &Tables) -> String {
    let Tables { open, open_due, open_by_job, open_by_owner, .. } = tables;
    format!(
        r#"CREATE TABLE IF NOT EXISTS {open} (
             run_id uuid PRIMARY KEY,
             attempt integer NOT NULL,
             job_id varchar(191) COLLATE "C" NOT NULL,
             scheduled bigint NOT NULL,
             state text NOT NULL,
             owner uuid NOT NULL,
             due bigint,
             cancel boolean NOT NULL,
             data text NOT NULL
           ) WITH (
             autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, vacuum_index_cleanup = on
           );
           CREATE INDEX IF NOT EXISTS {open_due} ON {open} (due, run_id) WHERE state = 'waiting';
           CREATE INDEX IF NOT EXISTS {open_by_job} ON {open} (job_id, run_id);
           CREATE INDEX IF NOT EXISTS {open_by_owner} ON {open} (owner, state, run_id);
           COMMENT ON TABLE {open} IS 'times in microseconds of the Unix epoch';"#
    )
}

/// The names of the tables, quoted.
#[derive(Debug)]
pub(crate) struct Tables {
    tablename: String,
    pub(crate) jobs: String,
    pub(crate) claims: String,
    pub(crate) runs: String,
    pub(crate) owners: String,
    pub(crate) open: String,
    meta: String,
    readable: String,
    /// Without the schema: an index is always in that of its table.
    index: String,
    runs_by_job: String,
    batches: String,
    open_due: String,
    open_by_job: String,
    open_by_owner: String,
}

/// The advisory lock of starting stores: "apschedu" in ASCII.
const START_LOCK: i64 = 0x6170_7363_6865_6475;

impl Tables {
    pub(crate) fn new(config: &SqlServerConfig) -> Self {
        let schema = config.tableschema.as_deref().map(|schema| quoted(schema) + ".");
        let schema = schema.unwrap_or_default();
        let name = |suffix: &str| quoted(&format!("{}{suffix}", config.tablename));
        Self {
            tablename: config.tablename.clone(),
            jobs: schema.clone() + &name(""),
            claims: schema.clone() + &name("_claims"),
            runs: schema.clone() + &name("_runs"),
            owners: schema.clone() + &name("_owners"),
            open: schema.clone() + &name("_open"),
            meta: schema.clone() + META_TABLE,
            readable: schema + &name("_readable"),
            index: name("_next_run_time"),
            runs_by_job: name("_runs_by_job"),
            batches: name("_batches"),
            open_due: name("_open_due"),
            open_by_job: name("_open_by_job"),
            open_by_owner: name("_open_by_owner"),
        }
    }

    /// Creates or migrates the tables, and returns the OID of the table of jobs.
    pub(crate) fn prepare(&self, pool: &Pool) -> Result<u32> {
        const TASK: &str = "preparing the tables";
        // Usually nothing is to be done, and no permission to change the schema is needed.
        let version = read(pool, TASK, async |client| self.version(client).await)?;
        if version != newest() {
            write(pool, TASK, async |client| {
                // Processes that start at the same time wait for each other here.
                let lock = [(&START_LOCK as _, Type::INT8)];
                client.query_typed("SELECT pg_advisory_xact_lock($1)", &lock).await?;
                let version = self.version(client).await?;
                self.refuse_newer(version)?;
                let meta = format!(
                    "CREATE TABLE IF NOT EXISTS {} (tablename text PRIMARY KEY, version integer NOT NULL)",
                    self.meta
                );
                client.batch_execute(&meta).await?;
                for migrate in MIGRATIONS.iter().skip(done(version)) {
                    client.batch_execute(&migrate(self)).await?;
                }
                let set = format!(
                    "INSERT INTO {} (tablename, version) VALUES ($1, $2)
                     ON CONFLICT (tablename) DO UPDATE SET version = excluded.version",
                    self.meta
                );
                let row = [(&self.tablename as _, Type::TEXT), (&newest() as _, Type::INT4)];
                client.execute_typed(&set, &row).await?;
                Ok(())
            })?;
        }
        self.oid(pool)
    }

    /// Returns the OID of the table of jobs, or `None` if there is none yet. Changes nothing.
    pub(crate) fn find(&self, pool: &Pool) -> Result<Option<u32>> {
        let version = read(pool, "inspecting the tables", async |client| {
            let version = self.version(client).await?;
            self.refuse_newer(version)?;
            Ok(version)
        })?;
        if version == 0 { Ok(None) } else { self.oid(pool).map(Some) }
    }

    fn oid(&self, pool: &Pool) -> Result<u32> {
        read(pool, "inspecting the tables", async |client| {
            let name = [(&self.jobs as _, Type::TEXT)];
            let row = client.query_typed_one("SELECT to_regclass($1)::oid", &name).await?;
            Ok(row.try_get(0)?)
        })
    }

    fn refuse_newer(&self, version: i32) -> Result<(), Failure> {
        if version <= newest() {
            return Ok(());
        }
        let (found, known) = (version.into(), newest().into());
        Err(newer_schema(&self.jobs, found, known, env!("CARGO_PKG_NAME")).into())
    }

    /// Deletes the tokens of stores that never asked for them.
    pub(crate) fn delete_old_tokens(&self, pool: &Pool) {
        let delete = format!(
            "DELETE FROM {} WHERE batch IS NULL AND since < now() - interval '7 days'",
            self.claims
        );
        let removed = read(pool, "deleting old claim tokens", async |client| {
            Ok(client.batch_execute(&delete).await?)
        });
        if let Err(error) = removed {
            // The server may be read-only for a while; the store starts anyway.
            tracing::warn!("{}", error.chain());
        }
    }

    /// Returns the version of the existing schema; 0 if there is none.
    async fn version(&self, client: &Client) -> Result<i32, Failure> {
        let Self { meta, jobs, claims, runs, owners, open, .. } = self;
        let names = [meta, jobs, claims, runs, owners, open].map(|name| (name as _, Type::TEXT));
        // PostgreSQL caches that a table does not exist, until it reads one that is new in this transaction: without
        // `FROM`, tables that others created while we waited for the lock would not be seen.
        let exist = "SELECT to_regclass($1) IS NOT NULL, to_regclass($2) IS NOT NULL,
             num_nulls(to_regclass($3), to_regclass($4), to_regclass($5), to_regclass($6)) = 0
             FROM pg_catalog.pg_database WHERE datname = current_database()";
        let row = client.query_typed_one(exist, &names).await?;
        let [has_meta, has_jobs, has_others] = [row.try_get(0)?, row.try_get(1)?, row.try_get(2)?];
        let mut version = None;
        if has_meta {
            let query = format!("SELECT version FROM {} WHERE tablename = $1", self.meta);
            let name = [(&self.tablename as _, Type::TEXT)];
            let row = client.query_typed_opt(&query, &name).await?;
            version = row.map(|row| row.try_get(0)).transpose()?;
        }
        match version {
            // Dropped manually, without its row in the meta table.
            Some(_) | None if !has_jobs => Ok(0),
            // The same for the tables that later versions added. Their migrations leave alone what exists.
            Some(2..) if !has_others && version <= Some(newest()) => Ok(1),
            Some(version) => Ok(version),
            None => Err(foreign_table(&self.jobs).into()),
        }
    }
}

/// The version that this release creates and understands.
fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// The number of migrations up to this version.
fn done(version: i32) -> usize {
    usize::try_from(version).unwrap_or(0)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
