//! The tables, and how they come to be.
//!
//! Several sets of jobs may share a file, so the version of each table's schema stands in a table of its own.

use apscheduler_plugin_kit::store::{foreign_table, newer_schema};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use crate::failure::Failure;
use crate::options::WHAT;

/// The table that keeps the versions.
pub(crate) const META_TABLE: &str = "apscheduler_meta";

/// What makes a table of the version N from one of the version N - 1, for N = 1, 2, ...; `{table}` is its quoted name,
/// and `{due}` and so on are those of what goes with it.
///
/// `number` orders jobs with equal run times: they come in the order in which they lie in the file, which makes claims
/// several times as fast as going by id would.
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
"];

/// The version that this release makes and understands.
fn current_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// A name as SQL has it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether there is a table of jobs that this release can read.
pub(crate) fn check(connection: &Connection, tablename: &str) -> Result<bool, Failure> {
    let found = version(connection, tablename)?;
    refuse_others(connection, tablename, found)?;
    Ok(found.is_some())
}

/// Makes the table, or brings it to this version.
pub(crate) fn prepare(connection: &mut Connection, tablename: &str) -> Result<(), Failure> {
    // Most of the time there is nothing to do, and then nobody has to be waited for.
    if version(connection, tablename)? == Some(current_version()) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction, tablename)?;
    refuse_others(&transaction, tablename, found)?;
    transaction.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {META_TABLE}
         (tablename TEXT PRIMARY KEY COLLATE NOCASE, version INTEGER NOT NULL) WITHOUT ROWID"
    ))?;
    if found.is_none() && noted(&transaction, tablename)?.is_some() {
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

/// Refuses tables of other programs, and of later releases.
fn refuse_others(
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
    Err(refusal.with_plugin(WHAT).into())
}

fn with_names(migration: &str, tablename: &str) -> String {
    // The table's own name last: it may look like another.
    let mut sql = migration.to_owned();
    for suffix in ["due", "paused", "readable"] {
        sql = sql.replace(&format!("{{{suffix}}}"), &quoted(&format!("{tablename}_{suffix}")));
    }
    sql.replace("{table}", &quoted(tablename))
}

fn version(connection: &Connection, tablename: &str) -> Result<Option<i64>, Failure> {
    if !exists(connection, META_TABLE)? {
        return Ok(None);
    }
    // A hand may have dropped the table, without what stands here of it.
    if !exists(connection, tablename)? {
        return Ok(None);
    }
    noted(connection, tablename)
}

/// The version that was noted when the table was made.
fn noted(connection: &Connection, tablename: &str) -> Result<Option<i64>, Failure> {
    let sql = format!("SELECT version FROM {META_TABLE} WHERE tablename = ?1");
    Ok(connection.query_row(&sql, [tablename], |row| row.get(0)).optional()?)
}

fn exists(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE)";
    connection.query_row(sql, [name], |row| row.get(0))
}
