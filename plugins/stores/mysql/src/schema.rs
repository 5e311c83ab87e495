//! The tables of a store, and how they came to be.

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::{foreign_table, newer_schema};
use mysql::Conn;
use mysql::prelude::Queryable as _;

use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::options::MySqlOptions;
use crate::pool::{Pool, read};
use crate::watch::SLOTS;

/// What makes each version of the schema out of the one before; the first out of nothing. MySQL can't roll such statements
/// back, so each may find that it was carried out already.
static MIGRATIONS: [fn(&Tables) -> Vec<String>; 1] = [|tables| {
    let Tables { jobs, changes, claims, dialect: Dialect { collation }, .. } = tables;
    let slots: Vec<String> = (0..SLOTS).map(|slot| format!("({slot}, 0)")).collect();
    vec![
        // Run times have an index with the id, which orders the pages of jobs and what is due.
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
        // Tokens of claims whose answer may be lost on the way, and of those that must not be written any more.
        format!(
            "CREATE TABLE IF NOT EXISTS {claims} (
               token varchar(64) CHARACTER SET ascii NOT NULL PRIMARY KEY,
               is_written bool NOT NULL,
               since timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
             ) ENGINE=InnoDB"
        ),
        format!("INSERT IGNORE INTO {changes} (slot, count) VALUES {}", slots.join(", ")),
    ]
}];

/// The table that keeps the versions of all tables of jobs in its database.
pub(crate) const META_TABLE: &str = "apscheduler_meta";

/// Where the counters of changes keep a number that is none of them: see [`Tables::name`].
const NAME_SLOT: i64 = -1;

/// The lock that starting stores hold.
const START_LOCK: &str = "apscheduler.start";

/// The names of the tables, quoted.
#[derive(Debug)]
pub(crate) struct Tables {
    tablename: String,
    schema: Option<String>,
    pub(crate) jobs: String,
    pub(crate) changes: String,
    pub(crate) claims: String,
    meta: String,
    readable: String,
    pub(crate) dialect: Dialect,
}

impl Tables {
    pub(crate) fn new(options: &MySqlOptions, dialect: Dialect) -> Self {
        let schema = options.tableschema.as_deref().map(|schema| quoted(schema) + ".");
        let schema = schema.unwrap_or_default();
        let name =
            |suffix: &str| schema.clone() + &quoted(&format!("{}{suffix}", options.tablename));
        Self {
            tablename: options.tablename.clone(),
            schema: options.tableschema.clone(),
            jobs: name(""),
            changes: name("_changes"),
            claims: name("_claims"),
            meta: schema.clone() + META_TABLE,
            readable: name("_readable"),
            dialect,
        }
    }

    /// Makes the tables or brings them up to date.
    pub(crate) fn prepare(&self, pool: &Pool) -> Result<()> {
        const TASK: &str = "preparing the tables";
        read(pool, TASK, |connection| {
            // Mostly all is there, and no rights to change the schema are needed.
            if self.version(connection)? == newest() && self.are_whole(connection)? {
                return Ok(());
            }
            // Processes that start at once wait for each other here.
            let locked: Option<Option<i64>> =
                connection.exec_first("SELECT GET_LOCK(?, 20)", (START_LOCK,))?;
            if locked.flatten() != Some(1) {
                let message = "others prepare tables on this server and do not come to an end";
                return Err(Error::new(ErrorKind::Unavailable, message).into());
            }
            // With an error the connection ends, and the lock with it.
            self.migrate(connection)?;
            Ok(connection.exec_drop("DO RELEASE_LOCK(?)", (START_LOCK,))?)
        })
    }

    /// Whether there are tables that this release can read. Changes nothing.
    pub(crate) fn are_there(&self, pool: &Pool) -> Result<bool> {
        read(pool, "looking at the tables", |connection| {
            let version = self.version(connection)?;
            self.refuse_newer(version)?;
            Ok(version > 0)
        })
    }

    /// A number that the tables have from the time when they were made, and that other tables do not have.
    pub(crate) fn name(&self, pool: &Pool) -> Result<i64> {
        let give = format!(
            "INSERT IGNORE INTO {} (slot, count) VALUES ({NAME_SLOT}, {})",
            self.changes,
            fastrand::i64(1..1 << 52)
        );
        let select = self.select_name();
        read(pool, "looking at the tables", |connection| {
            let mut name: Option<i64> = connection.query_first(&select)?;
            if name.is_none() {
                connection.query_drop(&give)?;
                name = connection.query_first(&select)?;
            }
            Ok(name.unwrap_or_default())
        })
    }

    pub(crate) fn select_name(&self) -> String {
        format!("SELECT count FROM {} WHERE slot = {NAME_SLOT}", self.changes)
    }

    fn refuse_newer(&self, version: i64) -> Result<(), Failure> {
        if version <= newest() {
            return Ok(());
        }
        Err(newer_schema(&self.jobs, version, newest(), env!("CARGO_PKG_NAME")).into())
    }

    /// Removes the tokens of stores that never came back.
    pub(crate) fn forget_old_claims(&self, pool: &Pool) {
        let delete = format!("DELETE FROM {} WHERE since < NOW() - INTERVAL 7 DAY", self.claims);
        let removed = read(pool, "removing what old claims left", |connection| {
            Ok(connection.query_drop(&delete)?)
        });
        if let Err(error) = removed {
            // A server that is read-only for a while is no reason not to start.
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
        // From here on the tables are ours, though they may not be complete.
        let begin = format!("INSERT IGNORE INTO {} (tablename, version) VALUES (?, 0)", self.meta);
        connection.exec_drop(begin, (&self.tablename,))?;
        // A hand may have dropped one of them.
        let done = if self.are_whole(connection)? { version } else { 0 };
        for migrate in MIGRATIONS.iter().skip(usize::try_from(done).unwrap_or(0)) {
            for statement in migrate(self) {
                connection.query_drop(statement)?;
            }
        }
        self.make_readable(connection);
        let done = format!("UPDATE {} SET version = ? WHERE tablename = ?", self.meta);
        Ok(connection.exec_drop(done, (newest(), &self.tablename))?)
    }

    /// Makes the view. Users often have no right to make views, and the store does not need it.
    fn make_readable(&self, connection: &mut Conn) {
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
            tracing::debug!("the view {} can't be made: {error}", self.readable);
        }
    }

    /// The version of the schema that is there; 0 where there is none.
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
            // Dropped by hand, without what the other table says of it.
            _ => Ok(0),
        }
    }

    /// Whether the tables are there that come with that of the jobs.
    fn are_whole(&self, connection: &mut Conn) -> Result<bool, Failure> {
        let name = |suffix: &str| format!("{}{suffix}", self.tablename);
        Ok(self.exists(connection, &name("_changes"))?
            && self.exists(connection, &name("_claims"))?)
    }

    fn exists(&self, connection: &mut Conn, table: &str) -> Result<bool, Failure> {
        let query = "SELECT COUNT(*) FROM information_schema.tables
             WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
        let found: Option<u64> = connection.exec_first(query, (&self.schema, table))?;
        Ok(found.is_some_and(|count| count > 0))
    }
}

/// The version that this release makes and understands.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
