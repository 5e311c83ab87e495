//! Claims of due jobs: two round trips for a batch, whatever its size.
//!
//! Where the connection is lost during COMMIT, the server knows what became of the transaction: it is asked by its number.

use apscheduler_core::store::{
    Claim, Claims, ClaimsInDoubt, Decision, Due, DueCursor, JobRecord, NextRun, Tie,
};
use apscheduler_core::{Error, ErrorKind, Result};
use futures_util::future::{join, join4};
use tokio_postgres::types::Type;

use crate::WHAT;
use crate::failure::Failure;
use crate::pool::{BEGIN, Lease};
use crate::rows::{COLUMNS, count, micros, record};
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
struct Place<'a> {
    time: i64,
    id: &'a str,
}

impl<'a> Place<'a> {
    fn of(after: Option<&'a DueCursor>) -> Self {
        let beginning = Self { time: i64::MIN, id: "" };
        after.map_or(beginning, |after| match &after.tie {
            Tie::Id(id) => Self { time: micros(after.next_run_time), id },
            // Not from this store: from the beginning of that instant.
            Tie::Number(_) => Self { time: micros(after.next_run_time), id: "" },
        })
    }
}

/// What the decisions do to the table.
#[derive(Default)]
struct Changes<'a> {
    moved: Vec<&'a str>,
    times: Vec<Option<i64>>,
    finished: Vec<&'a str>,
    /// What stays due because we want it so.
    still_due: Vec<&'a str>,
}

impl<'a> Changes<'a> {
    fn new(due: &Due, records: &'a [JobRecord], decisions: &[Decision]) -> Self {
        let mut changes = Self::default();
        for (record, decision) in records.iter().zip(decisions) {
            let id = &*record.id;
            let next = match decision {
                Decision::Leave => {
                    changes.still_due.push(id);
                    continue;
                }
                Decision::Claim(advance) => match advance.next {
                    NextRun::Finished => {
                        changes.finished.push(id);
                        continue;
                    }
                    NextRun::At(next) => Some(next),
                    NextRun::Paused => None,
                },
            };
            changes.moved.push(id);
            changes.times.push(next.map(micros));
            if next.is_some_and(|next| next <= due.now) {
                changes.still_due.push(id);
            }
        }
        changes
    }
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
            |transaction, claims| Ok(vec![self.is_committed(*transaction)?; claims.len()]),
            decide,
        )? {
            return Ok(claims);
        }
        if due.limit == 0 {
            return Ok(Claims { claims: Vec::new(), resume: due.after.clone() });
        }
        // Until a decision is made all may be tried again.
        let Locked { lease, records, transaction } =
            self.pool.retrying(TASK, |lease| self.lock_due(lease, due))?;
        let is_full = records.len() >= due.limit;
        let resume = records.last().filter(|_| is_full).and_then(|last| {
            Some(DueCursor { next_run_time: last.next_run_time?, tie: Tie::Id(last.id.clone()) })
        });
        let decisions: Vec<Decision> = records.iter().map(&mut *decide).collect();
        let changes = Changes::new(due, &records, &decisions);
        let written = self.write_back(lease, due, is_full, &changes);
        let claims =
            records.into_iter().zip(decisions).filter_map(|(record, decision)| match decision {
                Decision::Claim(advance) => Some(Claim { record, advance }),
                Decision::Leave => None,
            });
        match written {
            Ok(skipped) => {
                if skipped {
                    self.notices.look_again(&self.runtime);
                }
                Ok(Claims { claims: claims.collect(), resume })
            }
            Err(failure) => {
                if let (Failure::InDoubt(_), Some(transaction)) = (&failure, transaction) {
                    in_doubt.keep(transaction, claims.collect());
                }
                Err(failure.explain(self.pool.connector.shown(), TASK))
            }
        }
    }

    /// Whether a transaction was committed whose COMMIT was not answered.
    fn is_committed(&self, transaction: Transaction) -> Result<bool> {
        const ASKING: &str = "asking what became of a claim";
        let parameters = [(&transaction as _, Type::INT8)];
        let status: Option<String> = self.pool.read(ASKING, async |client| {
            let row = client.query_typed_one("SELECT txid_status($1)", &parameters).await?;
            Ok(row.try_get(0)?)
        })?;
        match status.as_deref() {
            Some("committed") => Ok(true),
            Some("in progress") => Err(Error::new(
                ErrorKind::Unavailable,
                format!("{ASKING}: the server still works on the transaction {transaction}"),
            )
            .with_plugin(WHAT)),
            Some(_) => Ok(false),
            None => {
                // Never doubled is the stronger promise.
                tracing::error!(
                    "PostgreSQL has forgotten what became of the transaction {transaction}; its claims may be lost"
                );
                Ok(false)
            }
        }
    }

    /// Begins a transaction and locks due jobs that nobody else is about to claim.
    fn lock_due<'a>(&self, lease: Lease<'a>, due: &Due) -> Result<Locked<'a>, Failure> {
        // The number comes with the rows: a transaction that finds none needs no number.
        let select = format!(
            "SELECT {COLUMNS}, (SELECT txid_current()) AS transaction FROM {} WHERE next_run_time <= $1 AND (next_run_time, id) > ($2, $3)
             ORDER BY next_run_time, id LIMIT $4 FOR UPDATE SKIP LOCKED",
            self.tables.jobs
        );
        let (now, limit) = (micros(due.now), count(due.limit));
        let after = Place::of(due.after.as_ref());
        let parameters = [
            (&now as _, Type::INT8),
            (&after.time as _, Type::INT8),
            (&after.id as _, Type::TEXT),
            (&limit as _, Type::INT8),
        ];
        let rows = lease.run(async {
            let select = lease.client().query_typed(&select, &parameters);
            let (begun, rows) = join(lease.client().batch_execute(BEGIN), select).await;
            begun?;
            rows
        })?;
        let records = rows.iter().map(record).collect::<Result<_, _>>()?;
        let number = rows.first().map(|row| row.try_get("transaction"));
        Ok(Locked { lease, records, transaction: number.transpose()? })
    }

    /// Writes all decisions and commits. Tells whether others hold due jobs that we did not see for that.
    fn write_back(
        &self,
        lease: Lease<'_>,
        due: &Due,
        is_full: bool,
        changes: &Changes<'_>,
    ) -> Result<bool, Failure> {
        let jobs = &self.tables.jobs;
        let client = lease.client();
        let update = format!(
            "UPDATE {jobs} AS stored SET next_run_time = moved.time, revision = stored.revision + 1
             FROM unnest($1::text[], $2::int8[]) AS moved (id, time) WHERE stored.id = moved.id"
        );
        let update = async {
            if changes.moved.is_empty() {
                return Ok(0);
            }
            let ids = (&changes.moved as _, Type::TEXT_ARRAY);
            client.execute_typed(&update, &[ids, (&changes.times as _, Type::INT8_ARRAY)]).await
        };
        let delete = format!("DELETE FROM {jobs} WHERE id = ANY ($1)");
        let delete = async {
            if changes.finished.is_empty() {
                return Ok(0);
            }
            client.execute_typed(&delete, &[(&changes.finished as _, Type::TEXT_ARRAY)]).await
        };
        // As a sorted list with one entry at most, since `EXISTS` has PostgreSQL read the whole table.
        let others = format!(
            "SELECT id FROM {jobs} WHERE next_run_time <= $1 AND (next_run_time, id) > ($2, $3)
             AND id <> ALL ($4) ORDER BY next_run_time, id LIMIT 1"
        );
        let (now, after) = (micros(due.now), Place::of(due.after.as_ref()));
        let others = async {
            if is_full {
                return Ok(false);
            }
            let parameters = [
                (&now as _, Type::INT8),
                (&after.time as _, Type::INT8),
                (&after.id as _, Type::TEXT),
                (&changes.still_due as _, Type::TEXT_ARRAY),
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
