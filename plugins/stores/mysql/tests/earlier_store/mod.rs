//! A store that executes the statements of earlier releases, as their source has them: those of commit 4cb45cc, the last one
//! without a ledger, and of commit 782c1ff, whose ledger had no open runs. What a scheduler does not need while it runs is
//! left out.

mod connection;
mod ledger;

use std::sync::{Arc, Mutex};

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    Claim, ClaimRequest, Claims, Cursor, Decision, JobPayload, JobRecord, JobStore, NewRecord,
    NextRun, StoreCapabilities,
};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::newer_schema;
use apscheduler_testkit::stores::new_name;
use connection::{Connection, literal, literals};
use ledger::EarlierLedger;
use mysql::Row;

const COLUMNS: &str = "id, next_run_time, revision, job_state";

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
    connection: Arc<Connection>,
    release: Release,
    table: String,
    /// The number of the tables when the store was started.
    identity: i64,
    /// The tokens of claims that were answered: the next claim deletes them.
    answered: Mutex<Vec<String>>,
}

impl EarlierStore {
    /// Opens tables, as the release does: creates them if there are none, and refuses those of a later release.
    pub(crate) fn start(table: &str, release: Release) -> Result<Self> {
        let connection = Connection::open();
        let known = release as i64;
        let exists = |name: &str| {
            let query = format!(
                "SELECT COUNT(*) FROM information_schema.tables
                 WHERE table_schema = COALESCE(NULL, DATABASE()) AND table_name = {}",
                literal(name)
            );
            connection.first::<i64>(&query) == Some(1)
        };
        let mut version = None;
        if exists("apscheduler_meta") && exists(table) {
            let select =
                format!("SELECT version FROM apscheduler_meta WHERE tablename = '{table}'");
            version = connection.first::<i64>(&select);
        }
        match version {
            None => {
                connection.first::<i64>("SELECT GET_LOCK('apscheduler.start', 20)");
                let mut schema = vec![include_str!("../data/schema-4cb45cc.sql")];
                if release == Release::WithoutOpenRuns {
                    schema.push(include_str!("../data/schema-782c1ff.sql"));
                }
                let collation = connection.collation();
                let schema = schema.concat().replace("apscheduler_jobs", table);
                connection.batch(&format!(
                    "CREATE TABLE IF NOT EXISTS apscheduler_meta (
                       tablename varchar(64) CHARACTER SET utf8mb4 COLLATE {collation} NOT NULL PRIMARY KEY,
                       version int NOT NULL
                     ) ENGINE=InnoDB;
                     INSERT IGNORE INTO apscheduler_meta (tablename, version) VALUES ('{table}', 0);
                     {}
                     UPDATE apscheduler_meta SET version = {known} WHERE tablename = '{table}';
                     DO RELEASE_LOCK('apscheduler.start')",
                    schema.replace("utf8mb4_nopad_bin", collation)
                ));
            }
            Some(version) if version > known => {
                return Err(newer_schema(table, version, known, "the release"));
            }
            Some(_) => {}
        }
        connection.batch(&format!(
            "INSERT IGNORE INTO {table}_changes (slot, count) VALUES (-1, {})",
            fastrand::i64(1..1 << 52)
        ));
        let select = select_identity(table);
        let identity = connection.first::<i64>(&select).expect("the tables have a number");
        let (connection, table) = (Arc::new(connection), table.to_owned());
        Ok(Self { connection, release, table, identity, answered: Mutex::default() })
    }

    /// Makes a change in a transaction, and counts it.
    fn change<T>(&self, work: impl Fn(&Connection) -> (T, bool)) -> T {
        let connection = &self.connection;
        let count = format!(
            "UPDATE {}_changes SET count = count + 1 WHERE slot = {};\nCOMMIT",
            self.table,
            fastrand::u32(..16)
        );
        connection.batch("START TRANSACTION");
        let (value, is_changed) = work(connection);
        connection.batch(if is_changed { &count } else { "COMMIT" });
        value
    }
}

fn select_identity(table: &str) -> String {
    format!("SELECT count FROM {table}_changes WHERE slot = -1")
}

fn read(row: &Row) -> JobRecord {
    let (id, state): (String, String) = (row.get(0).unwrap(), row.get(3).unwrap());
    let time = row.get::<Option<i64>, _>(1).unwrap().map(from_micros);
    let revision = row.get::<i64, _>(2).unwrap().cast_unsigned();
    JobRecord::new(id, time, revision, JobPayload::Encoded(state.into()))
}

/// A run time as a literal.
fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "NULL".to_owned(), |time| to_micros(time).to_string())
}

impl JobStore for EarlierStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all()
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        let query = format!("SELECT {COLUMNS} FROM {} WHERE id = {}", self.table, literal(id));
        Ok(self.connection.rows(&query).first().map(read))
    }

    fn get_jobs(&self, _after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let first = i64::MIN;
        let timed = format!(
            "SELECT {COLUMNS} FROM {} FORCE INDEX (next_run_time)
             WHERE (next_run_time = {first} AND id > '') OR next_run_time > {first}
             ORDER BY next_run_time, id LIMIT {limit}",
            self.table
        );
        Ok(self.connection.rows(&timed).iter().map(read).collect())
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let earliest = after.map_or(i64::MIN, |after| to_micros(after) + 1);
        let query = format!(
            "SELECT MIN(next_run_time) FROM {} WHERE next_run_time >= {earliest}",
            self.table
        );
        Ok(self.connection.first::<Option<i64>>(&query).flatten().map(from_micros))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        let revision = fastrand::i64(1..1 << 52);
        self.change(|connection| {
            for record in &records {
                let (id, state) = (literal(&record.id), literal(record.text().unwrap()));
                let mut insert = format!(
                    "INSERT INTO {} (id, next_run_time, revision, job_state)
                     VALUES ({id}, {}, {revision}, {state})",
                    self.table,
                    time(record.next_run_time)
                );
                if record.replace {
                    insert += " ON DUPLICATE KEY UPDATE next_run_time = VALUES(next_run_time), \
                        revision = revision + 1, job_state = VALUES(job_state)";
                }
                connection.batch(&insert);
            }
            ((), true)
        });
        Ok(())
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let (jobs, id) = (&self.table, literal(&record.id));
        let update = format!(
            "UPDATE {jobs} SET next_run_time = {}, job_state = {}, revision = revision + 1
             WHERE id = {id} AND revision = {}",
            time(record.next_run_time),
            literal(record.text()?),
            record.revision.cast_signed()
        );
        let exists = format!("SELECT 1 FROM {jobs} WHERE id = {id}");
        let updated = self.change(|connection| {
            let is_changed = connection.changed(&update) > 0;
            let exists = is_changed || connection.first::<i64>(&exists).is_some();
            (exists.then_some(is_changed), is_changed)
        });
        updated.ok_or_else(|| Error::job_lookup(&*record.id))
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let delete = format!("DELETE FROM {} WHERE id = {}", self.table, literal(id));
        Ok(self.change(|connection| {
            let removed = connection.changed(&delete) > 0;
            (removed, removed)
        }))
    }

    fn remove_all_jobs(&self) -> Result<()> {
        let delete = format!("DELETE FROM {}", self.table);
        self.change(|connection| (connection.batch(&delete), true));
        Ok(())
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let (jobs, connection) = (&self.table, &self.connection);
        let condition = format!("next_run_time <= {}", to_micros(due.now));
        let select = format!(
            "SELECT {COLUMNS} FROM {jobs} FORCE INDEX (next_run_time) WHERE {condition}
             ORDER BY next_run_time, id LIMIT {} FOR UPDATE SKIP LOCKED",
            due.limit
        );
        connection.batch("START TRANSACTION");
        let Some(rows) = connection.rows_unless_conflict(&select) else {
            return Ok(Claims::default());
        };
        if connection.first::<i64>(&select_identity(jobs)) != Some(self.identity) {
            connection.batch("ROLLBACK");
            return Err(Error::new(ErrorKind::StoreReplaced, "other tables"));
        }
        let decided = rows.iter().map(read).filter_map(|record| match decide(&record) {
            Decision::Claim(outcome) => Some(Claim::new(record, outcome)),
            Decision::Leave => None,
        });
        let won: Vec<Claim> = decided.collect();
        let mut statements = self.changes(&won);
        if !won.is_empty() {
            let mut answered = self.answered.lock().unwrap();
            let token = new_name();
            statements.push(format!(
                "INSERT INTO {jobs}_claims (token, is_written) VALUES ('{token}', 1)"
            ));
            if self.release == Release::WithoutOpenRuns {
                statements.extend(ledger::note(jobs, due, &won));
            }
            if !answered.is_empty() {
                statements.push(format!(
                    "DELETE gone FROM {jobs}_claims AS gone FORCE INDEX (PRIMARY) WHERE gone.token IN ({})",
                    literals(answered.iter().map(String::as_str))
                ));
            }
            *answered = vec![token];
        }
        statements.push(format!(
            "SELECT id FROM {jobs} FORCE INDEX (next_run_time) WHERE {condition}
             ORDER BY next_run_time, id LIMIT 1"
        ));
        statements.push("COMMIT".to_owned());
        for statement in statements {
            if connection.rows_unless_conflict(&statement).is_none() {
                return Ok(Claims::default());
            }
        }
        Ok(Claims::new(won, None))
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        let ledger = || Arc::new(EarlierLedger::new(&self.connection, &self.table)) as _;
        (self.release == Release::WithoutOpenRuns).then(ledger)
    }
}

impl EarlierStore {
    /// Returns the statements that write claims.
    fn changes(&self, won: &[Claim]) -> Vec<String> {
        let jobs = &self.table;
        let (mut moved, mut finished) = (Vec::new(), Vec::new());
        for Claim { record, outcome, .. } in won {
            match outcome.next {
                NextRun::At(next) => {
                    moved.push(format!("({}, {}, 0, '')", literal(&record.id), to_micros(next)));
                }
                NextRun::Finished => finished.push(&*record.id),
            }
        }
        let mut statements = Vec::new();
        if !moved.is_empty() {
            statements.push(format!(
                "INSERT INTO {jobs} (id, next_run_time, revision, job_state) VALUES {}
                 ON DUPLICATE KEY UPDATE next_run_time = VALUES(next_run_time), revision = revision + 1",
                moved.join(", ")
            ));
        }
        if !finished.is_empty() {
            statements.push(format!(
                "DELETE gone FROM {jobs} AS gone FORCE INDEX (PRIMARY) WHERE gone.id IN ({})",
                literals(finished.into_iter())
            ));
        }
        statements
    }
}
