//! A store that executes the statements of earlier releases, as their source has them: those of commit 4cb45cc, the last one
//! without a ledger, and of commit 782c1ff, whose ledger had no open runs. What a scheduler does not need while it runs is
//! left out.

mod ledger;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    Claim, ClaimRequest, Claims, Cursor, Decision, JobPayload, JobRecord, JobStore, NewRecord,
    NextRun, StoreCapabilities,
};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::newer_schema;
use ledger::EarlierLedger;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};

const COLUMNS: &str = "number, id, next_run_time, revision, job_state";

/// Which release it is: the version of the schema that it creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// Commit 4cb45cc.
    WithoutLedger = 1,
    /// Commit 782c1ff.
    WithoutOpenRuns = 2,
}

/// A started store of an earlier release.
#[derive(Debug)]
pub(crate) struct EarlierStore {
    connection: Arc<Mutex<Connection>>,
    release: Release,
}

impl EarlierStore {
    /// Opens a file, as the release does: creates the tables if there are none, and refuses those of a later release.
    pub(crate) fn start(path: &Path, release: Release) -> Result<Self> {
        let mut connection = Connection::open(path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        let known = release as i64;
        let exists = |connection: &Connection, name: &str| {
            let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE)";
            connection.query_row(sql, [name], |row| row.get::<_, bool>(0)).unwrap()
        };
        let mut version = None;
        if exists(&connection, "apscheduler_meta") && exists(&connection, "apscheduler_jobs") {
            let sql = "SELECT version FROM apscheduler_meta WHERE tablename = ?1";
            let found = connection.query_row(sql, ["apscheduler_jobs"], |row| row.get(0));
            version = found.optional().unwrap();
        }
        match version {
            None => {
                let transaction = begin(&mut connection);
                transaction
                    .execute_batch(
                        "CREATE TABLE IF NOT EXISTS apscheduler_meta
                         (tablename TEXT PRIMARY KEY COLLATE NOCASE, version INTEGER NOT NULL) WITHOUT ROWID",
                    )
                    .unwrap();
                transaction.execute_batch(include_str!("../data/schema-4cb45cc.sql")).unwrap();
                if release == Release::WithoutOpenRuns {
                    transaction.execute_batch(include_str!("../data/schema-782c1ff.sql")).unwrap();
                }
                let insert =
                    "INSERT OR REPLACE INTO apscheduler_meta (tablename, version) VALUES (?1, ?2)";
                transaction.execute(insert, ("apscheduler_jobs", known)).unwrap();
                transaction.commit().unwrap();
            }
            Some(version) if version > known => {
                return Err(newer_schema("`apscheduler_jobs`", version, known, "the release"));
            }
            Some(_) => {}
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)), release })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap()
    }

    /// Writes in a transaction that has the write lock from its start.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.connection();
        let transaction = begin(&mut connection);
        let done = work(&transaction)?;
        transaction.commit().unwrap();
        Ok(done)
    }
}

fn begin(connection: &mut Connection) -> Transaction<'_> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap()
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, JobRecord)> {
    let (id, state): (String, String) = (row.get(1)?, row.get(4)?);
    let time = row.get::<_, Option<i64>>(2)?.map(from_micros);
    let revision = row.get::<_, i64>(3)?.cast_unsigned();
    Ok((row.get(0)?, JobRecord::new(id, time, revision, JobPayload::Encoded(state.into()))))
}

impl JobStore for EarlierStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all()
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM apscheduler_jobs WHERE id = ?1");
        let found = self.connection().query_row(&sql, [id], read).optional().unwrap();
        Ok(found.map(|(_, record)| record))
    }

    fn get_jobs(&self, _after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM apscheduler_jobs WHERE typeof(next_run_time) = 'integer'
             ORDER BY next_run_time, id LIMIT ?1"
        );
        let connection = self.connection();
        let mut select = connection.prepare(&sql).unwrap();
        let rows = select.query_map([i64::try_from(limit).unwrap()], read).unwrap();
        Ok(rows.map(|row| row.unwrap().1).collect())
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let earliest = after.map_or(i64::MIN, |after| to_micros(after) + 1);
        let sql = "SELECT next_run_time FROM apscheduler_jobs
             WHERE typeof(next_run_time) = 'integer' AND next_run_time >= ?1 ORDER BY next_run_time LIMIT 1";
        let found = self.connection().query_row(sql, [earliest], |row| row.get(0)).optional();
        Ok(found.unwrap().map(from_micros))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        let insert = "INSERT INTO apscheduler_jobs (id, next_run_time, revision, job_state)
             VALUES (?1, ?2, (random() & 0x7fffffff) + 1, ?3)";
        let replace = format!(
            "{insert} ON CONFLICT (id) DO UPDATE SET next_run_time = excluded.next_run_time,
             job_state = excluded.job_state, revision = revision + 1"
        );
        self.write(|transaction| {
            for record in &records {
                let sql = if record.replace { &replace } else { insert };
                let values = (&*record.id, record.next_run_time.map(to_micros), record.text()?);
                transaction.execute(sql, values).unwrap();
            }
            Ok(())
        })
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let update = "UPDATE apscheduler_jobs SET next_run_time = ?1, job_state = ?2, revision = revision + 1
             WHERE id = ?3 AND revision = ?4";
        let exists = "SELECT EXISTS (SELECT 1 FROM apscheduler_jobs WHERE id = ?1)";
        self.write(|transaction| {
            let time = record.next_run_time.map(to_micros);
            let values = (time, record.text()?, &*record.id, record.revision.cast_signed());
            let updated = transaction.execute(update, values).unwrap();
            if updated == 0
                && !transaction
                    .query_row(exists, [&*record.id], |row| row.get::<_, bool>(0))
                    .unwrap()
            {
                return Err(Error::job_lookup(&*record.id));
            }
            Ok(updated > 0)
        })
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let remove = "DELETE FROM apscheduler_jobs WHERE id = ?1";
        self.write(|transaction| Ok(transaction.execute(remove, [id]).unwrap() > 0))
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM apscheduler_jobs", []).unwrap();
            Ok(())
        })
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let condition = "typeof(next_run_time) = 'integer' AND next_run_time <= ?1
             AND (next_run_time, number) > (?2, ?3)";
        let is_due = format!("SELECT EXISTS (SELECT 1 FROM apscheduler_jobs WHERE {condition})");
        let select = format!(
            "SELECT {COLUMNS} FROM apscheduler_jobs WHERE {condition} ORDER BY next_run_time, number LIMIT ?4"
        );
        let advance = "UPDATE apscheduler_jobs SET next_run_time = ?2, revision = revision + 1 WHERE number = ?1";
        let finish = "DELETE FROM apscheduler_jobs WHERE number = ?1";
        let now = to_micros(due.now);
        let mut won = Vec::new();
        let any = self
            .connection()
            .query_row(&is_due, (now, i64::MIN, i64::MIN), |row| row.get::<_, bool>(0));
        if !any.unwrap() {
            return Ok(Claims::default());
        }
        self.write(|transaction| {
            let mut rows = transaction.prepare(&select).unwrap();
            let values = (now, i64::MIN, i64::MIN, i64::try_from(due.limit).unwrap());
            let found: Vec<_> = rows.query_map(values, read).unwrap().map(Result::unwrap).collect();
            for (number, record) in found {
                let Decision::Claim(outcome) = decide(&record) else { continue };
                let changed = match outcome.next {
                    NextRun::At(next) => transaction.execute(advance, (number, to_micros(next))),
                    NextRun::Finished => transaction.execute(finish, [number]),
                };
                changed.unwrap();
                won.push(Claim::new(record, outcome));
            }
            if self.release == Release::WithoutOpenRuns {
                ledger::note(transaction, due, &won);
            }
            Ok(())
        })?;
        Ok(Claims::new(won, None))
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        (self.release == Release::WithoutOpenRuns)
            .then(|| Arc::new(EarlierLedger::new(&self.connection)) as _)
    }
}
