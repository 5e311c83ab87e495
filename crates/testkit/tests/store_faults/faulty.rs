//! A memory store with a fault.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ChangeNotifier, Claim, ClaimCursor, ClaimOutcome, ClaimRequest, Claims, Cursor, Decision,
    JobPayload, JobRecord, JobStore, NewRecord, NextRun, StoreCapabilities, TieBreaker, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{ErrorKind, Result};
use chrono::{DateTime, SubsecRound as _, TimeDelta};

use crate::harness::Shared;
use crate::ledger::FaultyLedger;
use crate::ledger::faults::LedgerFault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    UpdatesStale,
    RevisionNeverRises,
    AddsOneByOne,
    ReplacesAlways,
    FoldsIds,
    CutsIds,
    CutsTimes,
    TimesAreDoubles,
    ListsByTimeAlone,
    ListsPausedFirst,
    PagesSkipEqualTimes,
    NextRunTimeIsInclusive,
    UpdateOfMissingSucceeds,
    RemovalOfMissingIsTrue,
    NeverPauses,
    DueIsLate,
    LeftBlocksLaterJobs,
    BatchesSkipEqualTimes,
    BatchesCountFromTheStart,
    FinishedIsPaused,
    MixesUpDecisions,
    ReturnsTheNewRecord,
    ClaimsWithoutALock,
    ClaimsBringJobsBack,
    ChangesStates,
    ForgetsOnShutdown,
    HandlesAreSeparate,
    WatchContinues,
    DeletesBroken,
    HidesBroken,
    Ledger(LedgerFault),
}

#[derive(Debug)]
pub(crate) struct FaultyStore {
    fault: Fault,
    number: usize,
    shared: Arc<Shared>,
}

const TICK: TimeDelta = TimeDelta::microseconds(1);

impl FaultyStore {
    pub(crate) fn new(fault: Fault, number: usize, shared: Arc<Shared>) -> Self {
        Self { fault, number, shared }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn book(&self) -> FaultyLedger {
        let fault = match self.fault {
            Fault::Ledger(fault) => Some(fault),
            _ => None,
        };
        FaultyLedger::new(fault, Arc::clone(&self.shared))
    }

    fn id(&self, id: &str) -> Arc<str> {
        match self.fault {
            Fault::FoldsIds => id.trim().to_lowercase().into(),
            Fault::CutsIds => id.chars().take(190).collect::<String>().into(),
            _ => id.into(),
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the fault")]
    fn time(&self, time: Option<Timestamp>, before: Option<Timestamp>) -> Option<Timestamp> {
        match self.fault {
            Fault::CutsTimes => time.map(|time| time.trunc_subsecs(3)),
            Fault::TimesAreDoubles => time.and_then(|time| {
                DateTime::from_timestamp_micros((time.timestamp_micros() as f64) as i64)
            }),
            Fault::NeverPauses => time.or(before),
            _ => time,
        }
    }

    fn payload(&self, payload: JobPayload) -> JobPayload {
        match (self.fault, payload) {
            (Fault::ChangesStates, JobPayload::Encoded(text)) => {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                JobPayload::Encoded(value.to_string().into())
            }
            (_, state) => state,
        }
    }

    fn shown(&self, mut record: JobRecord) -> JobRecord {
        if self.has(Fault::RevisionNeverRises) {
            record.revision = 1;
        }
        record
    }

    fn is_hidden(&self, record: &JobRecord) -> bool {
        self.has(Fault::HidesBroken)
            && record.payload.as_text().is_some_and(|text| !text.ends_with('}'))
    }

    fn changed(&self) {
        let watchers = self.shared.watchers.lock().unwrap();
        for (_, notifier) in watchers.iter().filter(|(number, _)| *number != self.number) {
            notifier.notify();
        }
    }

    /// Reads, decides, and writes, with others in between.
    fn claim_without_a_lock(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let memory = &self.shared.memory;
        let mut decided = Vec::new();
        let mut claims = memory.claim_due(due, &mut |record| {
            if let Decision::Claim(outcome) = decide(record) {
                decided.push((record.clone(), outcome));
            }
            Decision::Leave
        })?;
        std::thread::sleep(Duration::from_micros(200));
        for (record, outcome) in decided {
            let next_run_time = match outcome.next {
                NextRun::At(time) => Some(time),
                NextRun::Finished => None,
            };
            if outcome.next == NextRun::Finished {
                memory.remove_job(&record.id)?;
            } else {
                let back = self.has(Fault::ClaimsBringJobsBack);
                if back || memory.lookup_job(&record.id)?.is_some() {
                    let (id, state) = (Arc::clone(&record.id), record.payload.clone());
                    memory.add_jobs(vec![
                        NewRecord::new(id, next_run_time, state).with_replace(true),
                    ])?;
                }
            }
            claims.won.push(Claim::new(record, outcome));
        }
        Ok(claims)
    }

    fn twist(&self, due: &ClaimRequest, _record: &JobRecord, decision: Decision) -> Decision {
        match decision {
            Decision::Claim(ClaimOutcome { run_times, next: NextRun::Finished, .. })
                if self.has(Fault::FinishedIsPaused) =>
            {
                Decision::Claim(ClaimOutcome::new(run_times, NextRun::At(due.now + TICK * 1000)))
            }
            decision => decision,
        }
    }
}

impl JobStore for FaultyStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all().blocking(false)
    }

    fn shutdown(&self) -> Result<()> {
        if self.has(Fault::ForgetsOnShutdown) { self.shared.memory.shutdown() } else { Ok(()) }
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        let found = self.shared.memory.lookup_job(&self.id(id))?;
        Ok(found.map(|record| self.shown(record)))
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let mut after = after.cloned();
        if self.has(Fault::PagesSkipEqualTimes)
            && let Some(after) = &mut after
        {
            after.id = "\u{10ffff}".repeat(200).into();
        }
        let mut page = self.shared.memory.get_jobs(after.as_ref(), limit)?;
        match self.fault {
            Fault::ListsByTimeAlone => {
                page.reverse();
                page.sort_by_key(|record| (record.next_run_time.is_none(), record.next_run_time));
            }
            Fault::ListsPausedFirst => page.sort_by_key(|record| record.next_run_time),
            _ => {}
        }
        page.retain(|record| !self.is_hidden(record));
        Ok(page.into_iter().map(|record| self.shown(record)).collect())
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let inclusive = self.has(Fault::NextRunTimeIsInclusive);
        let after = after.map(|after| if inclusive { after - TICK } else { after });
        self.shared.memory.next_run_time(after)
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        let records = records.into_iter().map(|record| {
            let id = self.id(&record.id);
            let before = self.shared.memory.lookup_job(&id).ok().flatten();
            NewRecord::new(
                id,
                self.time(record.next_run_time, before.and_then(|before| before.next_run_time)),
                self.payload(record.payload),
            )
            .with_replace(record.replace || self.has(Fault::ReplacesAlways))
        });
        if self.has(Fault::AddsOneByOne) {
            for record in records {
                self.shared.memory.add_jobs(vec![record])?;
            }
        } else {
            self.shared.memory.add_jobs(records.collect())?;
        }
        self.changed();
        Ok(())
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let memory = &self.shared.memory;
        let id = self.id(&record.id);
        let now = memory.lookup_job(&id)?;
        let mut revision = record.revision;
        if (self.has(Fault::UpdatesStale) || self.has(Fault::RevisionNeverRises))
            && let Some(now) = &now
        {
            revision = now.revision;
        }
        let before = now.and_then(|now| now.next_run_time);
        let next_run_time = self.time(record.next_run_time, before);
        let state = self.payload(record.payload.clone());
        match memory.update_job(&JobRecord::new(id, next_run_time, revision, state)) {
            Err(error)
                if error.kind() == ErrorKind::JobLookup
                    && self.has(Fault::UpdateOfMissingSucceeds) =>
            {
                Ok(true)
            }
            updated => {
                self.changed();
                updated
            }
        }
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let removed = self.shared.memory.remove_job(&self.id(id))?;
        self.book().job_is_removed(id);
        self.changed();
        Ok(removed || self.has(Fault::RemovalOfMissingIsTrue))
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.shared.memory.remove_all_jobs()?;
        self.changed();
        Ok(())
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let mut due = due.clone();
        if self.has(Fault::DueIsLate) {
            due.now -= TICK;
        }
        if self.has(Fault::ClaimsWithoutALock) || self.has(Fault::ClaimsBringJobsBack) {
            return self.claim_without_a_lock(&due, decide);
        }
        let mut broken = Vec::new();
        let mut claims = self.shared.memory.claim_due(&due, &mut |record| {
            if self.is_hidden(record) {
                return Decision::Leave;
            }
            let decision = decide(&self.shown(record.clone()));
            if decision == Decision::Leave {
                broken.push(Arc::clone(&record.id));
            }
            self.twist(&due, record, decision)
        })?;
        if self.has(Fault::DeletesBroken) {
            for id in broken {
                self.shared.memory.remove_job(&id)?;
            }
        }
        match (self.fault, &mut claims.resume) {
            (Fault::LeftBlocksLaterJobs, resume) => *resume = None,
            (Fault::BatchesSkipEqualTimes, Some(resume)) => {
                resume.tie_breaker = TieBreaker::Number(u64::from(u32::MAX));
            }
            // Like `OFFSET`: claimed records no longer count.
            (
                Fault::BatchesCountFromTheStart,
                Some(ClaimCursor { next_run_time, tie_breaker, .. }),
            ) => {
                *next_run_time += TICK * i32::try_from(claims.won.len()).unwrap();
                *tie_breaker = TieBreaker::Number(u64::from(u32::MAX));
            }
            _ => {}
        }
        if self.has(Fault::MixesUpDecisions) {
            claims.won.reverse();
        }
        if self.has(Fault::ReturnsTheNewRecord) {
            for claim in &mut claims.won {
                claim.record.revision += 1;
            }
        }
        self.book().note_claims(&due, &claims);
        if !claims.won.is_empty() {
            self.changed();
        }
        Ok(claims)
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::new(self.book()))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        let notifier = Arc::new(changed);
        self.shared.watchers.lock().unwrap().push((self.number, Arc::clone(&notifier)));
        if self.has(Fault::WatchContinues) {
            return Ok(Some(Watch::new(())));
        }
        Ok(Some(Watch::new(Watching { shared: Arc::clone(&self.shared), notifier })))
    }
}

struct Watching {
    shared: Arc<Shared>,
    notifier: Arc<ChangeNotifier>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut watchers = self.shared.watchers.lock().unwrap();
        watchers.retain(|(_, notifier)| !Arc::ptr_eq(notifier, &self.notifier));
    }
}
