//! Finds runs of a backfill that are held, although no run is left that would release them.
//!
//! That happens if a process dies while it writes the rows of a backfill, or while it cancels one.

use std::collections::{BTreeMap, HashSet};

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState, RunLedger, Writes};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;

use super::chain::{is_held, release};
use super::open_data::OpenData;
use super::paging::each_open_page;

/// Releases the runs of backfills that would be held for ever.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// The backfills of which all runs were held at the last look. Its rows may be about to be written then.
    suspects: HashSet<RunId>,
}

impl Orphans {
    /// Looks once, and releases the runs of backfills of which all runs were held at the last look too. Returns whether any
    /// were.
    ///
    /// # Errors
    /// Any error from the ledger.
    pub(super) fn look(
        &mut self,
        ledger: &dyn RunLedger,
        me: OwnerId,
        now: Timestamp,
    ) -> Result<bool> {
        let held = all_held(ledger)?;
        let known = held.keys().copied().collect();
        let suspects = std::mem::replace(&mut self.suspects, known);
        let mut is_any = false;
        for (backfill, rows) in held {
            if !suspects.contains(&backfill) {
                continue;
            }
            let followers: HashSet<RunId> =
                rows.iter().filter_map(|row| OpenData::read(&row.data).next).collect();
            for first in rows.iter().filter(|row| !followers.contains(&row.run_id)) {
                let steps = release(ledger, first.run_id, me, now)?;
                ledger.append(me, &Writes::new().steps(&steps))?;
                is_any = true;
            }
        }
        Ok(is_any)
    }
}

/// Returns the rows of the backfills of which all rows are held.
fn all_held(ledger: &dyn RunLedger) -> Result<BTreeMap<RunId, Vec<OpenRun>>> {
    let mut held: BTreeMap<RunId, Vec<OpenRun>> = BTreeMap::new();
    each_row(ledger, OpenQuery::new().state(OpenState::Waiting), |backfill, row| {
        if is_held(&row) {
            held.entry(backfill).or_default().push(row);
        }
    })?;
    if !held.is_empty() {
        each_row(ledger, OpenQuery::new(), |backfill, row| {
            if !is_held(&row) {
                held.remove(&backfill);
            }
        })?;
    }
    Ok(held)
}

/// Calls `see` for each row of a backfill.
fn each_row(
    ledger: &dyn RunLedger,
    query: OpenQuery,
    mut see: impl FnMut(RunId, OpenRun),
) -> Result<()> {
    each_open_page(ledger, query, |page| {
        for row in page {
            if let Some(backfill) = OpenData::read(&row.data).backfill {
                see(backfill, row);
            }
        }
        Ok(())
    })
}
