//! Claims of due jobs.

use apscheduler_core::store::{
    Claim, ClaimCursor, ClaimRequest, Claims, Decision, JobRecord, NextRun, TieBreaker,
};
use apscheduler_core::time::to_micros;

use crate::access::Access;
use crate::connection::begin_write;
use crate::failure::Failure;
use crate::ledger;
use crate::rows::{RowRecord, collect, sql_limit};
use crate::session::Database;

/// Claims due jobs in one transaction, which has the write lock from its start.
pub(crate) fn claim(
    database: &Database,
    access: &Access,
    due: &ClaimRequest,
    decide: &mut dyn FnMut(&JobRecord) -> Decision,
) -> Result<Claims, Failure> {
    let Access { statements, lock_timeout, .. } = access;
    let connection = &database.connection;
    let now = due.now.timestamp_micros();
    let (time, number) = place(due.after.as_ref());
    let mut claims = Claims::default();
    // If nothing is due, no lock is taken.
    let is_due = connection
        .prepare_cached(&statements.is_due)?
        .query_row((now, time, number), |row| row.get::<_, bool>(0))?;
    if !is_due {
        return Ok(claims);
    }
    let transaction = begin_write(connection, lock_timeout)?;
    let mut found = Vec::new();
    let values = (now, time, number, sql_limit(due.limit));
    collect(&transaction, &statements.due, values, |row| found.push(row))?;
    if found.len() == due.limit {
        claims.resume = found.last().and_then(cursor);
    }
    {
        let mut advance = transaction.prepare_cached(&statements.advance)?;
        let mut finish = transaction.prepare_cached(&statements.finish)?;
        for RowRecord { number, record } in found {
            let Decision::Claim(decided) = decide(&record) else { continue };
            match decided.next {
                NextRun::At(next) => advance.execute((number, to_micros(next)))?,
                NextRun::Finished => finish.execute([number])?,
            };
            claims.won.push(Claim::new(record, decided));
        }
    }
    let won = claims.won.iter().map(|claim| (&claim.record, &claim.outcome));
    if let Some(journal) = due.journal(won) {
        ledger::note(&transaction, &access.ledger, &journal)?;
    }
    // The file may have been replaced since the call began; then nobody else would see these writes.
    if !claims.won.is_empty() && database.check(&access.config.location).is_err() {
        return Err(Failure::Moved);
    }
    transaction.commit()?;
    Ok(claims)
}

/// Returns the place after which to look.
fn place(after: Option<&ClaimCursor>) -> (i64, i64) {
    match after {
        Some(ClaimCursor { next_run_time, tie_breaker: TieBreaker::Number(number), .. }) => {
            (to_micros(*next_run_time), number.cast_signed())
        }
        // From another store: start over.
        Some(ClaimCursor { tie_breaker: TieBreaker::Id(_), .. }) | None => (i64::MIN, i64::MIN),
    }
}

fn cursor(found: &RowRecord) -> Option<ClaimCursor> {
    let next_run_time = found.record.next_run_time?;
    Some(ClaimCursor::at_number(next_run_time, found.number.cast_unsigned()))
}
