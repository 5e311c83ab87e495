//! Claims of due jobs: two round trips for a batch, whatever its size.
//!
//! Where the connection is lost during COMMIT, the server knows what became of the transaction: it is asked by its number.

use apscheduler_core::Result;
use apscheduler_core::store::{
    Claims, ClaimsInDoubt, Connector as _, DecidedBatch, Decision, Due, DueCursor, Failed as _,
    JobRecord,
};
use apscheduler_core::time::Timestamp;
use futures_util::future::{join, join4};
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::pool::{BEGIN, Lease, read};
use crate::rows::{COLUMNS, count, record};
use crate::store::Open;

const TASK: &str = "claiming due jobs";

/// The number of a transaction.
pub(crate) type Transaction = i64;

/// Due jobs that are locked by a transaction; without jobs it has no number.
struct Locked<'a> {
    lease: Lease<'a>,
    records: Vec<JobRecord>,
    transaction: Option<Transaction>,
}

/// Where a batch begins: behind what was looked at before.
fn begin(due: &Due) -> (i64, &str) {
    due.after.as_ref().map_or((i64::MIN, ""), place)
}

/// Where a batch ends: before its last job, which is ours, or before all that is not due.
fn end<'a>(due: &Due, batch: &'a DecidedBatch) -> (i64, &'a str) {
    batch.resume().map_or((due.now.timestamp_micros() + 1, ""), place)
}

fn place(cursor: &DueCursor) -> (i64, &str) {
    (cursor.next_run_time.timestamp_micros(), cursor.id())
}

impl Open {
    pub(crate) fn claim(
        &self,
        due: &Due,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
        in_doubt: &ClaimsInDoubt<Transaction>,
    ) -> Result<Claims> {
        if let Some(claims) = in_doubt.settle(
            due,
            |transaction, claims| {
                let is_committed = self.is_committed(*transaction)?;
                Ok(is_committed.map(|is_committed| vec![is_committed; claims.len()]))
            },
            decide,
        )? {
            return Ok(claims);
        }
        if due.limit == 0 {
            return Ok(Claims { claims: Vec::new(), resume: due.after.clone() });
        }
        let explain = |failure: Failure| failure.explain(self.pool.connector().address(), TASK);
        // Until a decision is made all may be tried again.
        let found = self.pool.retrying(|lease| self.lock_due(lease, due));
        let Locked { lease, records, transaction } = found.map_err(explain)?;
        let batch = DecidedBatch::decide(records, due, decide);
        match self.write_back(lease, due, &batch) {
            Ok(skipped) => {
                if skipped {
                    self.notices.look_again(&self.runtime);
                }
                Ok(batch.into_claims())
            }
            Err(failure) => {
                if let (Failure::InDoubt(_), Some(transaction)) = (&failure, transaction) {
                    in_doubt.keep(transaction, batch.into_claims().claims);
                }
                Err(explain(failure))
            }
        }
    }

    /// Whether a transaction was committed whose COMMIT was not answered; `None` as long as the server has not noticed that
    /// its connection is gone.
    fn is_committed(&self, transaction: Transaction) -> Result<Option<bool>> {
        const ASKING: &str = "asking what became of a claim";
        let parameters = [(&transaction as _, Type::INT8)];
        let status: Option<String> = read(&self.pool, ASKING, async |client| {
            let row = client.query_typed_one("SELECT txid_status($1)", &parameters).await?;
            Ok(row.try_get(0)?)
        })?;
        match status.as_deref() {
            Some("committed") => Ok(Some(true)),
            Some("in progress") => {
                self.notices.look_again(&self.runtime);
                Ok(None)
            }
            Some(_) => Ok(Some(false)),
            None => {
                // Never doubled is the stronger promise.
                tracing::error!(
                    "PostgreSQL has forgotten what became of the transaction {transaction}; its claims may be lost"
                );
                Ok(Some(false))
            }
        }
    }

    /// Begins a transaction and locks due jobs that nobody else is about to claim.
    fn lock_due<'a>(&self, lease: Lease<'a>, due: &Due) -> Result<Locked<'a>, Failure> {
        // The number comes with the rows: a transaction that finds none needs no number.
        let select = format!(
            "SELECT {COLUMNS}, (SELECT txid_current()) AS transaction FROM {}
             WHERE next_run_time <= $1 AND (next_run_time, id) > ($2, $3)
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
        let rows = lease.run(async {
            let select = lease.client.query_typed(&select, &parameters);
            let (begun, rows) = join(lease.client.batch_execute(BEGIN), select).await;
            begun?;
            rows
        })?;
        let records = rows.iter().map(record).collect::<Result<_, _>>()?;
        let number = rows.first().map(|row| row.try_get("transaction"));
        Ok(Locked { lease, records, transaction: number.transpose()? })
    }

    /// Writes all decisions and commits. Tells whether others hold due jobs that we did not see for that, up to where we
    /// looked.
    fn write_back(
        &self,
        lease: Lease<'_>,
        due: &Due,
        batch: &DecidedBatch,
    ) -> Result<bool, Failure> {
        let next = |time: Option<Timestamp>| time.map(|time| time.timestamp_micros());
        let (moved, times): (Vec<&str>, Vec<Option<i64>>) =
            batch.moved().map(|(id, time)| (id, next(time))).unzip();
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
        // As a sorted list with one entry at most, since `EXISTS` has PostgreSQL read the whole table.
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
        // All is sent at once. Where a statement fails, COMMIT rolls back.
        let written = lease.run(async {
            let (updated, deleted, others, committed) = join4(update, delete, others, commit).await;
            updated?;
            deleted?;
            let others = others?;
            committed.map_err(Failure::of_commit)?;
            Ok::<_, Failure>(others)
        });
        let others = written.map_err(|failure| match failure {
            Failure::Silence => Failure::InDoubt(None),
            lost if lost.is_lost() => lost.of_commit(),
            other => other,
        })?;
        lease.release();
        Ok(others)
    }
}
