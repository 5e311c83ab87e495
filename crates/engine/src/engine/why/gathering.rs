//! Gathers what is known of a job.

use std::sync::Arc;

use apscheduler_core::ledger::{ChangeKind, OpenQuery, OwnerRecord, RunQuery, RunState};
use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{Trigger, TriggerConfig};
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::Value;

use super::super::asking::policies;
use super::super::decide::{restore, unknown_executor};
use super::super::followers::is_standing;
use super::super::instances::InstanceKey;
use super::super::lock::lock;
use super::super::phase::Phase;
use super::super::records::runs_of;
use super::super::state::Engine;
use super::super::store_runner::StoreRunner;
use super::facts::{Facts, JobNow, PastFacts};
use super::job_past::{Noted, ValueThen};
use super::planned::{end_of, planned};
use super::presence_spans::{Doing, Own, Sightings};
use super::reading::Reader;

impl Engine {
    /// Gathers what is known of a job, whose record its store has, or has no more.
    ///
    /// # Errors
    /// Any error from the ledger.
    pub(super) fn gather(
        &self,
        runner: &Arc<StoreRunner>,
        id: &Arc<str>,
        record: Option<&JobRecord>,
        time: Timestamp,
    ) -> Result<Facts> {
        let now = self.now();
        let settings = self.settings();
        let ledger = runner.store.ledger();
        let mut facts = Facts {
            job_id: Arc::clone(id),
            jobstore: Arc::clone(&runner.alias),
            now,
            zone: settings.timezone.zone(),
            job: record.map(|record| self.job_now(runner, record)),
            changes: Vec::new(),
            presence: Sightings { own: self.own(runner), ..Sightings::default() }.spans(now),
            unplaced: Vec::new(),
            level: ledger.is_some().then(|| runner.history(settings.history)),
            retention: settings.retention,
            open: Vec::new(),
            claimed: Vec::new(),
        };
        let Some(ledger) = ledger else { return Ok(facts) };
        let reader = Reader { runner, running: &self.running };
        let (of_schedulers, of_all): (Vec<_>, Vec<_>) = Noted::all(reader.changes("")?)
            .into_iter()
            .partition(|noted| is_about_schedulers(noted.change.what));
        facts.changes = Noted::all(reader.changes(id)?);
        let removals = of_all.into_iter().filter(|noted| noted.change.what == ChangeKind::Removed);
        facts.changes.extend(removals);
        facts.changes.sort_by_key(|noted| noted.record.run_id);
        let claimed = RunQuery::new().job(Arc::clone(id)).state(RunState::Claimed);
        facts.claimed = runs_of([runner], &claimed)?;
        if ledger.has_open_runs() {
            facts.open = ledger.open_runs(&OpenQuery::new().job(Arc::clone(id)))?;
            facts.open.retain(|row| !is_standing(row));
        }
        let owners = ledger.owners()?;
        let records = reader.traces(time.min(now))?;
        let own = self.own(runner);
        let sightings = Sightings { changes: of_schedulers, owners, records, own };
        facts.presence = sightings.spans(now);
        let is_placed = |owner: &OwnerRecord| facts.presence.has(owner.owner.id);
        facts.unplaced = sightings.owners.into_iter().filter(|owner| !is_placed(owner)).collect();
        Ok(facts)
    }

    /// Gathers what is known of a time that has passed.
    ///
    /// # Errors
    /// Any error from the ledger.
    pub(super) fn gather_past(
        &self,
        runner: &Arc<StoreRunner>,
        facts: &Facts,
        asked: Timestamp,
    ) -> Result<PastFacts> {
        let trigger = self.trigger_then(facts, asked);
        let times = match &trigger {
            Some(Ok(trigger)) => planned(&**trigger, asked).ok(),
            _ => None,
        };
        let end = times.map_or_else(|| end_of(asked), |times| times.end_of(asked));
        let records = Vec::new();
        let mut past = PastFacts { asked, end, trigger, records, stands_for: None, is_cut: false };
        if runner.store.ledger().is_none() {
            return Ok(past);
        }
        // With a random delay, or without its trigger, any time may be one of a range.
        let may_be_in_range = times.is_none_or(|times| times.at.is_some() || times.is_random);
        let run_time = times.and_then(|times| times.at).unwrap_or(asked);
        let reader = Reader { runner, running: &self.running };
        let found = reader.fire(&facts.job_id, asked, end, facts.now)?;
        past.is_cut = found.is_cut;
        let Some(best) = found.best(run_time, may_be_in_range) else { return Ok(past) };
        past.records = reader.attempts(best.run_id)?;
        if past.records.is_empty() {
            past.records.push(best.clone());
        }
        if best.state == RunState::Coalesced {
            let next = reader.attempts(best.run_id.nth(1))?.into_iter().next();
            past.stands_for = next.filter(|run| run.job_id == best.job_id);
        }
        Ok(past)
    }

    fn job_now(&self, runner: &StoreRunner, record: &JobRecord) -> JobNow {
        let context = self.trigger_context();
        let restored = restore(record, &context);
        let trigger = match (&restored, &record.payload) {
            (Ok(spec), _) => Ok(Arc::clone(spec.trigger())),
            (Err(_), JobPayload::Encoded(text)) => {
                let job: Option<Value> = serde_json::from_str(text).ok();
                self.stored_trigger(job.as_ref().and_then(|job| job.get("trigger")))
            }
            (Err(error), JobPayload::Live(_)) => {
                Err(Error::new(error.kind(), error.message().to_owned()))
            }
        };
        let mut job = JobNow::new(record, policies(record), trigger);
        match restored {
            Ok(spec) => {
                let executors = self.executors();
                let executor = executors.get(spec.executor_arc());
                job.no_executor = executor.is_none().then(|| unknown_executor(&executors, &spec));
                let is_own = self.phase() == Phase::Running && !runner.is_read_only;
                let key = InstanceKey { store: runner.number, job_id: Arc::clone(&record.id) };
                job.hindrance = match executor.filter(|_| is_own) {
                    Some(_) if self.instances.is_catching_up(&key) => {
                        Some("run times that were due before it are running")
                    }
                    Some(executor) if executor.room() == 0 => Some("its executor is full"),
                    _ => None,
                };
                job.spec = Some(spec);
            }
            Err(error) => job.broken = Some(error),
        }
        job
    }

    /// Returns what this scheduler does, if it processes the jobs of the store, or would if it was resumed.
    fn own(&self, runner: &StoreRunner) -> Option<Own> {
        if runner.is_read_only {
            return None;
        }
        let doing = match self.phase() {
            Phase::Running => Doing::Processing,
            Phase::Paused => Doing::Paused,
            Phase::Stopped | Phase::Starting | Phase::Stopping => return None,
        };
        let since = match doing {
            Doing::Processing => *lock(&self.running_since),
            Doing::Paused => self.now(),
        };
        Some(Own { id: runner.owner().id, doing, since })
    }

    /// Returns the trigger that a job had at an earlier time; `None` if that is not recorded.
    fn trigger_then(&self, facts: &Facts, time: Timestamp) -> Option<Result<Arc<dyn Trigger>>> {
        match facts.past(time).value("trigger") {
            ValueThen::Recorded(stored) => Some(self.stored_trigger(stored)),
            ValueThen::Current => facts.job.as_ref().map(|job| match &job.trigger {
                Ok(trigger) => Ok(Arc::clone(trigger)),
                Err(error) => Err(Error::new(error.kind(), error.message().to_owned())),
            }),
            ValueThen::Unknown => None,
        }
    }

    /// Builds a trigger from its stored form. The rest of the job need not be known to this program.
    fn stored_trigger(&self, stored: Option<&Value>) -> Result<Arc<dyn Trigger>> {
        let Some(stored) = stored else {
            return Err(Error::new(ErrorKind::BrokenRecord, "the stored state has no trigger"));
        };
        self.trigger_context().build(&TriggerConfig::from_value(stored)?)
    }
}

fn is_about_schedulers(what: ChangeKind) -> bool {
    matches!(
        what,
        ChangeKind::SchedulerStarted
            | ChangeKind::SchedulerPaused
            | ChangeKind::SchedulerResumed
            | ChangeKind::SchedulerStopped
    )
}
