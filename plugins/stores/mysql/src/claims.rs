//! Claims of due jobs: two round trips for a batch of any size.
//!
//! Each claim writes a token in its transaction. If the connection is lost during COMMIT, the token later shows whether the
//! transaction was committed.

use std::collections::{HashMap, HashSet};

use apscheduler_core::store::{ClaimCursor, ClaimRequest, Claims, Decision, JobRecord};
use apscheduler_core::time::{Timestamp, to_micros};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::{
    ClaimToken, Connector as _, DecidedBatch, RetryClass as _, TransactionsInDoubt,
};
use mysql::Conn;
use mysql::prelude::Queryable as _;

use crate::failure::Failure;
use crate::ledger;
use crate::pool::{Lease, read};
use crate::rows::{COLUMNS, record, value};
use crate::session::Session;
use crate::statements::{Answer, STATEMENT, answers, delete, literal, literals, packets};

const TASK: &str = "claiming due jobs";

/// How often decisions are written again after the server rolled them back because of other transactions.
const CONFLICTS: usize = 8;

/// Returns the condition for jobs that are due after the place in `due` and before `end`, in a form that uses the index
/// of run times.
fn condition(due: &ClaimRequest, end: Option<&ClaimCursor>) -> String {
    let place = |cursor: &ClaimCursor| (to_micros(cursor.next_run_time), literal(cursor.id()));
    let mut conditions = vec![format!("next_run_time <= {}", due.now.timestamp_micros())];
    conditions.extend(due.after.as_ref().map(place).map(|(time, id)| {
        format!("((next_run_time = {time} AND id > {id}) OR next_run_time > {time})")
    }));
    conditions.extend(end.map(place).map(|(time, id)| {
        format!("((next_run_time = {time} AND id < {id}) OR next_run_time < {time})")
    }));
    conditions.join(" AND ")
}

/// Sends statements, usually all at once, and returns the answers.
fn send(connection: &mut Conn, statements: Vec<String>) -> Result<Vec<Answer>, Failure> {
    let mut all = Vec::new();
    for packet in packets(statements) {
        all.extend(answers(connection, &packet)?);
    }
    Ok(all)
}

impl Session {
    pub(crate) fn claim(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
        in_doubt: &TransactionsInDoubt,
    ) -> Result<Claims> {
        let is_written = |token: &str| self.is_written(token).map(Some);
        if let Some(claims) = in_doubt.settle(due, is_written, decide)? {
            return Ok(claims);
        }
        if due.limit == 0 {
            return Ok(Claims::new(Vec::new(), due.after.clone()));
        }
        let explain = |failure: Failure| failure.explain(self.pool.connector().address(), TASK);
        // Nothing is decided yet, so all of this may be retried.
        let found = self.pool.retrying(|lease| self.lock_due(lease, due));
        let (lease, records) = found.map_err(explain)?;
        let mut batch = DecidedBatch::of_locked(records, due, decide);
        let token = in_doubt.next();
        let mut written = self.write_back(lease, due, &batch, &token);
        for _ in 0..CONFLICTS {
            match &written {
                Err(failure) if failure.is_conflict() => {}
                _ => break,
            }
            // The decisions stay: jobs that nobody has changed since can still be claimed.
            written = self.lock_again(&mut batch).and_then(|lease| {
                self.write_back(lease, due, &batch, &token)?;
                Ok(true)
            });
        }
        match written {
            Ok(skipped) => {
                if skipped {
                    self.look_again();
                }
                Ok(in_doubt.committed(token, batch))
            }
            Err(failure) => {
                if failure.is_conflict() {
                    in_doubt.rolled_back(token);
                } else {
                    // Whatever the error: a proxy may answer in place of a lost server, and a server that crashes in COMMIT
                    // may have written it.
                    in_doubt.unknown(token, batch);
                }
                Err(explain(failure))
            }
        }
    }

    /// Returns whether the transaction that wrote this token was committed, after its COMMIT was not answered.
    ///
    /// This writes the token too, marked as no claim: if the server has not read the transaction yet, it can't be committed
    /// any more. If it is being committed, the server waits for it.
    fn is_written(&self, token: &str) -> Result<bool> {
        let (claims, token) = (&self.tables.claims, literal(token));
        let statements = format!(
            "INSERT IGNORE INTO {claims} (token, is_written) VALUES ({token}, 0);
             SELECT is_written FROM {claims} WHERE token = {token}"
        );
        read(&self.pool, "asking for the outcome of a claim", |connection| {
            let answers = answers(connection, &statements)?;
            let row = answers.last().and_then(|answer| answer.rows.first()).ok_or_else(|| {
                Error::new(ErrorKind::Unavailable, "the token of a claim could not be written")
            })?;
            value(row, 0)
        })
    }

    /// Begins a transaction and locks due jobs that no other scheduler has locked.
    fn lock_due<'a>(
        &self,
        mut lease: Lease<'a>,
        due: &ClaimRequest,
    ) -> Result<(Lease<'a>, Vec<JobRecord>), Failure> {
        let statements = format!(
            "START TRANSACTION; SELECT {COLUMNS} FROM {} FORCE INDEX (next_run_time) WHERE {}
             ORDER BY next_run_time, id LIMIT {} FOR UPDATE SKIP LOCKED; {}",
            self.tables.jobs,
            condition(due, None),
            due.limit,
            self.tables.select_identity()
        );
        let mut answers = answers(&mut lease, &statements)?;
        let identity = answers.pop().and_then(|answer| answer.rows.into_iter().next());
        let identity = identity.map(|row| value::<i64>(&row, 0)).transpose()?;
        if identity != self.identity {
            let message = format!("the table {} was replaced", self.tables.jobs);
            return Err(Error::new(ErrorKind::StoreReplaced, message).into());
        }
        let records = answers.iter().flat_map(|answer| &answer.rows).map(record);
        let records = records.collect::<Result<_, _>>()?;
        Ok((lease, records))
    }

    /// Begins another transaction and locks the claimed jobs of a batch that are unchanged.
    fn lock_again(&self, batch: &mut DecidedBatch) -> Result<Lease<'_>, Failure> {
        let mut lease = self.pool.lease()?;
        let ids: Vec<&str> = batch.claimed().map(|record| &*record.id).collect();
        let mut statements = vec!["START TRANSACTION".to_owned()];
        statements.extend(ids.chunks(STATEMENT).map(|ids| {
            format!(
                "SELECT id, revision FROM {} FORCE INDEX (PRIMARY) WHERE id IN ({}) FOR UPDATE SKIP LOCKED",
                self.tables.jobs,
                literals(ids.iter().copied())
            )
        }));
        let mut unchanged = HashMap::new();
        for row in
            answers(&mut lease, &statements.join("; "))?.iter().flat_map(|answer| &answer.rows)
        {
            unchanged.insert(value::<String>(row, 0)?, value::<i64>(row, 1)?.cast_unsigned());
        }
        batch.keep_claims(|record| unchanged.get(&*record.id) == Some(&record.revision));
        Ok(lease)
    }

    /// Writes all decisions and commits. Returns whether others have locked due jobs in the range of this batch.
    fn write_back(
        &self,
        mut lease: Lease<'_>,
        due: &ClaimRequest,
        batch: &DecidedBatch,
        ClaimToken { token, answered }: &ClaimToken,
    ) -> Result<bool, Failure> {
        let still_due: HashSet<&str> = batch.still_due().collect();
        let mut statements = self.changes(batch);
        if !batch.is_empty() {
            let (claims, token) = (&self.tables.claims, literal(token));
            statements
                .push(format!("INSERT INTO {claims} (token, is_written) VALUES ({token}, 1)"));
        }
        if let Some(journal) = batch.journal(due) {
            statements.extend(ledger::note(&self.tables, &journal));
        }
        if !answered.is_empty() {
            statements.push(delete(
                &self.tables.claims,
                "token",
                answered.iter().map(|token| &**token),
            ));
        }
        statements.push(format!(
            "SELECT id FROM {} FORCE INDEX (next_run_time) WHERE {}
             ORDER BY next_run_time, id LIMIT {}",
            self.tables.jobs,
            // The last job is ours.
            condition(due, batch.resume()),
            still_due.len() + 1
        ));
        statements.push("COMMIT".to_owned());
        let written = match send(&mut lease, statements) {
            Ok(written) => written,
            Err(failure) => {
                // So that the next attempt does not find its jobs locked by this one.
                if failure.is_conflict() && lease.query_drop("ROLLBACK").is_ok() {
                    lease.release();
                }
                return Err(failure.during_commit());
            }
        };
        lease.release();
        for row in written.iter().flat_map(|answer| &answer.rows) {
            if !still_due.contains(&*value::<String>(row, 0)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the statements that write the decisions. They find each job by its id and lock no other: for joins and some
    /// conditions the server would read whole tables.
    fn changes(&self, batch: &DecidedBatch) -> Vec<String> {
        let jobs = &self.tables.jobs;
        let mut statements = Vec::new();
        let moved: Vec<(&str, Timestamp)> = batch.moved().collect();
        for moved in moved.chunks(STATEMENT) {
            let rows = moved
                .iter()
                .map(|(id, next)| format!("({}, {}, 0, '')", literal(id), to_micros(*next)));
            let rows: Vec<String> = rows.collect();
            // All of them exist, locked by us.
            statements.push(format!(
                "INSERT INTO {jobs} (id, next_run_time, revision, job_state) VALUES {}
                 ON DUPLICATE KEY UPDATE next_run_time = VALUES(next_run_time), revision = revision + 1",
                rows.join(", ")
            ));
        }
        let finished: Vec<&str> = batch.finished().collect();
        for finished in finished.chunks(STATEMENT) {
            statements.push(delete(jobs, "id", finished.iter().copied()));
        }
        statements
    }
}
