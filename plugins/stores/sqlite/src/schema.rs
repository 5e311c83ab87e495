//! The tables, and their migrations.
//!
//! Several tables of jobs may share a file, so a meta table holds the schema version of each.

use apscheduler_plugin_kit::store::{foreign_table, newer_schema};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use crate::failure::Failure;
use crate::names::{META_TABLE, STORE_NAME};

/// The migrations: number N creates version N from version N - 1. `{table}` is the quoted name of the table, and `{due}` and
/// so on are those of its indexes and its view.
///
/// The ledger of versions 2 and 3 outlives the table of jobs, if that is dropped.
///
/// `number` orders jobs with equal run times by their place in the file, which makes claims several times as fast as
/// ordering by id.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE {table} (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        next_run_time INTEGER
            CONSTRAINT \"next_run_time is a whole number of microseconds since 1970-01-01 UTC, or null for a paused job\"
            CHECK (typeof(next_run_time) IN ('integer', 'null')),
        revision INTEGER NOT NULL
            CONSTRAINT \"revision is a whole number\" CHECK (typeof(revision) = 'integer'),
        job_state TEXT
    );
    CREATE INDEX {due} ON {table} (next_run_time) WHERE typeof(next_run_time) = 'integer';
    CREATE INDEX {paused} ON {table} (id) WHERE typeof(next_run_time) <> 'integer';
    CREATE VIEW {readable} AS SELECT
        id,
        strftime('%Y-%m-%dT%H:%M:%S', (next_run_time - micros) / 1000000, 'unixepoch')
            || printf('.%06dZ', micros) AS next_run_time,
        CASE WHEN json_valid(job_state) THEN job_state ->> '$.name' END AS name,
        CASE WHEN json_valid(job_state) THEN job_state ->> '$.func' END AS func,
        CASE WHEN json_valid(job_state) THEN job_state ->> '$.trigger' END AS \"trigger\",
        revision
        FROM (SELECT *, (next_run_time % 1000000 + 1000000) % 1000000 AS micros FROM {table}) AS jobs
        ORDER BY jobs.next_run_time IS NULL, jobs.next_run_time, id;
", "
    CREATE TABLE IF NOT EXISTS {claims} (
        batch BLOB PRIMARY KEY,
        owner BLOB NOT NULL,
        claimed INTEGER NOT NULL,
        entries TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS {runs} (
        run_id BLOB NOT NULL,
        attempt INTEGER NOT NULL,
        job_id TEXT NOT NULL,
        scheduled INTEGER NOT NULL,
        until INTEGER,
        count INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        owner BLOB NOT NULL,
        claimed INTEGER,
        started INTEGER,
        ended INTEGER,
        duration INTEGER,
        result TEXT,
        error TEXT,
        late TEXT,
        PRIMARY KEY (run_id, attempt)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS {owners} (
        owner BLOB PRIMARY KEY,
        name TEXT NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        state TEXT NOT NULL,
        heartbeat INTEGER NOT NULL,
        lease INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS {runs_by_job} ON {runs} (job_id, run_id);
", "
    CREATE TABLE IF NOT EXISTS {open} (
        run_id BLOB PRIMARY KEY,
        attempt INTEGER NOT NULL,
        job_id TEXT NOT NULL,
        scheduled INTEGER NOT NULL,
        state TEXT NOT NULL,
        owner BLOB NOT NULL,
        due INTEGER,
        cancel INTEGER NOT NULL,
        data TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS {open_due} ON {open} (due) WHERE state = 'waiting';
    CREATE INDEX IF NOT EXISTS {open_by_job} ON {open} (job_id, run_id);
    CREATE INDEX IF NOT EXISTS {open_by_owner} ON {open} (owner, run_id);
"];

/// The version that this release creates and understands.
fn current_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Quotes a name for SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether there is a table of jobs that this release can read.
pub(crate) fn check(connection: &Connection, tablename: &str) -> Result<bool, Failure> {
    let found = version(connection, tablename)?;
    refuse_foreign(connection, tablename, found)?;
    Ok(found.is_some())
}

/// Creates or migrates the table.
pub(crate) fn prepare(connection: &mut Connection, tablename: &str) -> Result<(), Failure> {
    // Usually there is nothing to do, and then no lock is needed.
    if version(connection, tablename)? == Some(current_version()) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction, tablename)?;
    refuse_foreign(&transaction, tablename, found)?;
    transaction.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {META_TABLE}
         (tablename TEXT PRIMARY KEY COLLATE NOCASE, version INTEGER NOT NULL) WITHOUT ROWID"
    ))?;
    if found.is_none() && noted_version(&transaction, tablename)?.is_some() {
        transaction.execute_batch(&with_names("DROP VIEW IF EXISTS {readable}", tablename))?;
    }
    let done = usize::try_from(found.unwrap_or(0)).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(&with_names(migration, tablename))?;
    }
    transaction.execute(
        &format!("INSERT OR REPLACE INTO {META_TABLE} (tablename, version) VALUES (?1, ?2)"),
        (tablename, current_version()),
    )?;
    transaction.commit()?;
    Ok(())
}

/// Refuses tables of other programs and of later releases.
fn refuse_foreign(
    connection: &Connection,
    tablename: &str,
    found: Option<i64>,
) -> Result<(), Failure> {
    let table = format!("`{tablename}`");
    let refusal = match found {
        None if exists(connection, tablename)? => foreign_table(&table),
        Some(version) if version > current_version() => {
            newer_schema(&table, version, current_version(), env!("CARGO_PKG_NAME"))
        }
        _ => return Ok(()),
    };
    Err(refusal.with_plugin(STORE_NAME).into())
}

fn with_names(migration: &str, tablename: &str) -> String {
    // The table's own name last: it may contain a placeholder.
    let mut sql = migration.to_owned();
    let suffixes = [
        "due",
        "paused",
        "readable",
        "claims",
        "owners",
        "runs",
        "runs_by_job",
        "open",
        "open_due",
        "open_by_job",
        "open_by_owner",
    ];
    for suffix in suffixes {
        sql = sql.replace(&format!("{{{suffix}}}"), &quoted(&format!("{tablename}_{suffix}")));
    }
    sql.replace("{table}", &quoted(tablename))
}

fn version(connection: &Connection, tablename: &str) -> Result<Option<i64>, Failure> {
    if !exists(connection, META_TABLE)? {
        return Ok(None);
    }
    // The table may have been dropped manually, without its row in the meta table.
    if !exists(connection, tablename)? {
        return Ok(None);
    }
    noted_version(connection, tablename)
}

/// Returns the version in the meta table.
fn noted_version(connection: &Connection, tablename: &str) -> Result<Option<i64>, Failure> {
    let sql = format!("SELECT version FROM {META_TABLE} WHERE tablename = ?1");
    Ok(connection.query_row(&sql, [tablename], |row| row.get(0)).optional()?)
}

fn exists(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE)";
    connection.query_row(sql, [name], |row| row.get(0))
}
