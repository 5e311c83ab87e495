//! Judges what happened. It shares no code with the engine: it has its own arithmetic of schedules, and its own record of
//! what was called and committed.

mod describe;
mod history;
mod instances;
mod judge;
mod owners;
mod schedule;

use std::collections::{BTreeMap, HashMap};

use apscheduler_core::job::Overlap;
use apscheduler_core::ledger::{OpenRun, OpenState, RunRecord, RunState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::ClaimOutcome;
use apscheduler_core::time::Timestamp;

use super::events::ProcessId;
use super::open_rows::Step;
use super::rules::{Rule, Violation};
use super::scenario::Scenario;
use super::submitted::{Attempt, Submitted};
use super::time::{Micros, Seconds, since_start};
pub(super) use describe::describe;
use history::RunHistory;
use instances::Instances;
use owners::Owners;
use schedule::Schedule;

/// The history of a simulation, as far as the rules need it.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    jobs: BTreeMap<String, Schedule>,
    runs: BTreeMap<RunId, RunHistory>,
    /// The run times that claims took without running them, by the runs of their records.
    left_out: BTreeMap<RunId, LeftOut>,
    instances: Instances,
    owners: Owners,
    records: HashMap<(RunId, u32), RunRecord>,
    lease: Micros,
    violation: Option<Violation>,
}

/// Run times that a claim took without running them.
#[derive(Debug)]
struct LeftOut {
    job: String,
    first: Timestamp,
    count: u64,
    state: RunState,
}

impl Oracle {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let jobs = scenario.jobs.iter().map(|plan| (plan.id.clone(), Schedule::of(plan)));
        Self { jobs: jobs.collect(), lease: scenario.lease, ..Self::default() }
    }

    /// Returns how many run times are planned.
    pub(super) fn planned(&self) -> u64 {
        self.jobs.values().map(|schedule| schedule.planned.len() as u64).sum()
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
        (process, owner): (ProcessId, OwnerId),
        job: &str,
        outcome: &ClaimOutcome,
        now: Timestamp,
    ) {
        let Some(schedule) = self.jobs.get_mut(job) else {
            return self.broken(Rule::OneOutcome, format!("{job} was never added"));
        };
        if let Some(wrong) = schedule.claim(outcome, now) {
            self.broken(Rule::ClaimsInOrder, format!("{job} {wrong}"));
        }
        if let Some(skipped) = &outcome.skipped {
            let (first, count, state) = (skipped.first, skipped.count, skipped.state());
            let left_out = LeftOut { job: job.to_owned(), first, count, state };
            self.left_out.insert(skipped.run_id, left_out);
        }
        let Some(first) = outcome.first_run else {
            return self.broken(Rule::OneOutcome, format!("the runs of {job} have no ids"));
        };
        for (index, time) in outcome.run_times.as_slice().iter().enumerate() {
            let run = RunHistory::new(job, since_start(*time), false);
            self.runs.insert(first.nth(index), run);
            self.claim_attempt(Attempt { run: first.nth(index), number: 1 }, (process, owner));
        }
    }

    fn claim_attempt(&mut self, attempt: Attempt, by: (ProcessId, OwnerId)) {
        let name = self.name(attempt);
        let Some(run) = self.runs.get_mut(&attempt.run) else {
            return self.broken(Rule::OneRun, format!("{name} is claimed, but was never planned"));
        };
        let Some(schedule) = self.jobs.get(&run.job) else { return };
        if let Some(wrong) = run.claim(attempt.number, by, &schedule.plan.policies) {
            self.broken(Rule::AttemptsInOrder, format!("{name} {wrong}"));
        }
    }

    /// A run that waited was claimed.
    pub(super) fn claimed_open(&mut self, process: ProcessId, row: &OpenRun) {
        let attempt = Attempt { run: row.run_id, number: row.attempt };
        let is_dead = self.owners.is_dead(row.owner);
        let name = self.name(attempt);
        self.check(!is_dead, Rule::Fence, || {
            format!("{name} was claimed for an owner that is dead")
        });
        self.claim_attempt(attempt, (process, row.owner));
    }

    /// The row of an open run was changed.
    pub(super) fn stepped(&mut self, process: ProcessId, step: &Step) {
        match (&step.before, &step.after) {
            (None, Some(row)) if row.state == OpenState::Waiting => {
                let time = since_start(row.scheduled_run_time);
                self.runs.insert(row.run_id, RunHistory::new(&row.job_id, time, true));
            }
            (Some(before), Some(after)) => match (before.state, after.state) {
                (OpenState::Waiting, OpenState::Claimed) => self.claimed_open(process, after),
                (OpenState::Claimed, OpenState::Waiting) if before.attempt == after.attempt => {
                    let run = self.runs.get_mut(&before.run_id);
                    if let Some(attempt) = run.and_then(|run| run.attempt(before.attempt)) {
                        attempt.is_put_back = true;
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// The job has another next run time, because it was paused or resumed.
    pub(super) fn moved(&mut self, process: ProcessId, job: &str, next: Option<Timestamp>) {
        let wrong = self.jobs.get_mut(job).and_then(|schedule| schedule.moved(process, next));
        if let Some(wrong) = wrong {
            self.broken(Rule::ClaimsInOrder, format!("{job} {wrong}"));
        }
    }

    /// A process knows that it has changed a job.
    pub(super) fn answered(&mut self, process: ProcessId, job: &str) {
        if let Some(schedule) = self.jobs.get_mut(job) {
            schedule.answered(process);
        }
    }

    /// The job was removed.
    pub(super) fn removed(&mut self, process: ProcessId, job: &str) {
        if let Some(schedule) = self.jobs.get_mut(job) {
            schedule.removed(process);
        }
    }

    /// A user is about to ask to cancel a run.
    pub(super) fn cancelling(&mut self, run: RunId) {
        if let Some(run) = self.runs.get_mut(&run) {
            run.is_cancelled = true;
        }
    }

    /// An executor took a run, which may have several run times.
    pub(super) fn submitted(&mut self, process: ProcessId, run: Submitted) {
        let job = run.job.to_string();
        self.instances.add(process, run);
        let Some(schedule) = self.jobs.get(&job) else { return };
        let (policies, most) = (schedule.plan.policies, schedule.plan.max_instances as usize);
        if policies.overlap == Overlap::Allow {
            return;
        }
        let here = self.instances.of_job(&job).filter(|(other, _)| *other == process).count();
        // A run that was given up does not count, although its process may still execute it.
        let is_over = |run: &Submitted| {
            let runs = (0..run.run_times).map(|index| run.first_run.nth(index));
            let mut records = runs.filter_map(|id| self.runs.get(&id)?.record(run.attempt));
            let is_recorded = records.clone().count() == run.run_times;
            is_recorded || records.any(|state| state == RunState::Lost)
        };
        let everywhere = self.instances.of_job(&job).filter(|(_, run)| !is_over(run)).count();
        let is_repeated = schedule.times_taken.iter().any(|count| *count > 1);
        self.check(here <= most, Rule::MaxInstances, || {
            format!("{job} has {here} instances in p{process}, of at most {most}")
        });
        let is_right = !policies.in_cluster || everywhere <= most || is_repeated;
        self.check(is_right, Rule::MaxInstances, || {
            format!("{job} has {everywhere} instances in the cluster, of at most {most}")
        });
    }

    /// An executor is done with a run.
    pub(super) fn released(&mut self, process: ProcessId, run: &Submitted) {
        self.instances.remove(process, run);
    }

    /// The function was called. `is_sure` says whether the process could ask the ledger whether it was found dead.
    pub(super) fn began(&mut self, process: ProcessId, attempt: Attempt, is_sure: bool) {
        let what = self.name(attempt);
        let Some(run) = self.runs.get_mut(&attempt.run) else {
            return self.broken(Rule::OneRun, format!("{what} begins, but was never planned"));
        };
        let (job, time, is_asked) = (run.job.clone(), run.time, run.is_asked);
        let broken = match run.attempt(attempt.number) {
            None => Some((Rule::OneRun, format!("{what} was not claimed"))),
            Some(claimed) if claimed.process != process => {
                let owner = claimed.process;
                let wrong = format!("{what} was claimed by p{owner}, but p{process} runs it");
                Some((Rule::OneRun, wrong))
            }
            Some(claimed) if claimed.has_begun || claimed.is_put_back => {
                Some((Rule::OneRun, format!("{what} begins twice in p{process}")))
            }
            Some(claimed) => {
                claimed.has_begun = true;
                let is_dead = self.owners.is_dead(claimed.owner) && is_sure;
                let was_put_back = claimed.was_put_back;
                let is_first = attempt.number == 1 && !is_asked && !was_put_back;
                let is_lost = claimed.record == Some(RunState::Lost);
                let wrong = format!("{what} begins, although its owner was found dead");
                let fenced = is_dead.then_some((Rule::Fence, wrong));
                fenced.or_else(|| {
                    (is_first && !is_lost).then(|| self.begin_first(process, &job, time)).flatten()
                })
            }
        };
        if let Some((rule, details)) = broken {
            self.broken(rule, details);
        }
    }

    /// Returns what is wrong if the first attempt of a planned run begins.
    fn begin_first(&mut self, process: ProcessId, job: &str, time: i64) -> Option<(Rule, String)> {
        let schedule = self.jobs.get(job).filter(|schedule| schedule.runs_in_order())?;
        let policies = schedule.plan.policies;
        let (here, anywhere) = self.instances.begin(process, job, time);
        // A run that waits in the ledger may be overtaken.
        let is_ordered = policies.in_cluster && policies.overlap == Overlap::Skip;
        let last = if is_ordered { here.max(anywhere) } else { here };
        let last = last.filter(|last| *last >= time)?;
        let wrong = format!("{job} at {} begins after that at {}", Seconds(time), Seconds(last));
        Some((Rule::RunsInOrder, wrong))
    }

    /// The function returned.
    pub(super) fn finished(&mut self, attempt: Attempt, is_ok: bool) {
        let run = self.runs.get_mut(&attempt.run);
        if let Some(claimed) = run.and_then(|run| run.attempt(attempt.number)) {
            claimed.result = Some(is_ok);
        }
    }

    /// A sign of life of an owner was committed.
    pub(super) fn heartbeat(&mut self, process: ProcessId, owner: OwnerId, now: Micros) {
        self.owners.heartbeat(process, owner, now);
    }

    /// It was committed that an owner was shut down.
    pub(super) fn ended(&mut self, owner: OwnerId) {
        self.owners.ended(owner);
    }

    /// A process was killed.
    pub(super) fn killed(&mut self, process: ProcessId) {
        self.owners.killed(process);
        self.instances.killed(process);
    }

    /// The scheduler of a process is shut down.
    pub(super) fn shut_down(&mut self, process: ProcessId) {
        self.owners.shut_down(process);
    }

    /// It was committed that an owner is dead.
    pub(super) fn condemned(&mut self, owner: OwnerId, now: Micros) {
        let Some(heartbeat) = self.owners.condemned(owner) else { return };
        let (silent, lease) = (now - heartbeat, self.lease);
        self.check(silent >= lease, Rule::DeathIsCertain, || {
            let (silent, lease) = (Seconds(silent.cast_signed()), Seconds(lease.cast_signed()));
            format!("an owner that gave a sign of life {silent} s ago was found dead; its lease is {lease} s")
        });
    }

    /// New records of an owner were committed.
    pub(super) fn recorded(&mut self, owner: OwnerId, records: &[RunRecord]) {
        let is_dead = self.owners.is_dead(owner);
        for record in records {
            let what = describe(record);
            self.check(!is_dead, Rule::Fence, || {
                format!("{what} was written by an owner that is dead")
            });
            let by_the_dead = self.owners.has_ended(record.owner);
            self.check(record.state != RunState::Lost || by_the_dead, Rule::DeathIsCertain, || {
                format!("{what}, but its owner is alive")
            });
            self.records.entry((record.run_id, record.attempt)).or_insert_with(|| record.clone());
            self.judge_new(record);
        }
    }

    /// Returns the process that an owner belongs to.
    pub(super) fn process_of(&self, owner: OwnerId) -> Option<ProcessId> {
        self.owners.process_of(owner)
    }

    /// Names an attempt of a run.
    pub(super) fn name(&self, attempt: Attempt) -> String {
        let Some(run) = self.runs.get(&attempt.run) else { return "a run".to_owned() };
        let asked = if run.is_asked { ", which a user asked for" } else { "" };
        let attempt = match attempt.number {
            1 => String::new(),
            number => format!(", attempt {number}"),
        };
        format!("{} at {}{asked}{attempt}", run.job, Seconds(run.time))
    }
}
