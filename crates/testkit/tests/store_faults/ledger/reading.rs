//! Which records are read, and which are kept.

use apscheduler_core::ledger::{OpenQuery, Retention, RunQuery, RunRecord, RunState};
use apscheduler_core::time::Timestamp;

use super::faults::LedgerFault as Fault;
use super::{Book, FaultyLedger};

impl FaultyLedger {
    /// Returns the query without what the fault ignores.
    pub(super) fn heeded(&self, query: &RunQuery) -> RunQuery {
        let mut query = query.clone();
        match self.fault {
            Some(Fault::RunsIgnoreTheJob) => query.job_id = None,
            Some(Fault::RunsIgnoreTheRun) => query.run_id = None,
            Some(Fault::RunsIgnoreTheState) => query.states.clear(),
            Some(Fault::RunsIgnoreBefore) => query.before = None,
            Some(Fault::RunsIncludeTheOneBefore) => {
                query.before = query.before.map(|before| before.nth(1));
            }
            Some(Fault::RunsIgnoreTheLimit) => query.limit = usize::MAX,
            _ => {}
        }
        query
    }

    pub(super) fn heeded_open(&self, query: &OpenQuery) -> OpenQuery {
        let mut query = query.clone();
        match self.fault {
            Some(Fault::OpenRunsIgnoreTheJob) => query.job_id = None,
            Some(Fault::OpenRunsIgnoreTheRun) => query.run_id = None,
            Some(Fault::OpenRunsIgnoreTheOwner) => query.owner = None,
            Some(Fault::OpenRunsIgnoreTheState) => query.state = None,
            Some(Fault::OpenRunsIgnoreAfter) => query.after = None,
            Some(Fault::OpenRunsIgnoreTheLimit) => query.limit = usize::MAX,
            _ => {}
        }
        query
    }

    pub(super) fn is_kept(
        &self,
        book: &Book,
        old: &RunRecord,
        now: Timestamp,
        retention: &Retention,
    ) -> bool {
        let is_ok = old.state == RunState::Ok;
        let later = book.records.iter().filter(|record| record.run_id > old.run_id);
        let later_of_job = later.clone().filter(|record| record.job_id == old.job_id).count();
        let later_ok = later.filter(|record| record.state == RunState::Ok).count();
        let is_surplus = is_ok && later_ok >= retention.max_ok;
        let before = if is_ok || self.has(Fault::PruneTreatsAllAsSuccesses) {
            retention.ok_before(now)
        } else {
            retention.other_before(now)
        };
        let is_old = old.run_id < before && !self.has(Fault::PruneKeepsWhatIsOld);
        let is_one_of_the_last =
            later_of_job < retention.keep_last && !self.has(Fault::PruneIgnoresTheLastOfAJob);
        let is_surplus = is_surplus && !self.has(Fault::PruneIgnoresTheMaximum);
        is_one_of_the_last || !(is_old || is_surplus)
    }
}
