//! The ledger of the release of commit 782c1ff.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, Batch, BatchId, Journal, OwnerRecord, OwnerState, Reason, Retention, RunLedger,
    RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{Claim, ClaimRequest};
use apscheduler_core::time::{
    Timestamp, duration_from_micros, duration_to_micros, from_micros, to_micros,
};
use apscheduler_plugin_kit::store::find_runs;
use apscheduler_testkit::stores::two_releases::decode_journal_of_782c1ff;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

const RUN_COLUMNS: &str = "run_id, attempt, job_id, scheduled, until, count, state, reason, owner, claimed, \
     started, ended, duration, result, error, late";
const NOW: &str = "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)";

#[derive(Debug)]
pub(crate) struct EarlierLedger(Arc<Mutex<Connection>>);

/// Writes what was claimed into the journal, in the transaction of the claim.
pub(crate) fn note(transaction: &Transaction<'_>, due: &ClaimRequest, won: &[Claim]) {
    let won = won.iter().map(|claim| (&claim.record, &claim.outcome));
    let Some(journal) = due.journal(won) else { return };
    let Batch { id, owner, claimed, .. } = journal.batch;
    let insert = "INSERT INTO apscheduler_jobs_claims (batch, owner, claimed, entries) VALUES (?1, ?2, ?3, ?4)";
    let values = params![bytes(id), owner_bytes(owner), to_micros(claimed), journal.encode()];
    transaction.execute(insert, values).unwrap();
}

fn bytes(id: RunId) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}

fn owner_bytes(id: OwnerId) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}

fn id(row: &Row<'_>, column: usize) -> RunId {
    RunId::from_u128(u128::from_be_bytes(row.get(column).unwrap()))
}

fn owner_id(row: &Row<'_>, column: usize) -> OwnerId {
    OwnerId::from_u128(u128::from_be_bytes(row.get(column).unwrap()))
}

impl EarlierLedger {
    pub(crate) fn new(connection: &Arc<Mutex<Connection>>) -> Self {
        Self(Arc::clone(connection))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap()
    }

    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> T) -> T {
        let mut connection = self.connection();
        let transaction = super::begin(&mut connection);
        let done = work(&transaction);
        transaction.commit().unwrap();
        done
    }

    fn journal_page(
        connection: &Connection,
        owner: Option<OwnerId>,
        before: Option<BatchId>,
        limit: usize,
    ) -> Result<Vec<Journal>> {
        let condition = if owner.is_some() {
            "owner = ?1 AND ?2 IS NULL ORDER BY batch"
        } else {
            "?1 IS NULL AND (?2 IS NULL OR batch < ?2) ORDER BY batch DESC"
        };
        let sql = format!(
            "SELECT batch, owner, claimed, entries FROM apscheduler_jobs_claims WHERE {condition} LIMIT ?3"
        );
        let mut select = connection.prepare(&sql).unwrap();
        let values =
            params![owner.map(owner_bytes), before.map(bytes), i64::try_from(limit).unwrap()];
        let rows = select.query_map(values, |row| {
            let batch = Batch::with_id(id(row, 0), owner_id(row, 1), from_micros(row.get(2)?));
            Ok((batch, row.get::<_, String>(3)?))
        });
        let rows = rows.unwrap().map(std::result::Result::unwrap);
        rows.map(|(batch, text)| decode_journal_of_782c1ff(batch, &text)).collect()
    }

    fn ended(connection: &Connection, query: &RunQuery) -> Vec<RunRecord> {
        let states: Vec<&str> = query.states.iter().map(|state| state.name()).collect();
        let states = (!states.is_empty()).then(|| serde_json::json!(states).to_string());
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM apscheduler_jobs_runs WHERE ?1 IS NULL
             AND (?2 IS NULL OR run_id < ?2) AND (?5 IS NULL OR run_id = ?5)
             AND (?3 IS NULL OR state IN (SELECT value FROM json_each(?3)))
             ORDER BY run_id DESC, attempt DESC LIMIT ?4"
        );
        let values = params![
            None::<String>,
            query.before.map(bytes),
            states,
            i64::try_from(query.limit).unwrap(),
            query.run_id.map(bytes)
        ];
        let mut select = connection.prepare(&sql).unwrap();
        let rows = select.query_map(values, record).unwrap();
        rows.map(std::result::Result::unwrap).collect()
    }
}

fn owner_state(connection: &Connection, owner: OwnerId) -> Option<OwnerState> {
    let sql = "SELECT state FROM apscheduler_jobs_owners WHERE owner = ?1";
    let state = connection.query_row(sql, [owner_bytes(owner)], |row| row.get::<_, String>(0));
    state.optional().unwrap().and_then(|state| OwnerState::from_name(&state))
}

impl RunLedger for EarlierLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        assert!(writes.steps.is_empty(), "the release has no open runs");
        let late = "UPDATE apscheduler_jobs_runs SET late = ?3
             WHERE run_id = ?1 AND attempt = ?2 AND state = 'lost' AND late IS NULL";
        let insert = format!(
            "INSERT OR IGNORE INTO apscheduler_jobs_runs ({RUN_COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
        );
        let close = "DELETE FROM apscheduler_jobs_claims WHERE batch = ?1";
        Ok(self.write(|transaction| {
            if owner_state(transaction, owner) == Some(OwnerState::Dead) {
                for record in writes.records {
                    let values = (bytes(record.run_id), record.attempt, record.state.name());
                    transaction.execute(late, values).unwrap();
                }
                return Appended::Fenced;
            }
            for record in writes.records {
                transaction.execute(&insert, rusqlite::params_from_iter(values(record))).unwrap();
            }
            for batch in writes.closed {
                transaction.execute(close, [bytes(*batch)]).unwrap();
            }
            Appended::Written
        }))
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let mut connection = self.connection();
        let transaction = connection.transaction().unwrap();
        let exists = "SELECT EXISTS (SELECT 1 FROM apscheduler_jobs_runs WHERE run_id = ?1)";
        let has_ended = |run: &&RunId| {
            transaction.query_row(exists, [bytes(**run)], |row| row.get::<_, bool>(0)).unwrap()
        };
        find_runs(
            query,
            |before| Self::journal_page(&transaction, None, before, 100),
            |runs| Ok(runs.iter().filter(has_ended).copied().collect::<HashSet<_>>()),
            || Ok(Self::ended(&transaction, query)),
        )
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        Self::journal_page(&self.connection(), Some(owner), None, limit)
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        let beat = format!(
            "INSERT INTO apscheduler_jobs_owners (owner, name, host, pid, state, heartbeat, lease)
             VALUES (?1, ?2, ?3, ?4, 'alive', {NOW}, ?5)
             ON CONFLICT (owner) DO UPDATE SET heartbeat = excluded.heartbeat, lease = ?5
             WHERE state = 'alive'"
        );
        Ok(self.write(|transaction| {
            let Owner { id, name, host, pid, .. } = owner;
            let values = params![owner_bytes(*id), name, host, pid, duration_to_micros(lease)];
            transaction.execute(&beat, values).unwrap();
            owner_state(transaction, *id).unwrap_or(OwnerState::Alive)
        }))
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        let sql = "SELECT owner, name, host, pid, state, heartbeat, lease
             FROM apscheduler_jobs_owners AS owner WHERE state = 'alive'
             OR EXISTS (SELECT 1 FROM apscheduler_jobs_claims AS claim WHERE claim.owner = owner.owner)";
        let connection = self.connection();
        let mut select = connection.prepare(sql).unwrap();
        let rows = select.query_map([], |row| {
            let (name, host): (String, String) = (row.get(1)?, row.get(2)?);
            let owner = Owner::with_id(owner_id(row, 0), name, host, row.get(3)?);
            let state =
                OwnerState::from_name(&row.get::<_, String>(4)?).unwrap_or(OwnerState::Dead);
            let (heartbeat, lease) = (from_micros(row.get(5)?), duration_from_micros(row.get(6)?));
            Ok(OwnerRecord::new(owner, state, heartbeat, lease))
        });
        Ok(rows.unwrap().map(std::result::Result::unwrap).collect())
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let condemn = "UPDATE apscheduler_jobs_owners SET state = 'dead'
             WHERE owner = ?1 AND heartbeat = ?2 AND state = 'alive'";
        let values = (owner_bytes(owner), to_micros(heartbeat));
        Ok(self.write(|transaction| transaction.execute(condemn, values).unwrap() > 0))
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let prune_owners =
            "DELETE FROM apscheduler_jobs_owners WHERE state <> 'alive' AND heartbeat < ?1
             AND owner NOT IN (SELECT owner FROM apscheduler_jobs_claims)";
        let prune = "DELETE FROM apscheduler_jobs_runs WHERE (run_id, attempt) IN (
             SELECT run_id, attempt FROM apscheduler_jobs_runs AS old
             WHERE run_id < max(?1, ?2) AND (run_id < ?2 OR state = 'ok')
             AND (SELECT count(*) FROM (SELECT 1 FROM apscheduler_jobs_runs AS later
                 WHERE later.job_id = old.job_id AND later.run_id > old.run_id LIMIT ?3)) >= ?3
             ORDER BY run_id LIMIT ?4)";
        Ok(self.write(|transaction| {
            let owners = to_micros(retention.owners_before(now));
            transaction.execute(prune_owners, [owners]).unwrap();
            let values = params![
                bytes(retention.ok_before(now)),
                bytes(retention.other_before(now)),
                i64::try_from(retention.keep_last).unwrap(),
                i64::try_from(limit).unwrap()
            ];
            transaction.execute(prune, values).unwrap()
        }))
    }
}

fn values(record: &RunRecord) -> Vec<rusqlite::types::Value> {
    let text = |text: Option<&str>| text.map(str::to_owned).into();
    let time = |time: Option<Timestamp>| time.map(to_micros).into();
    vec![
        bytes(record.run_id).to_vec().into(),
        i64::from(record.attempt).into(),
        record.job_id.to_string().into(),
        to_micros(record.scheduled_run_time).into(),
        time(record.until),
        record.count.cast_signed().into(),
        record.state.name().to_owned().into(),
        text(record.reason.map(Reason::name)),
        owner_bytes(record.owner).to_vec().into(),
        time(record.claimed),
        time(record.started),
        time(record.ended),
        record.duration.map(duration_to_micros).into(),
        text(record.result.as_deref()),
        text(record.error.as_deref()),
        text(record.late.map(RunState::name)),
    ]
}

fn record(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    let time = |index| row.get::<_, Option<i64>>(index).map(|time| time.map(from_micros));
    let text = |index| row.get::<_, Option<String>>(index);
    let state = text(6)?.and_then(|state| RunState::from_name(&state));
    let mut record = RunRecord::new(
        id(row, 0),
        row.get::<_, String>(2)?,
        from_micros(row.get(3)?),
        owner_id(row, 8),
        state.unwrap_or(RunState::Failed),
    )
    .attempt(row.get(1)?)
    .reason(text(7)?.and_then(|reason| Reason::from_name(&reason)))
    .claimed(time(9)?)
    .started(time(10)?)
    .ended(time(11)?)
    .duration(row.get::<_, Option<i64>>(12)?.map(duration_from_micros));
    (record.until, record.count) = (time(4)?, row.get::<_, i64>(5)?.cast_unsigned());
    (record.result, record.error) = (text(13)?.map(Arc::from), text(14)?.map(Arc::from));
    record.late = text(15)?.and_then(|late| RunState::from_name(&late));
    Ok(record)
}
