//! The ledger of the release of commit 782c1ff.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, Batch, BatchId, Journal, OwnerRecord, OwnerState, Reason, Retention, RunLedger,
    RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::time::{
    Timestamp, duration_from_micros, duration_to_micros, from_micros, to_micros,
};
use apscheduler_plugin_kit::store::find_runs;
use apscheduler_testkit::stores::two_releases::decode_journal_of_782c1ff;
use serde_json::{Value as Json, json};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::connection::{Connection, Value};

const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::int8";

const COLUMNS: &str = "run_id::text, attempt, job_id, scheduled, until, count, state, reason, owner::text, claimed, \
     started, ended, duration, result, error, late";

const FIELDS: &str = "run_id uuid, attempt integer, job_id text, scheduled bigint, until bigint, count bigint, state text, \
     reason text, owner uuid, claimed bigint, started bigint, ended bigint, duration bigint, result text, error text, late text";

#[derive(Debug)]
pub(crate) struct EarlierLedger {
    connection: Arc<Connection>,
    runs: String,
    claims: String,
    owners: String,
}

impl EarlierLedger {
    pub(crate) fn new(connection: &Arc<Connection>, table: &str) -> Self {
        let name = |suffix| format!("{table}_{suffix}");
        let connection = Arc::clone(connection);
        Self { connection, runs: name("runs"), claims: name("claims"), owners: name("owners") }
    }

    fn journal_page(
        &self,
        owner: Option<OwnerId>,
        before: Option<BatchId>,
        limit: usize,
    ) -> Result<Vec<Journal>> {
        let order = if owner.is_some() { "owner = $1::uuid" } else { "$1 IS NULL" };
        let direction = if owner.is_some() { "ASC" } else { "DESC" };
        let query = format!(
            "SELECT batch::text, owner::text, claimed, entries FROM {}
             WHERE batch IS NOT NULL AND {order} AND ($2::uuid IS NULL OR batch < $2::uuid)
             ORDER BY batch {direction} LIMIT $3",
            self.claims
        );
        let (owner, before) = (owner.map(String::from), before.map(String::from));
        let limit = i64::try_from(limit).unwrap();
        let values = [
            (&owner as Value<'_>, Type::TEXT),
            (&before as _, Type::TEXT),
            (&limit as _, Type::INT8),
        ];
        let rows = self.connection.rows(&query, &values);
        let read = |row: &Row| {
            let batch =
                Batch::with_id(parsed(row, 0), parsed(row, 1), from_micros(row.get::<_, i64>(2)));
            decode_journal_of_782c1ff(batch, row.get(3))
        };
        rows.iter().map(read).collect()
    }

    fn have_ended(&self, runs: &[RunId]) -> HashSet<RunId> {
        let ids: Vec<String> = runs.iter().copied().map(String::from).collect();
        let query = format!(
            "SELECT DISTINCT run_id::text FROM {} WHERE run_id = ANY ($1::text[]::uuid[])",
            self.runs
        );
        let rows = self.connection.rows(&query, &[(&ids as _, Type::TEXT_ARRAY)]);
        rows.iter().map(|row| parsed(row, 0)).collect()
    }

    fn ended(&self, query: &RunQuery) -> Vec<RunRecord> {
        let (before, run) = (query.before.map(String::from), query.run_id.map(String::from));
        let states: Vec<&str> = query.states.iter().map(|state| state.name()).collect();
        let limit = i64::try_from(query.limit).unwrap();
        let mut conditions = vec!["true".to_owned()];
        let mut values: Vec<(Value<'_>, Type)> = vec![(&limit, Type::INT8)];
        let mut add = |condition: &str, value| {
            values.push(value);
            conditions.push(condition.replace('?', &format!("${}", values.len())));
        };
        if before.is_some() {
            add("run_id < ?::uuid", (&before, Type::TEXT));
        }
        if run.is_some() {
            add("run_id = ?::uuid", (&run, Type::TEXT));
        }
        if !states.is_empty() {
            add("state = ANY (?)", (&states, Type::TEXT_ARRAY));
        }
        let select = format!(
            "SELECT {COLUMNS} FROM {} WHERE {} ORDER BY run_id DESC, attempt DESC LIMIT $1",
            self.runs,
            conditions.join(" AND ")
        );
        self.connection.rows(&select, &values).iter().map(record).collect()
    }
}

impl RunLedger for EarlierLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        assert!(writes.steps.is_empty(), "the release has no open runs");
        let Self { connection, runs, claims, owners } = self;
        let records = writes.records.iter().map(row).collect::<Json>().to_string();
        let closed: Vec<String> = writes.closed.iter().copied().map(String::from).collect();
        let state = format!("SELECT state FROM {owners} WHERE owner = $1::uuid FOR SHARE");
        let insert = format!(
            "INSERT INTO {runs} SELECT * FROM json_to_recordset($1::json) AS new ({FIELDS}) ON CONFLICT DO NOTHING"
        );
        let close = format!("DELETE FROM {claims} WHERE batch = ANY ($1::text[]::uuid[])");
        let late = format!(
            "UPDATE {runs} AS stored SET late = new.state
             FROM json_to_recordset($1::json) AS new ({FIELDS})
             WHERE stored.run_id = new.run_id AND stored.attempt = new.attempt AND stored.state = 'lost'
             AND stored.late IS NULL"
        );
        let owner = String::from(owner);
        connection.batch("BEGIN");
        let found = connection.rows(&state, &[(&owner as _, Type::TEXT)]);
        let records = [(&records as Value<'_>, Type::TEXT)];
        let is_dead = found.first().is_some_and(|row| row.get::<_, &str>(0) == "dead");
        if is_dead {
            connection.changed(&late, &records);
        } else {
            connection.changed(&insert, &records);
            connection.changed(&close, &[(&closed as _, Type::TEXT_ARRAY)]);
        }
        connection.batch("COMMIT");
        Ok(if is_dead { Appended::Fenced } else { Appended::Written })
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        find_runs(
            query,
            |before| self.journal_page(None, before, 100),
            |runs| Ok(self.have_ended(runs)),
            || Ok(self.ended(query)),
        )
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        self.journal_page(Some(owner), None, limit)
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        let owners = &self.owners;
        let beat = format!(
            "INSERT INTO {owners} AS owner (owner, name, host, pid, state, heartbeat, lease)
             VALUES ($1::uuid, $2, $3, $4, 'alive', {NOW}, $5)
             ON CONFLICT (owner) DO UPDATE SET heartbeat = excluded.heartbeat, lease = excluded.lease
             WHERE owner.state = 'alive'"
        );
        let (id, pid) = (String::from(owner.id), i64::from(owner.pid));
        let lease = duration_to_micros(lease);
        let values = [
            (&id as Value<'_>, Type::TEXT),
            (&owner.name as _, Type::TEXT),
            (&owner.host as _, Type::TEXT),
            (&pid as _, Type::INT8),
            (&lease as _, Type::INT8),
        ];
        if self.connection.changed(&beat, &values) > 0 {
            return Ok(OwnerState::Alive);
        }
        let select = format!("SELECT state FROM {owners} WHERE owner = $1::uuid");
        let rows = self.connection.rows(&select, &[(&id as _, Type::TEXT)]);
        Ok(OwnerState::from_name(rows[0].get(0)).unwrap_or(OwnerState::Dead))
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        let select = format!(
            "SELECT owner::text, name, host, pid, state, heartbeat, lease FROM {} AS owner
             WHERE state = 'alive' OR EXISTS (SELECT FROM {} AS claim WHERE claim.owner = owner.owner)",
            self.owners, self.claims
        );
        Ok(self.connection.rows(&select, &[]).iter().map(owner_record).collect())
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let condemn = format!(
            "UPDATE {} SET state = 'dead' WHERE owner = $1::uuid AND heartbeat = $2 AND state = 'alive'",
            self.owners
        );
        let (id, heartbeat) = (String::from(owner), to_micros(heartbeat));
        let values = [(&id as Value<'_>, Type::TEXT), (&heartbeat as _, Type::INT8)];
        Ok(self.connection.changed(&condemn, &values) > 0)
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let Self { connection, runs, claims, owners } = self;
        let prune = format!(
            "WITH surplus AS (
               SELECT run_id FROM {runs} WHERE state = 'ok' ORDER BY run_id DESC LIMIT 1 OFFSET $3
             ), cut AS (
               SELECT greatest($1::uuid, (SELECT run_id FROM surplus)) AS ok,
                      EXISTS (SELECT FROM surplus WHERE run_id >= $1::uuid) AS inclusive
             )
             DELETE FROM {runs} WHERE (run_id, attempt) IN (
               SELECT run_id, attempt FROM {runs} AS old, cut
               WHERE (run_id < $2::uuid
                      OR state = 'ok' AND (run_id < cut.ok OR cut.inclusive AND run_id = cut.ok))
               AND $4 <= (SELECT count(*) FROM (
                 SELECT 1 FROM {runs} AS later
                 WHERE later.job_id = old.job_id AND later.run_id > old.run_id LIMIT $4) AS newer)
               ORDER BY run_id LIMIT $5)"
        );
        let prune_owners = format!(
            "DELETE FROM {owners} AS old WHERE state <> 'alive' AND heartbeat < $1
             AND NOT EXISTS (SELECT FROM {claims} AS claim WHERE claim.owner = old.owner)"
        );
        let before = to_micros(retention.owners_before(now));
        let ok = String::from(retention.ok_before(now));
        let other = String::from(retention.other_before(now));
        let count = |count: usize| i64::try_from(count).unwrap();
        let (most, last, limit) =
            (count(retention.max_ok), count(retention.keep_last), count(limit));
        connection.batch("BEGIN");
        connection.changed(&prune_owners, &[(&before as _, Type::INT8)]);
        let values = [
            (&ok as Value<'_>, Type::TEXT),
            (&other as _, Type::TEXT),
            (&most as _, Type::INT8),
            (&last as _, Type::INT8),
            (&limit as _, Type::INT8),
        ];
        let removed = connection.changed(&prune, &values);
        connection.batch("COMMIT");
        Ok(usize::try_from(removed).unwrap())
    }
}

fn row(record: &RunRecord) -> Json {
    json!({
        "run_id": record.run_id,
        "attempt": record.attempt,
        "job_id": &*record.job_id,
        "scheduled": to_micros(record.scheduled_run_time),
        "until": record.until.map(to_micros),
        "count": record.count,
        "state": record.state.name(),
        "reason": record.reason.map(Reason::name),
        "owner": record.owner,
        "claimed": record.claimed.map(to_micros),
        "started": record.started.map(to_micros),
        "ended": record.ended.map(to_micros),
        "duration": record.duration.map(duration_to_micros),
        "result": record.result.as_deref(),
        "error": record.error.as_deref(),
        "late": record.late.map(RunState::name),
    })
}

fn record(row: &Row) -> RunRecord {
    let time = |index| row.get::<_, Option<i64>>(index).map(from_micros);
    let text = |index| row.get::<_, Option<&str>>(index);
    let mut record = RunRecord::new(
        parsed(row, 0),
        row.get::<_, &str>(2),
        from_micros(row.get::<_, i64>(3)),
        parsed(row, 8),
        RunState::from_name(row.get(6)).unwrap_or(RunState::Failed),
    )
    .attempt(row.get::<_, i32>(1).cast_unsigned())
    .reason(text(7).and_then(Reason::from_name))
    .claimed(time(9))
    .started(time(10))
    .ended(time(11))
    .duration(row.get::<_, Option<i64>>(12).map(duration_from_micros));
    (record.until, record.count) = (time(4), row.get::<_, i64>(5).cast_unsigned());
    (record.result, record.error) = (text(13).map(Arc::from), text(14).map(Arc::from));
    record.late = text(15).and_then(RunState::from_name);
    record
}

fn owner_record(row: &Row) -> OwnerRecord {
    let pid = u32::try_from(row.get::<_, i64>(3)).unwrap_or(0);
    let (name, host): (&str, &str) = (row.get(1), row.get(2));
    let owner = Owner::with_id(parsed(row, 0), name, host, pid);
    let state = OwnerState::from_name(row.get(4)).unwrap_or(OwnerState::Dead);
    let lease = duration_from_micros(row.get(6));
    OwnerRecord::new(owner, state, from_micros(row.get::<_, i64>(5)), lease)
}

fn parsed<T: std::str::FromStr<Err = apscheduler_core::Error>>(row: &Row, index: usize) -> T {
    row.get::<_, &str>(index).parse().unwrap()
}
