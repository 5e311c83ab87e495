//! The tables of a store, and their migrations.

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::{SqlServerConfig, foreign_table, newer_schema};
use mysql::Conn;
use mysql::prelude::Queryable as _;

use crate::changes::SLOTS;
use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::names::META_TABLE;
use crate::pool::{Pool, read};

/// The migrations: each creates a version of the schema from the one before. MySQL can't roll them back, so each statement
/// may have been executed already.
static MIGRATIONS: [fn(&Tables) -> Vec<String>; 3] = [jobs, ledger, open_runs];

fn jobs(tables: &Tables) -> Vec<String> {
    let Tables { jobs, changes, claims, dialect: Dialect { collation }, .. } = tables;
    let slots: Vec<String> = (0..SLOTS).map(|slot| format!("({slot}, 0)")).collect();
    vec![
        // The index on run time and id orders the pages of jobs and the due jobs.
        format!(
            "CREATE TABLE IF NOT EXISTS {jobs} (
               id varchar(191) NOT NULL PRIMARY KEY,
               next_run_time bigint NULL COMMENT 'microseconds of the Unix epoch; null: paused',
               revision bigint NOT NULL,
               job_state longtext NOT NULL,
               KEY next_run_time (next_run_time, id)
             ) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {collation}"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {changes} (slot int NOT NULL PRIMARY KEY, count bigint NOT NULL)
             ENGINE=InnoDB"
        ),
        // The tokens of claims whose answer may be lost, and of claims that must not be written any more.
        format!(
            "CREATE TABLE IF NOT EXISTS {claims} (
               token varchar(64) CHARACTER SET ascii NOT NULL PRIMARY KEY,
               is_written bool NOT NULL,
               since timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
             ) ENGINE=InnoDB"
        ),
        format!("INSERT IGNORE INTO {changes} (slot, count) VALUES {}", slots.join(", ")),
    ]
}

/// The type of identifiers of runs and owners.
const ID: &str = "char(36) CHARACTER SET ascii COLLATE ascii_bin";

/// The ledger: the journal of claims, the records of runs, and their owners.
fn ledger(tables: &Tables) -> Vec<String> {
    let Tables { batches, runs, owners, dialect: Dialect { collation }, .. } = tables;
    vec![
        format!(
            "CREATE TABLE IF NOT EXISTS {batches} (
               batch {ID} NOT NULL PRIMARY KEY,
               owner {ID} NOT NULL,
               claimed bigint NOT NULL,
               entries longtext NOT NULL,
               KEY owner (owner, batch)
             ) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {collation}"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {runs} (
               run_id {ID} NOT NULL,
               attempt int NOT NULL,
               job_id varchar(191) NOT NULL,
               scheduled bigint NOT NULL COMMENT 'microseconds of the Unix epoch, as all times',
               until bigint NULL,
               count bigint NOT NULL,
               state varchar(20) NOT NULL,
               reason varchar(40) NULL,
               owner {ID} NOT NULL,
               claimed bigint NULL,
               started bigint NULL,
               ended bigint NULL,
               duration bigint NULL COMMENT 'microseconds',
               result longtext NULL,
               error longtext NULL,
               late varchar(20) NULL,
               PRIMARY KEY (run_id, attempt),
               KEY job (job_id, run_id)
             ) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {collation}"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {owners} (
               owner {ID} NOT NULL PRIMARY KEY,
               name text NOT NULL,
               host text NOT NULL,
               pid bigint NOT NULL,
               state varchar(20) NOT NULL,
               heartbeat bigint NOT NULL,
               lease bigint NOT NULL
             ) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {collation}"
        ),
    ]
}

/// The open runs.
fn open_runs(tables: &Tables) -> Vec<String> {
    let Tables { open, dialect: Dialect { collation }, .. } = tables;
    vec![format!(
        "CREATE TABLE IF NOT EXISTS {open} (
           run_id {ID} NOT NULL PRIMARY KEY,
           attempt int NOT NULL,
           job_id varchar(191) NOT NULL,
           scheduled bigint NOT NULL COMMENT 'microseconds of the Unix epoch, as all times',
           state varchar(20) NOT NULL,
           owner {ID} NOT NULL,
           due bigint NULL,
           cancel bool NOT NULL,
           data longtext NOT NULL,
           KEY due (state, due, run_id),
           KEY job (job_id, run_id),
           KEY owner (owner, state, run_id)
         ) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {collation}"
    )]
}

/// The slot of the counters of changes that holds the identity of the tables: see [`Tables::identity`].
const IDENTITY_SLOT: i64 = -1;

/// The lock of starting stores.
const START_LOCK: &str = "apscheduler.start";

/// The names of the tables, quoted.
#[derive(Debug)]
pub(crate) struct Tables {
    tablename: String,
    schema: Option<String>,
    pub(crate) jobs: String,
    pub(crate) changes: String,
    pub(crate) claims: String,
    pub(crate) batches: String,
    pub(crate) runs: String,
    pub(crate) owners: String,
    pub(crate) open: String,
    meta: String,
    readable: String,
    pub(crate) dialect: Dialect,
}

impl Tables {
    pub(crate) fn new(config: &SqlServerConfig, dialect: Dialect) -> Self {
        let schema = config.tableschema.as_deref().map(|schema| quoted(schema) + ".");
        let schema = schema.unwrap_or_default();
        let name =
            |suffix: &str| schema.clone() + &quoted(&format!("{}{suffix}", config.tablename));
        Self {
            tablename: config.tablename.clone(),
            schema: config.tableschema.clone(),
            jobs: name(""),
            changes: name("_changes"),
            claims: name("_claims"),
            batches: name("_batches"),
            runs: name("_runs"),
            owners: name("_owners"),
            open: name("_open"),
            meta: schema.clone() + META_TABLE,
            readable: name("_readable"),
            dialect,
        }
    }

    /// Creates or migrates the tables.
    pub(crate) fn prepare(&self, pool: &Pool) -> Result<()> {
        const TASK: &str = "preparing the tables";
        read(pool, TASK, |connection| {
            // Usually nothing is to be done, and no permission to change the schema is needed.
            if self.version(connection)? == newest() && self.are_complete(connection)? {
                return Ok(());
            }
            // Processes that start at the same time wait for each other here.
            let locked: Option<Option<i64>> =
                connection.exec_first("SELECT GET_LOCK(?, 20)", (START_LOCK,))?;
            if locked.flatten() != Some(1) {
                let message =
                    "other schedulers have been preparing tables on this server for too long";
                return Err(Error::new(ErrorKind::Unavailable, message).into());
            }
            // An error closes the connection, which releases the lock.
            self.migrate(connection)?;
            Ok(connection.exec_drop("DO RELEASE_LOCK(?)", (START_LOCK,))?)
        })
    }

    /// Whether there are tables that this release can read. Changes nothing.
    pub(crate) fn exist(&self, pool: &Pool) -> Result<bool> {
        read(pool, "inspecting the tables", |connection| {
            let version = self.version(connection)?;
            self.refuse_newer(version)?;
            Ok(version > 0)
        })
    }

    /// Returns a random number that the tables got when they were created, so that replaced tables have another one.
    pub(crate) fn identity(&self, pool: &Pool) -> Result<i64> {
        let insert = format!(
            "INSERT IGNORE INTO {} (slot, count) VALUES ({IDENTITY_SLOT}, {})",
            self.changes,
            fastrand::i64(1..1 << 52)
        );
        let select = self.select_identity();
        read(pool, "inspecting the tables", |connection| {
            let mut identity: Option<i64> = connection.query_first(&select)?;
            if identity.is_none() {
                connection.query_drop(&insert)?;
                identity = connection.query_first(&select)?;
            }
            Ok(identity.unwrap_or_default())
        })
    }

    pub(crate) fn select_identity(&self) -> String {
        format!("SELECT count FROM {} WHERE slot = {IDENTITY_SLOT}", self.changes)
    }

    fn refuse_newer(&self, version: i64) -> Result<(), Failure> {
        if version <= newest() {
            return Ok(());
        }
        Err(newer_schema(&self.jobs, version, newest(), env!("CARGO_PKG_NAME")).into())
    }

    /// Deletes the tokens of stores that never asked for them.
    pub(crate) fn delete_old_tokens(&self, pool: &Pool) {
        let delete = format!("DELETE FROM {} WHERE since < NOW() - INTERVAL 7 DAY", self.claims);
        let removed = read(pool, "deleting old claim tokens", |connection| {
            Ok(connection.query_drop(&delete)?)
        });
        if let Err(error) = removed {
            // The server may be read-only for a while; the store starts anyway.
            tracing::warn!("{}", error.chain());
        }
    }

    fn migrate(&self, connection: &mut Conn) -> Result<(), Failure> {
        let version = self.version(connection)?;
        self.refuse_newer(version)?;
        let meta = format!(
            "CREATE TABLE IF NOT EXISTS {} (
               tablename varchar(64) CHARACTER SET utf8mb4 COLLATE {} NOT NULL PRIMARY KEY,
               version int NOT NULL
             ) ENGINE=InnoDB",
            self.meta, self.dialect.collation
        );
        connection.query_drop(meta)?;
        // From here on the tables are ours, although they may be incomplete.
        let begin = format!("INSERT IGNORE INTO {} (tablename, version) VALUES (?, 0)", self.meta);
        connection.exec_drop(begin, (&self.tablename,))?;
        // One of them may have been dropped manually.
        let done = if self.are_complete(connection)? { version } else { 0 };
        for migrate in MIGRATIONS.iter().skip(usize::try_from(done).unwrap_or(0)) {
            for statement in migrate(self) {
                connection.query_drop(statement)?;
            }
        }
        self.create_readable_view(connection);
        let done = format!("UPDATE {} SET version = ? WHERE tablename = ?", self.meta);
        Ok(connection.exec_drop(done, (newest(), &self.tablename))?)
    }

    /// Creates the view, if the user has the permission: the store does not need it.
    fn create_readable_view(&self, connection: &mut Conn) {
        let create = format!(
            "CREATE OR REPLACE VIEW {} AS SELECT
               id, TIMESTAMPADD(MICROSECOND, next_run_time, TIMESTAMP'1970-01-01 00:00:00') AS next_run_time,
               CASE WHEN JSON_VALID(job_state) THEN JSON_UNQUOTE(JSON_EXTRACT(job_state, '$.name')) END AS name,
               CASE WHEN JSON_VALID(job_state) THEN JSON_UNQUOTE(JSON_EXTRACT(job_state, '$.func')) END AS func,
               CASE WHEN JSON_VALID(job_state) THEN JSON_EXTRACT(job_state, '$.trigger') END AS `trigger`,
               revision
             FROM {}",
            self.readable, self.jobs
        );
        if let Err(error) = connection.query_drop(create) {
            tracing::debug!("can't create the view {}: {error}", self.readable);
        }
    }

    /// Returns the version of the existing schema; 0 if there is none.
    fn version(&self, connection: &mut Conn) -> Result<i64, Failure> {
        let has_meta = self.exists(connection, META_TABLE)?;
        let has_jobs = self.exists(connection, &self.tablename)?;
        let mut version: Option<i64> = None;
        if has_meta {
            let query = format!("SELECT version FROM {} WHERE tablename = ?", self.meta);
            version = connection.exec_first(query, (&self.tablename,))?;
        }
        match version {
            Some(version) if has_jobs => Ok(version),
            None if has_jobs => Err(foreign_table(&self.jobs).into()),
            // Dropped manually, without its row in the meta table.
            _ => Ok(0),
        }
    }

    /// Whether the tables exist that accompany the table of jobs.
    fn are_complete(&self, connection: &mut Conn) -> Result<bool, Failure> {
        for suffix in ["_changes", "_claims", "_batches", "_runs", "_owners", "_open"] {
            if !self.exists(connection, &format!("{}{suffix}", self.tablename))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn exists(&self, connection: &mut Conn, table: &str) -> Result<bool, Failure> {
        let query = "SELECT COUNT(*) FROM information_schema.tables
             WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
        let found: Option<u64> = connection.exec_first(query, (&self.schema, table))?;
        Ok(found.is_some_and(|count| count > 0))
    }
}

/// The version that this release creates and understands.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
