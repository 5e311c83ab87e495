//! A store that executes the statements of earlier releases, as their source has them: those of commit 4cb45cc, the last one
//! without a ledger, and of commit 782c1ff, whose ledger had no open runs. What a scheduler does not need while it runs is
//! left out.

mod connection;
mod ledger;

use std::sync::{Arc, Mutex};

use apscheduler_core::ledger::{Journal, RunLedger};
use apscheduler_core::store::{
    Claim, ClaimRequest, Claims, Cursor, Decision, JobPayload, JobRecord, JobStore, NewRecord,
    NextRun, StoreCapabilities,
};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::newer_schema;
use apscheduler_testkit::stores::new_name;
use connection::{Connection, Value};
use ledger::EarlierLedger;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

const COLUMNS: &str = "id, next_run_time, revision, job_state";

/// Which release it is: the version of the schema that it creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// Commit 4cb45cc.
    WithoutLedger = 2,
    /// Commit 782c1ff.
    WithoutOpenRuns = 3,
}

/// A started store of an earlier release.
#[derive(Debug)]
pub(crate) struct EarlierStore {
    connection: Arc<Connection>,
    release: Release,
    table: String,
    /// The OID of the table when the store was started.
    oid: Option<u32>,
    /// The channel of notifications, and who sends them.
    notification: [String; 2],
    /// The tokens of claims that were answered: the next claim deletes them.
    answered: Mutex<Vec<String>>,
}

impl EarlierStore {
    /// Opens tables, as the release does: creates them if there are none, and refuses those of a later release.
    pub(crate) fn start(table: &str, release: Release) -> Result<Self> {
        let connection = Connection::open();
        let known = release as i32;
        let exists = "SELECT to_regclass($1) IS NOT NULL, to_regclass($2) IS NOT NULL
             FROM pg_catalog.pg_database WHERE datname = current_database()";
        let names = [(&"apscheduler_meta" as _, Type::TEXT), (&table as _, Type::TEXT)];
        let row = &connection.rows(exists, &names)[0];
        let mut version: Option<i32> = None;
        if row.get(0) && row.get(1) {
            let select = "SELECT version FROM apscheduler_meta WHERE tablename = $1";
            let rows = connection.rows(select, &[(&table as _, Type::TEXT)]);
            version = rows.first().map(|row| row.get(0));
        }
        match version {
            None => {
                let mut schema = vec![include_str!("../data/schema-4cb45cc.sql")];
                if release == Release::WithoutOpenRuns {
                    schema.push(include_str!("../data/schema-782c1ff.sql"));
                }
                let schema = schema.concat().replace("apscheduler_jobs", table);
                // The lock of starting stores.
                connection.batch(&format!(
                    "BEGIN; SELECT pg_advisory_xact_lock({});
                     CREATE TABLE IF NOT EXISTS apscheduler_meta (tablename text PRIMARY KEY, version integer NOT NULL);
                     {schema}
                     INSERT INTO apscheduler_meta (tablename, version) VALUES ('{table}', {known})
                     ON CONFLICT (tablename) DO UPDATE SET version = excluded.version; COMMIT",
                    0x6170_7363_6865_6475_i64
                ));
            }
            Some(version) if version > known => {
                return Err(newer_schema(table, version.into(), known.into(), "the release"));
            }
            Some(_) => {}
        }
        let oid = oid(&connection, table);
        let channel = format!("apscheduler_{}", oid.expect("the table exists"));
        let notification = [channel, new_name()];
        let (connection, table) = (Arc::new(connection), table.to_owned());
        Ok(Self { connection, release, table, oid, notification, answered: Mutex::default() })
    }

    fn notification(&self) -> [(Value<'_>, Type); 2] {
        let [channel, sender] = &self.notification;
        [(channel, Type::TEXT), (sender, Type::TEXT)]
    }
}

fn oid(connection: &Connection, table: &str) -> Option<u32> {
    connection.rows("SELECT to_regclass($1)::oid", &[(&table as _, Type::TEXT)])[0].get(0)
}

fn read(row: &Row) -> JobRecord {
    let time = row.get::<_, Option<i64>>(1).map(from_micros);
    let state = JobPayload::Encoded(row.get::<_, &str>(3).into());
    JobRecord::new(row.get::<_, &str>(0), time, row.get::<_, i64>(2).cast_unsigned(), state)
}

impl JobStore for EarlierStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all()
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        let query = format!("SELECT {COLUMNS} FROM {} WHERE id = $1", self.table);
        Ok(self.connection.rows(&query, &[(&id as _, Type::TEXT)]).first().map(read))
    }

    fn get_jobs(&self, _after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let timed = format!(
            "SELECT {COLUMNS} FROM {} WHERE (next_run_time, id) > ($1, $2)
             ORDER BY next_run_time, id LIMIT $3",
            self.table
        );
        let limit = i64::try_from(limit).unwrap();
        let place = [
            (&i64::MIN as Value<'_>, Type::INT8),
            (&"" as _, Type::TEXT),
            (&limit as _, Type::INT8),
        ];
        Ok(self.connection.rows(&timed, &place).iter().map(read).collect())
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let earliest = after.map_or(i64::MIN, |after| to_micros(after) + 1);
        let query = format!(
            "SELECT next_run_time FROM {} WHERE next_run_time >= $1 ORDER BY next_run_time, id LIMIT 1",
            self.table
        );
        let rows = self.connection.rows(&query, &[(&earliest as _, Type::INT8)]);
        Ok(rows.first().map(|row| from_micros(row.get(0))))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        let rows = "SELECT id, next_run_time, $4::int8, job_state \
             FROM unnest($1::text[], $2::int8[], $3::text[]) AS new (id, next_run_time, job_state) \
             ORDER BY id COLLATE \"C\"";
        let into = format!(
            "INSERT INTO {} AS stored (id, next_run_time, revision, job_state) {rows} ON CONFLICT (id)",
            self.table
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
        let revision = fastrand::i64(1..1 << 52);
        let connection = &self.connection;
        connection.batch("BEGIN");
        for record in &records {
            let (ids, states) = (vec![&*record.id], vec![record.text()?]);
            let times = vec![record.next_run_time.map(to_micros)];
            let values = [
                (&ids as Value<'_>, Type::TEXT_ARRAY),
                (&times as _, Type::INT8_ARRAY),
                (&states as _, Type::TEXT_ARRAY),
                (&revision as _, Type::INT8),
            ];
            let taken = connection.rows(if record.replace { &replace } else { &insert }, &values);
            assert!(taken.is_empty(), "the id is free");
        }
        connection.rows("SELECT pg_notify($1, $2)::text", &self.notification());
        connection.batch("COMMIT");
        Ok(())
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let jobs = &self.table;
        let update = format!(
            "WITH changed AS (
               UPDATE {jobs} SET next_run_time = $3, job_state = $4, revision = revision + 1
               WHERE id = $1 AND revision = $2 RETURNING 1)
             SELECT EXISTS (SELECT FROM changed), EXISTS (SELECT FROM {jobs} WHERE id = $1),
                    (SELECT pg_notify($5, $6)::text FROM changed)"
        );
        let (id, state) = (&*record.id, record.text()?);
        let (time, revision) = (record.next_run_time.map(to_micros), record.revision.cast_signed());
        let [channel, sender] = self.notification();
        let values = [
            (&id as Value<'_>, Type::TEXT),
            (&revision as _, Type::INT8),
            (&time as _, Type::INT8),
            (&state as _, Type::TEXT),
            channel,
            sender,
        ];
        let row = &self.connection.rows(&update, &values)[0];
        let (is_changed, exists): (bool, bool) = (row.get(0), row.get(1));
        if exists || is_changed { Ok(is_changed) } else { Err(Error::job_lookup(id)) }
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let delete = format!(
            "WITH gone AS (DELETE FROM {} WHERE id = $1 RETURNING 1)
             SELECT EXISTS (SELECT FROM gone), (SELECT pg_notify($2, $3)::text FROM gone)",
            self.table
        );
        let [channel, sender] = self.notification();
        Ok(self.connection.rows(&delete, &[(&id as _, Type::TEXT), channel, sender])[0].get(0))
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.connection.batch(&format!("DELETE FROM {}", self.table));
        Ok(())
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let (jobs, connection) = (&self.table, &self.connection);
        let select = format!(
            "SELECT {COLUMNS} FROM {jobs} WHERE next_run_time <= $1 AND (next_run_time, id) > ($2, $3)
             ORDER BY next_run_time, id LIMIT $4 FOR UPDATE SKIP LOCKED"
        );
        let (now, limit) = (to_micros(due.now), i64::try_from(due.limit).unwrap());
        let place = [
            (&now as Value<'_>, Type::INT8),
            (&i64::MIN as _, Type::INT8),
            (&"" as _, Type::TEXT),
            (&limit as _, Type::INT8),
        ];
        connection.batch("BEGIN ISOLATION LEVEL READ COMMITTED");
        let records: Vec<JobRecord> = connection.rows(&select, &place).iter().map(read).collect();
        if oid(connection, jobs) != self.oid {
            connection.batch("ROLLBACK");
            return Err(Error::new(ErrorKind::StoreReplaced, "another table"));
        }
        let won: Vec<Claim> = records
            .into_iter()
            .filter_map(|record| match decide(&record) {
                Decision::Claim(outcome) => Some(Claim::new(record, outcome)),
                Decision::Leave => None,
            })
            .collect();
        let (mut moved, mut times, mut finished) = (Vec::new(), Vec::new(), Vec::new());
        for Claim { record, outcome, .. } in &won {
            match outcome.next {
                NextRun::At(next) => {
                    moved.push(&*record.id);
                    times.push(Some(to_micros(next)));
                }
                NextRun::Finished => finished.push(&*record.id),
            }
        }
        let update = format!(
            "UPDATE {jobs} AS stored SET next_run_time = moved.time, revision = stored.revision + 1
             FROM unnest($1::text[], $2::int8[]) AS moved (id, time) WHERE stored.id = moved.id"
        );
        connection
            .changed(&update, &[(&moved as _, Type::TEXT_ARRAY), (&times as _, Type::INT8_ARRAY)]);
        let delete = format!("DELETE FROM {jobs} WHERE id = ANY ($1)");
        connection.changed(&delete, &[(&finished as _, Type::TEXT_ARRAY)]);
        if !won.is_empty() {
            self.mark(due, &won);
        }
        connection.batch("COMMIT");
        Ok(Claims::new(won, None))
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        let ledger = || Arc::new(EarlierLedger::new(&self.connection, &self.table)) as _;
        (self.release == Release::WithoutOpenRuns).then(ledger)
    }
}

impl EarlierStore {
    /// Writes the token of a claim, and its journal entry.
    fn mark(&self, due: &ClaimRequest, won: &[Claim]) {
        let (connection, claims) = (&self.connection, format!("{}_claims", self.table));
        let (mut answered, token) = (self.answered.lock().unwrap(), new_name());
        let mut forget = format!("DELETE FROM {claims} WHERE token = ANY ($1)");
        if self.release == Release::WithoutLedger {
            let mark = format!("INSERT INTO {claims} (token, is_written) VALUES ($1, true)");
            connection.changed(&mark, &[(&token as _, Type::TEXT)]);
        } else {
            let mark = format!(
                "INSERT INTO {claims} (token, is_written, batch, owner, claimed, entries)
                 VALUES ($1, true, $2::uuid, $3::uuid, $4, $5)"
            );
            forget += " AND batch IS NULL";
            let journal = due.journal(won.iter().map(|claim| (&claim.record, &claim.outcome)));
            let batch = journal.as_ref().map(|journal| journal.batch);
            let id = batch.map(|batch| String::from(batch.id));
            let owner = batch.map(|batch| String::from(batch.owner));
            let claimed = batch.map(|batch| to_micros(batch.claimed));
            let entries = journal.as_ref().map(Journal::encode);
            let values = [
                (&token as Value<'_>, Type::TEXT),
                (&id as _, Type::TEXT),
                (&owner as _, Type::TEXT),
                (&claimed as _, Type::INT8),
                (&entries as _, Type::TEXT),
            ];
            connection.changed(&mark, &values);
        }
        connection.changed(&forget, &[(&*answered as _, Type::TEXT_ARRAY)]);
        *answered = vec![token];
    }
}
