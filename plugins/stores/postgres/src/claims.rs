//! Claims of due jobs: two round trips for a batch of any size.
//!
//! Each claim writes a token in its transaction. If the connection is lost during COMMIT, the token later shows whether the
//! transaction was committed.

use apscheduler_core::store::{ClaimCursor, ClaimRequest, Claims, Decision, JobRecord};
use apscheduler_core::time::to_micros;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::{
    ClaimToken, Connector as _, DecidedBatch, RetryClass as _, TransactionsInDoubt,
};
use futures_util::future::{join3, join5};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::ledger::JournalRow;
use crate::open_runs;
use crate::pool::{BEGIN, Lease, write};
use crate::rows::{COLUMNS, count, record};
use crate::session::Session;

const TASK: &str = "claiming due jobs";

/// How many milliseconds to wait for a transaction whose end the server has not noticed yet.
const LOCK_TIMEOUT: u32 = 20;

/// The start of a batch: after the jobs of earlier batches.
fn begin(due: &ClaimRequest) -> (i64, &str) {
    due.after.as_ref().map_or((i64::MIN, ""), place)
}

/// The end of a batch: before its last job, which is ours, or before jobs that are not due.
fn end<'a>(due: &ClaimRequest, batch: &'a DecidedBatch) -> (i64, &'a str) {
    batch.resume().map_or((due.now.timestamp_micros() + 1, ""), place)
}

fn place(cursor: &ClaimCursor) -> (i64, &str) {
    (to_micros(cursor.next_run_time), cursor.id())
}

impl Session {
    pub(crate) fn claim(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
        in_doubt: &TransactionsInDoubt,
    ) -> Result<Claims> {
        if let Some(claims) = in_doubt.settle(due, |token| self.is_written(token), decide)? {
            return Ok(claims);
        }
        if due.limit == 0 {
            return Ok(Claims::new(Vec::new(), due.after.clone()));
        }
        let explain = |failure: Failure| failure.explain(self.pool.connector().address(), TASK);
        // Nothing is decided yet, so all of this may be retried.
        let found = self.pool.retrying(|lease| self.lock_due(lease, due));
        let (lease, records) = found.map_err(explain)?;
        let batch = DecidedBatch::of_locked(records, due, decide);
        let token = in_doubt.next();
        match self.write_back(lease, due, &batch, &token) {
            Ok(skipped) => {
                if skipped {
                    self.notifications.look_again(&self.runtime);
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

    /// Returns whether the transaction that wrote this token was committed, after its COMMIT was not answered; `None` while
    /// the server has not noticed that the connection is gone.
    ///
    /// This writes the token too, marked as no claim: if the server has not read the transaction yet, it can't be committed
    /// any more. PostgreSQL could be asked by transaction id, but after a crash it reuses the id of a lost transaction.
    fn is_written(&self, token: &str) -> Result<Option<bool>> {
        let claims = &self.tables.claims;
        let limit = format!("SET LOCAL lock_timeout = {LOCK_TIMEOUT}");
        let insert = format!(
            "INSERT INTO {claims} (token, is_written) VALUES ($1, false) ON CONFLICT DO NOTHING"
        );
        let select = format!("SELECT is_written FROM {claims} WHERE token = $1");
        let parameters = [(&token as _, Type::TEXT)];
        let is_written = write(&self.pool, "asking for the outcome of a claim", async |client| {
            client.batch_execute(&limit).await?;
            match client.execute_typed(&insert, &parameters).await {
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                    return Ok(None);
                }
                inserted => inserted?,
            };
            let row = client.query_typed_one(&select, &parameters).await?;
            Ok(Some(row.try_get(0)?))
        })?;
        if is_written.is_none() {
            self.notifications.look_again(&self.runtime);
        }
        Ok(is_written)
    }

    /// Begins a transaction and locks due jobs that no other scheduler has locked.
    fn lock_due<'a>(
        &self,
        lease: Lease<'a>,
        due: &ClaimRequest,
    ) -> Result<(Lease<'a>, Vec<JobRecord>), Failure> {
        let select = format!(
            "SELECT {COLUMNS} FROM {} WHERE next_run_time <= $1 AND (next_run_time, id) > ($2, $3)
             ORDER BY next_run_time, id LIMIT $4 FOR UPDATE SKIP LOCKED",
            self.tables.jobs
        );
        let (now, limit) = (due.now.timestamp_micros(), count(due.limit));
        let (time, id) = begin(due);
        let parameters = [
            (&now as _, Type::INT8),
            (&time as _, Type::INT8),
            (&id as _, Type::TEXT),
            (&limit as _, Type::INT8),
        ];
        // Another table of the same name has another OID.
        let name = [(&self.tables.jobs as _, Type::TEXT)];
        let (rows, table) = lease.run(async {
            let select = lease.client.query_typed(&select, &parameters);
            let table = lease.client.query_typed_one("SELECT to_regclass($1)::oid", &name);
            let (begun, rows, table) =
                join3(lease.client.batch_execute(BEGIN), select, table).await;
            begun?;
            Ok::<_, tokio_postgres::Error>((rows?, table?.try_get::<_, Option<u32>>(0)?))
        })?;
        if table != self.table {
            let message = format!("the table {} was replaced", self.tables.jobs);
            return Err(Error::new(ErrorKind::StoreReplaced, message).into());
        }
        let records = rows.iter().map(record).collect::<Result<_, _>>()?;
        Ok((lease, records))
    }

    /// Writes all decisions and commits. Returns whether others have locked due jobs in the range of this batch.
    fn write_back(
        &self,
        lease: Lease<'_>,
        due: &ClaimRequest,
        batch: &DecidedBatch,
        ClaimToken { token, answered }: &ClaimToken,
    ) -> Result<bool, Failure> {
        let (moved, times): (Vec<&str>, Vec<i64>) =
            batch.moved().map(|(id, time)| (id, to_micros(time))).unzip();
        let finished: Vec<&str> = batch.finished().collect();
        let still_due: Vec<&str> = batch.still_due().collect();
        let jobs = &self.tables.jobs;
        let client = &lease.client;
        let update = format!(
            "UPDATE {jobs} AS stored SET next_run_time = moved.time, revision = stored.revision + 1
             FROM unnest($1::text[], $2::int8[]) AS moved (id, time) WHERE stored.id = moved.id"
        );
        let update = async {
            if moved.is_empty() {
                return Ok(0);
            }
            let ids = (&moved as _, Type::TEXT_ARRAY);
            client.execute_typed(&update, &[ids, (&times as _, Type::INT8_ARRAY)]).await
        };
        let delete = format!("DELETE FROM {jobs} WHERE id = ANY ($1)");
        let delete = async {
            if finished.is_empty() {
                return Ok(0);
            }
            client.execute_typed(&delete, &[(&finished as _, Type::TEXT_ARRAY)]).await
        };
        let claims = &self.tables.claims;
        let mark = format!(
            "INSERT INTO {claims} (token, is_written, batch, owner, claimed, entries)
             VALUES ($1, true, $2::uuid, $3::uuid, $4, $5)"
        );
        let journal = batch.journal(due);
        let open = journal.iter().flat_map(|journal| &journal.open);
        let open = open_runs::add(client, &self.tables.open, open);
        let journal = journal.as_ref().map(JournalRow::new).unwrap_or_default();
        let mark = async {
            if batch.is_empty() {
                return Ok(0);
            }
            let parameters = [
                (&token as _, Type::TEXT),
                (&journal.batch as _, Type::TEXT),
                (&journal.owner as _, Type::TEXT),
                (&journal.claimed as _, Type::INT8),
                (&journal.entries as _, Type::TEXT),
            ];
            client.execute_typed(&mark, &parameters).await
        };
        // A journal entry stays until its runs have ended.
        let forget = format!("DELETE FROM {claims} WHERE token = ANY ($1) AND batch IS NULL");
        let forget = async {
            if answered.is_empty() {
                return Ok(0);
            }
            client.execute_typed(&forget, &[(&answered as _, Type::TEXT_ARRAY)]).await
        };
        // A sorted list of at most one entry: with `EXISTS`, PostgreSQL reads the whole table.
        let others = format!(
            "SELECT id FROM {jobs} WHERE (next_run_time, id) > ($1, $2) AND (next_run_time, id) < ($3, $4)
             AND id <> ALL ($5) ORDER BY next_run_time, id LIMIT 1"
        );
        let ((begin_time, begin_id), (end_time, end_id)) = (begin(due), end(due, batch));
        let others = async {
            let parameters = [
                (&begin_time as _, Type::INT8),
                (&begin_id as _, Type::TEXT),
                (&end_time as _, Type::INT8),
                (&end_id as _, Type::TEXT),
                (&still_due as _, Type::TEXT_ARRAY),
            ];
            let other = client.query_typed_opt(&others, &parameters).await?;
            Ok::<_, tokio_postgres::Error>(other.is_some())
        };
        let commit = lease.command("COMMIT");
        // All is sent at once. If a statement fails, COMMIT rolls back.
        let written = lease.run(async {
            let changes = join5(update, delete, mark, open, forget);
            let (changes, others, committed) = join3(changes, others, commit).await;
            let (updated, deleted, marked, opened, forgotten) = changes;
            for changed in [updated, deleted, marked, opened, forgotten] {
                changed?;
            }
            let others = others?;
            committed.map_err(Failure::during_commit)?;
            Ok::<_, Failure>(others)
        });
        let others = written.map_err(|failure| match failure {
            Failure::NoAnswer => Failure::InDoubt(None),
            lost if lost.is_lost() => lost.during_commit(),
            other => other,
        })?;
        lease.release();
        Ok(others)
    }
}
