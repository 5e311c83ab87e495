//! The ledger of the release of commit 782c1ff.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::ledger::{
    Appended, Batch, BatchId, Journal, OwnerRecord, OwnerState, Reason, Retention, RunLedger,
    RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{Claim, ClaimRequest};
use apscheduler_core::time::{
    Timestamp, duration_from_micros, duration_to_micros, from_micros, to_micros,
};
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::find_runs;
use apscheduler_testkit::stores::two_releases::decode_journal_of_782c1ff;
use mysql::Row;
use mysql::prelude::FromValue;

use super::connection::{Connection, literal, literals};

const NOW: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))";

const COLUMNS: &str = "run_id, attempt, job_id, scheduled, until, count, state, reason, owner, claimed, started, ended, \
     duration, result, error, late";

#[derive(Debug)]
pub(crate) struct EarlierLedger {
    connection: Arc<Connection>,
    runs: String,
    batches: String,
    owners: String,
}

/// Returns the statement that writes what was claimed into the journal.
pub(crate) fn note(table: &str, due: &ClaimRequest, won: &[Claim]) -> Option<String> {
    let journal = due.journal(won.iter().map(|claim| (&claim.record, &claim.outcome)))?;
    let Batch { id, owner, claimed, .. } = journal.batch;
    Some(format!(
        "INSERT INTO {table}_batches (batch, owner, claimed, entries) VALUES ('{id}', '{owner}', {}, {})",
        to_micros(claimed),
        literal(&journal.encode())
    ))
}

impl EarlierLedger {
    pub(crate) fn new(connection: &Arc<Connection>, table: &str) -> Self {
        let name = |suffix| format!("{table}_{suffix}");
        let connection = Arc::clone(connection);
        Self { connection, runs: name("runs"), batches: name("batches"), owners: name("owners") }
    }

    fn journal_page(
        &self,
        owner: Option<OwnerId>,
        before: Option<BatchId>,
        limit: usize,
    ) -> Result<Vec<Journal>> {
        let condition = match (owner, before) {
            (Some(owner), _) => format!("owner = '{owner}' ORDER BY batch"),
            (None, Some(before)) => format!("batch < '{before}' ORDER BY batch DESC"),
            (None, None) => "true ORDER BY batch DESC".to_owned(),
        };
        let query = format!(
            "SELECT batch, owner, claimed, entries FROM {} WHERE {condition} LIMIT {limit}",
            self.batches
        );
        let read = |row: &Row| {
            let claimed = from_micros(value(row, 2));
            let batch = Batch::with_id(parsed(row, 0), parsed(row, 1), claimed);
            decode_journal_of_782c1ff(batch, &value::<String>(row, 3))
        };
        self.connection.rows(&query).iter().map(read).collect()
    }

    fn have_ended(&self, runs: &[RunId]) -> HashSet<RunId> {
        let ids: Vec<String> = runs.iter().copied().map(String::from).collect();
        let query = format!(
            "SELECT DISTINCT run_id FROM {} WHERE run_id IN ({})",
            self.runs,
            literals(ids.iter().map(String::as_str))
        );
        self.connection.rows(&query).iter().map(|row| parsed(row, 0)).collect()
    }

    fn ended(&self, query: &RunQuery) -> Vec<RunRecord> {
        let mut conditions = vec!["true".to_owned()];
        if let Some(before) = query.before {
            conditions.push(format!("run_id < '{before}'"));
        }
        if let Some(run) = query.run_id {
            conditions.push(format!("run_id = '{run}'"));
        }
        if !query.states.is_empty() {
            let states = literals(query.states.iter().map(|state| state.name()));
            conditions.push(format!("state IN ({states})"));
        }
        let select = format!(
            "SELECT {COLUMNS} FROM {} WHERE {} ORDER BY run_id DESC, attempt DESC LIMIT {}",
            self.runs,
            conditions.join(" AND "),
            query.limit
        );
        self.connection.rows(&select).iter().map(record).collect()
    }
}

impl RunLedger for EarlierLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        assert!(writes.steps.is_empty(), "the release has no open runs");
        let Self { connection, runs, batches, owners } = self;
        let state =
            format!("SELECT state FROM {owners} WHERE owner = '{owner}' LOCK IN SHARE MODE");
        connection.batch("START TRANSACTION");
        let state: Option<String> = connection.first(&state);
        if state.as_deref() == Some(OwnerState::Dead.name()) {
            for record in writes.records {
                connection.changed(&format!(
                    "UPDATE {runs} SET late = {} WHERE run_id = '{}' AND attempt = {} AND state = 'lost'
                     AND late IS NULL",
                    literal(record.state.name()),
                    record.run_id,
                    record.attempt
                ));
            }
            connection.batch("COMMIT");
            return Ok(Appended::Fenced);
        }
        if !writes.records.is_empty() {
            let rows: Vec<String> = writes.records.iter().map(row).collect();
            connection.changed(&format!(
                "INSERT INTO {runs} ({COLUMNS}) VALUES {} ON DUPLICATE KEY UPDATE attempt = VALUES(attempt)",
                rows.join(", ")
            ));
        }
        if !writes.closed.is_empty() {
            let ids: Vec<String> = writes.closed.iter().copied().map(String::from).collect();
            connection.changed(&format!(
                "DELETE gone FROM {batches} AS gone FORCE INDEX (PRIMARY) WHERE gone.batch IN ({})",
                literals(ids.iter().map(String::as_str))
            ));
        }
        connection.batch("COMMIT");
        Ok(Appended::Written)
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
        self.connection.changed(&format!(
            "INSERT INTO {owners} (owner, name, host, pid, state, heartbeat, lease)
             VALUES ('{}', {}, {}, {}, 'alive', {NOW}, {})
             ON DUPLICATE KEY UPDATE heartbeat = IF(state = 'alive', VALUES(heartbeat), heartbeat),
             lease = VALUES(lease)",
            owner.id,
            literal(&owner.name),
            literal(&owner.host),
            owner.pid,
            duration_to_micros(lease)
        ));
        let select = format!("SELECT state FROM {owners} WHERE owner = '{}'", owner.id);
        let state: Option<String> = self.connection.first(&select);
        let state = state.and_then(|state| OwnerState::from_name(&state));
        Ok(state.unwrap_or(OwnerState::Dead))
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        let select = format!(
            "SELECT owner, name, host, pid, state, heartbeat, lease FROM {} AS owners WHERE state = 'alive'
             OR EXISTS (SELECT 1 FROM {} AS batches WHERE batches.owner = owners.owner)",
            self.owners, self.batches
        );
        Ok(self.connection.rows(&select).iter().map(owner_record).collect())
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let condemn = format!(
            "UPDATE {} SET state = 'dead' WHERE owner = '{owner}' AND heartbeat = {} AND state = 'alive'",
            self.owners,
            to_micros(heartbeat)
        );
        Ok(self.connection.changed(&condemn) > 0)
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let Self { connection, runs, batches, owners } = self;
        connection.changed(&format!(
            "DELETE FROM {owners} WHERE state <> 'alive' AND heartbeat < {}
             AND owner NOT IN (SELECT owner FROM {batches})",
            to_micros(retention.owners_before(now))
        ));
        let surplus = format!(
            "SELECT run_id FROM {runs} WHERE state = 'ok' ORDER BY run_id DESC LIMIT 1 OFFSET {}",
            retention.max_ok
        );
        assert_eq!(connection.first::<String>(&surplus), None, "a few records");
        let has_newer = match retention.keep_last.checked_sub(1) {
            None => "true".to_owned(),
            Some(others) => format!(
                "(SELECT newer.run_id FROM {runs} AS newer WHERE newer.job_id = old.job_id
                  AND newer.run_id > old.run_id ORDER BY newer.run_id LIMIT 1 OFFSET {others}) IS NOT NULL"
            ),
        };
        let rows = connection.rows(&format!(
            "SELECT run_id, attempt FROM {runs} AS old
             WHERE (run_id < '{}' OR state = 'ok' AND run_id < '{}') AND {has_newer}
             ORDER BY run_id LIMIT {limit}",
            retention.other_before(now),
            retention.ok_before(now)
        ));
        let key = |row: &Row| format!("('{}', {})", parsed::<RunId>(row, 0), value::<i64>(row, 1));
        let keys: Vec<String> = rows.iter().map(key).collect();
        if !keys.is_empty() {
            let keys = keys.join(", ");
            connection.changed(&format!("DELETE FROM {runs} WHERE (run_id, attempt) IN ({keys})"));
        }
        Ok(keys.len())
    }
}

/// Returns a record as a row of literals.
fn row(record: &RunRecord) -> String {
    let text = |text: Option<&str>| text.map_or_else(|| "NULL".to_owned(), literal);
    let number =
        |number: Option<i64>| number.map_or_else(|| "NULL".to_owned(), |number| number.to_string());
    let columns = [
        literal(&String::from(record.run_id)),
        record.attempt.to_string(),
        literal(&record.job_id),
        to_micros(record.scheduled_run_time).to_string(),
        number(record.until.map(to_micros)),
        record.count.to_string(),
        literal(record.state.name()),
        text(record.reason.map(Reason::name)),
        literal(&String::from(record.owner)),
        number(record.claimed.map(to_micros)),
        number(record.started.map(to_micros)),
        number(record.ended.map(to_micros)),
        number(record.duration.map(duration_to_micros)),
        text(record.result.as_deref()),
        text(record.error.as_deref()),
        text(record.late.map(RunState::name)),
    ];
    format!("({})", columns.join(", "))
}

fn record(row: &Row) -> RunRecord {
    let time = |column| value::<Option<i64>>(row, column).map(from_micros);
    let text = |column| value::<Option<String>>(row, column);
    let state = text(6).and_then(|state| RunState::from_name(&state));
    let mut record = RunRecord::new(
        parsed(row, 0),
        value::<String>(row, 2),
        from_micros(value(row, 3)),
        parsed(row, 8),
        state.unwrap_or(RunState::Failed),
    )
    .attempt(value(row, 1))
    .reason(text(7).and_then(|reason| Reason::from_name(&reason)))
    .claimed(time(9))
    .started(time(10))
    .ended(time(11))
    .duration(value::<Option<i64>>(row, 12).map(duration_from_micros));
    (record.until, record.count) = (time(4), value::<i64>(row, 5).cast_unsigned());
    (record.result, record.error) = (text(13).map(Arc::from), text(14).map(Arc::from));
    record.late = text(15).and_then(|late| RunState::from_name(&late));
    record
}

fn owner_record(row: &Row) -> OwnerRecord {
    let text = |column| value::<String>(row, column);
    let owner = Owner::with_id(parsed(row, 0), text(1), text(2), value(row, 3));
    let state = OwnerState::from_name(&text(4)).unwrap_or(OwnerState::Dead);
    let lease = duration_from_micros(value(row, 6));
    OwnerRecord::new(owner, state, from_micros(value(row, 5)), lease)
}

fn value<T: FromValue>(row: &Row, column: usize) -> T {
    row.get(column).unwrap()
}

/// Reads an identifier.
fn parsed<T: std::str::FromStr<Err = Error>>(row: &Row, column: usize) -> T {
    value::<String>(row, column).parse().unwrap()
}
