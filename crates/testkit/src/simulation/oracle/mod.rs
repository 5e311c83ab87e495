//! Judges what happened. It shares no code with the engine: it has its own arithmetic of schedules, and its own record of
//! what was called and committed.

use std::collections::{BTreeMap, HashMap};

use apscheduler_core::ledger::{RunRecord, RunState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{ClaimOutcome, NextRun};
use apscheduler_core::time::Timestamp;

use super::events::ProcessId;
use super::rules::{Rule, Violation};
use super::scenario::{JobPlan, Scenario};
use super::time::{Micros, SECOND, Seconds, since_start};

/// The history of a simulation, as far as the rules need it.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    jobs: HashMap<String, JobHistory>,
    owners: HashMap<OwnerId, OwnerHistory>,
    records: HashMap<RunId, RunRecord>,
    lease: Micros,
    violation: Option<Violation>,
}

/// What happened to a job.
#[derive(Debug)]
struct JobHistory {
    plan: JobPlan,
    /// Its run times, in microseconds since the start.
    planned: Vec<i64>,
    /// How many of them were claimed, or left out because a later one stands for them.
    taken: usize,
    claimed: BTreeMap<i64, Claimed>,
    /// How many instances each process has.
    instances: HashMap<ProcessId, u32>,
    /// The latest run time that each process began.
    begun: HashMap<ProcessId, i64>,
}

/// A run time that was claimed.
#[derive(Debug)]
struct Claimed {
    process: ProcessId,
    has_begun: bool,
    /// Whether the function succeeded, once it has ended.
    result: Option<bool>,
}

#[derive(Debug)]
struct OwnerHistory {
    heartbeat: Micros,
    is_dead: bool,
    /// It is dead or was shut down.
    has_ended: bool,
}

impl JobPlan {
    /// Returns all run times, by arithmetic.
    fn planned(&self) -> Vec<i64> {
        let (start, end) = (self.start.cast_signed(), self.end.cast_signed());
        let Some(interval) = self.interval else { return vec![start] };
        let count = (end - start) / interval.cast_signed();
        (0..=count).map(|number| start + number * interval.cast_signed()).collect()
    }
}

impl Oracle {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let jobs = scenario.jobs.iter().map(|plan| {
            let history = JobHistory {
                planned: plan.planned(),
                plan: plan.clone(),
                taken: 0,
                claimed: BTreeMap::new(),
                instances: HashMap::new(),
                begun: HashMap::new(),
            };
            (plan.id.clone(), history)
        });
        Self { jobs: jobs.collect(), lease: scenario.lease, ..Self::default() }
    }

    /// Returns how many run times are planned.
    pub(super) fn planned(&self) -> u64 {
        self.jobs.values().map(|history| history.planned.len() as u64).sum()
    }

    /// Returns the first rule that was broken.
    pub(super) fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    pub(super) fn broken(&mut self, rule: Rule, details: impl Into<String>) {
        let details = details.into();
        self.violation.get_or_insert(Violation { rule, details });
    }

    fn check(&mut self, holds: bool, rule: Rule, details: impl FnOnce() -> String) {
        if !holds {
            self.broken(rule, details());
        }
    }

    /// A claim was committed. `now` is the time of day of the process.
    pub(super) fn claimed(
        &mut self,
        process: ProcessId,
        job: &str,
        outcome: &ClaimOutcome,
        now: Timestamp,
    ) {
        let Some(history) = self.jobs.get_mut(job) else {
            return self.broken(Rule::OneOutcome, format!("{job} was never added"));
        };
        let times: Vec<i64> =
            outcome.run_times.as_slice().iter().map(|time| since_start(*time)).collect();
        let mut wrong = None;
        for time in &times {
            if *time > since_start(now) {
                wrong = Some(format!("{job} is claimed for {}, before that", Seconds(*time)));
            }
            let rest = &history.planned[history.taken..];
            let place = rest.iter().position(|planned| planned == time);
            // A job that coalesces may skip run times that are due, up to the last of them.
            let is_next =
                place.is_some_and(|place| place == 0 || history.plan.coalesces && times.len() == 1);
            if !is_next {
                let next =
                    rest.first().map_or("nothing".to_owned(), |next| Seconds(*next).to_string());
                wrong =
                    Some(format!("{job} is claimed for {}, but {next} is next", Seconds(*time)));
            }
            history.taken += place.map_or(0, |place| place + 1);
            let claimed = Claimed { process, has_begun: false, result: None };
            history.claimed.entry(*time).or_insert(claimed);
        }
        let next = match outcome.next {
            NextRun::At(time) => Some(since_start(time)),
            NextRun::Finished => None,
        };
        if wrong.is_none() && next != history.planned.get(history.taken).copied() {
            wrong = Some(match next {
                Some(next) => format!("{job} is to run at {}, which is not next", Seconds(next)),
                None => format!("{job} has finished too early"),
            });
        }
        if let Some(wrong) = wrong {
            self.broken(Rule::ClaimsInOrder, wrong);
        }
    }

    /// An executor took a run, which may have several run times.
    pub(super) fn submitted(&mut self, process: ProcessId, job: &str) {
        let Some(history) = self.jobs.get_mut(job) else { return };
        let instances = history.instances.entry(process).or_default();
        *instances += 1;
        let (instances, most) = (*instances, history.plan.max_instances);
        self.check(instances <= most, Rule::MaxInstances, || {
            format!("{job} has {instances} instances in p{process}, of at most {most}")
        });
    }

    /// An executor is done with a run.
    pub(super) fn released(&mut self, process: ProcessId, job: &str) {
        let instances =
            self.jobs.get_mut(job).and_then(|history| history.instances.get_mut(&process));
        if let Some(instances) = instances {
            *instances = instances.saturating_sub(1);
        }
    }

    /// The function was called.
    pub(super) fn began(&mut self, process: ProcessId, job: &str, time: i64) {
        let Some(history) = self.jobs.get_mut(job) else { return };
        let what = format!("the run of {job} at {}", Seconds(time));
        let last = history.begun.insert(process, time);
        let one_at_a_time = history.plan.max_instances == 1;
        let broken = match history.claimed.get_mut(&time) {
            None => Some((Rule::OneRun, format!("{what} was not claimed"))),
            Some(claimed) if claimed.process != process => {
                let owner = claimed.process;
                Some((
                    Rule::OneRun,
                    format!("{what} was claimed by p{owner}, but p{process} runs it"),
                ))
            }
            Some(claimed) if claimed.has_begun => {
                Some((Rule::OneRun, format!("{what} begins twice in p{process}")))
            }
            Some(claimed) => {
                claimed.has_begun = true;
                last.filter(|last| *last >= time && one_at_a_time).map(|last| {
                    (Rule::RunsInOrder, format!("{what} begins after that at {}", Seconds(last)))
                })
            }
        };
        if let Some((rule, details)) = broken {
            self.broken(rule, details);
        }
    }

    /// The function returned.
    pub(super) fn finished(&mut self, job: &str, time: i64, is_ok: bool) {
        let history = self.jobs.get_mut(job);
        if let Some(claimed) = history.and_then(|history| history.claimed.get_mut(&time)) {
            claimed.result = Some(is_ok);
        }
    }

    /// A sign of life of an owner was committed.
    pub(super) fn heartbeat(&mut self, owner: OwnerId, now: Micros) {
        let new = OwnerHistory { heartbeat: now, is_dead: false, has_ended: false };
        self.owners.entry(owner).or_insert(new).heartbeat = now;
    }

    /// It was committed that an owner was shut down.
    pub(super) fn ended(&mut self, owner: OwnerId) {
        if let Some(owner) = self.owners.get_mut(&owner) {
            owner.has_ended = true;
        }
    }

    /// It was committed that an owner is dead.
    pub(super) fn condemned(&mut self, owner: OwnerId, now: Micros) {
        let Some(history) = self.owners.get_mut(&owner) else { return };
        history.is_dead = true;
        history.has_ended = true;
        let silent = now - history.heartbeat;
        let lease = self.lease;
        self.check(silent >= lease, Rule::DeathIsCertain, || {
            let (silent, lease) = (Seconds(silent.cast_signed()), Seconds(lease.cast_signed()));
            format!("an owner that gave a sign of life {silent} s ago was found dead; its lease is {lease} s")
        });
    }

    /// New records of an owner were committed.
    pub(super) fn recorded(&mut self, owner: OwnerId, records: &[RunRecord]) {
        let is_dead = self.owners.get(&owner).is_some_and(|owner| owner.is_dead);
        for record in records {
            let what = describe(record);
            self.check(!is_dead, Rule::Fence, || {
                format!("{what} was written by an owner that is dead")
            });
            let by_the_dead = self.owners.get(&record.owner).is_some_and(|owner| owner.has_ended);
            self.check(record.state != RunState::Lost || by_the_dead, Rule::DeathIsCertain, || {
                format!("{what}, but its owner is alive")
            });
            self.records.entry(record.run_id).or_insert_with(|| record.clone());
        }
    }

    /// Judges the records that are left when everything has ended.
    pub(super) fn judge(&mut self, records: &[RunRecord]) {
        let mut outcomes: HashMap<(&str, i64), Vec<&RunRecord>> = HashMap::new();
        for record in records {
            self.check_stays(record);
            for time in self.run_times_of(record) {
                outcomes.entry((&record.job_id, time)).or_default().push(record);
            }
        }
        let mut broken = Vec::new();
        for (id, history) in &self.jobs {
            for time in &history.planned {
                let outcomes = outcomes.remove(&(id.as_str(), *time)).unwrap_or_default();
                broken.extend(history.judge(id, *time, &outcomes));
            }
        }
        broken.extend(
            outcomes
                .values()
                .flatten()
                .map(|record| (Rule::OneOutcome, format!("{} was not planned", describe(record)))),
        );
        // In the order of time, so that the same violation is reported each time.
        broken.sort_by(|(_, left), (_, right)| left.cmp(right));
        if let Some((rule, details)) = broken.into_iter().next() {
            self.broken(rule, details);
        }
    }

    fn check_stays(&mut self, record: &RunRecord) {
        let first = self.records.get(&record.run_id).map(|first| (first.state, first.ended));
        self.check(first == Some((record.state, record.ended)), Rule::OutcomesStay, || {
            format!("{} is not the first outcome", describe(record))
        });
    }

    /// Returns the run times that a record is about.
    fn run_times_of(&self, record: &RunRecord) -> Vec<i64> {
        let first = since_start(record.scheduled_run_time);
        let last = record.until.map_or(first, since_start);
        let planned = self.jobs.get(&*record.job_id).map(|history| history.planned.as_slice());
        let between: Vec<i64> = planned
            .unwrap_or_default()
            .iter()
            .copied()
            .filter(|time| (first..=last).contains(time))
            .collect();
        // A record whose count is wrong is about something that was not planned.
        if between.len() as u64 == record.count { between } else { vec![i64::MIN] }
    }
}

impl JobHistory {
    /// Returns what is wrong with the outcomes of a run time.
    fn judge(&self, id: &str, time: i64, outcomes: &[&RunRecord]) -> Option<(Rule, String)> {
        let what = format!("{id} at {}", Seconds(time));
        let claimed = self.claimed.get(&time);
        let [outcome] = outcomes else {
            let states: Vec<&str> = outcomes.iter().map(|outcome| outcome.state.name()).collect();
            let wrong = format!("{what} has {} outcomes: {states:?}", states.len());
            return Some((Rule::OneOutcome, wrong));
        };
        let Some(claimed) = claimed else {
            let is_coalesced = outcome.state == RunState::Coalesced;
            let wrong = format!("{what} is {}, but was not claimed", outcome.state);
            return (!is_coalesced).then_some((Rule::TrueOutcome, wrong));
        };
        let is_true = match outcome.state {
            RunState::Ok => claimed.result == Some(true),
            RunState::Failed => claimed.has_begun && claimed.result != Some(true),
            RunState::Lost => true,
            RunState::Missed => !claimed.has_begun && self.is_late(outcome),
            RunState::Cancelled | RunState::Skipped => !claimed.has_begun,
            _ => false,
        };
        let begun = if claimed.has_begun { "began" } else { "did not begin" };
        (!is_true)
            .then(|| (Rule::TrueOutcome, format!("{what} is {}, but it {begun}", outcome.state)))
    }

    /// Returns whether a run that was missed was as late as that takes, by the clock that found it late.
    fn is_late(&self, outcome: &RunRecord) -> bool {
        let Some((grace, ended)) = self.plan.grace.zip(outcome.ended) else { return false };
        let late = since_start(ended) - since_start(outcome.scheduled_run_time);
        late > (grace * SECOND).cast_signed()
    }
}

/// Names a record.
pub(super) fn describe(record: &RunRecord) -> String {
    let time = Seconds(since_start(record.scheduled_run_time));
    format!("the record of {} at {time} as {}", record.job_id, record.state)
}
