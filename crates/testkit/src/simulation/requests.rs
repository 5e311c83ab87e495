//! What users ask of the schedulers of the cluster.

use std::sync::Arc;

use apscheduler_core::job::{JobChanges, Pause};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::Scheduler;

use super::events::Event;
use super::time::{Micros, SECOND};
use super::wishes::{Wanted, Wish};
use super::world::World;

impl World {
    /// Adds a job, unless it was added.
    pub(super) fn add(self: &Arc<Self>, number: usize) {
        let plan = self.state().scenario.jobs[number].clone();
        if self.state().database.has_known(&plan.id) {
            return;
        }
        let added = self.ask(number, |scheduler| scheduler.add_job(plan.builder()).map(drop));
        let is_known = |kind| kind == ErrorKind::ConflictingId;
        if added.is_none_or(|added| added.is_err_and(|error| !is_known(error.kind()))) {
            self.plan_later(Event::Add { job: number });
        }
    }

    /// Asks a scheduler for what a user wants. The job may have ended, and the store may be unavailable.
    pub(super) fn ask_for(self: &Arc<Self>, job: usize, wish: usize) {
        let (id, wish) = {
            let plan = &self.state().scenario.jobs[job];
            (plan.id.clone(), plan.wishes[wish])
        };
        let answer = match wish.what {
            Wanted::Rename => {
                let changes = JobChanges::new().name("another name");
                self.ask(job, |scheduler| scheduler.modify_job(id.as_str(), &changes).map(drop))
            }
            Wanted::Run => self.ask(job, |scheduler| scheduler.run_now(id.as_str()).map(drop)),
            Wanted::Cancel { number } => self.cancel(job, &id, number),
            Wanted::Pause { time, ends } => self.pause(job, &id, time, ends),
        };
        self.note_answer(&wish, answer);
    }

    fn note_answer(&self, wish: &Wish, answer: Option<Result<()>>) {
        self.note(|| match answer {
            None => format!("nobody can be asked: {wish}"),
            Some(Ok(())) => format!("done: {wish}"),
            Some(Err(error)) => format!("failed: {wish}: {}", error.chain()),
        });
    }

    /// Cancels a run of a job that has not ended.
    fn cancel(self: &Arc<Self>, job: usize, id: &str, number: u64) -> Option<Result<()>> {
        let run = {
            let mut state = self.state();
            let runs = state.database.unfinished(id);
            let place = usize::try_from(number).unwrap_or_default() % runs.len().max(1);
            let run = runs.get(place).copied()?;
            state.oracle.cancelling(run);
            run
        };
        self.ask(job, |scheduler| scheduler.cancel_run(run).map(drop))
    }

    fn pause(
        self: &Arc<Self>,
        job: usize,
        id: &str,
        time: Micros,
        ends: bool,
    ) -> Option<Result<()>> {
        let answer = self.ask(job, |scheduler| {
            let until =
                scheduler.clock().now() + chrono::TimeDelta::microseconds(time.cast_signed());
            let pause = Pause::new().until(ends.then_some(until));
            scheduler.pause_job_with(id, pause).map(drop)
        });
        // The job may be paused although the call failed.
        if !ends {
            let mut state = self.state();
            let end = state.now + time;
            state.plan(end, Event::Resume { job });
        }
        answer
    }

    /// Resumes a job that is paused, however often that takes.
    pub(super) fn resume(self: &Arc<Self>, job: usize) {
        let id = self.state().scenario.jobs[job].id.clone();
        if !self.state().database.is_paused(&id) {
            return;
        }
        let answer = self.ask(job, |scheduler| scheduler.resume_job(id.as_str()).map(drop));
        let failed = |error: &Error| error.kind() != ErrorKind::JobLookup;
        if answer.is_none_or(|answer| answer.is_err_and(|error| failed(&error))) {
            self.plan_later(Event::Resume { job });
        }
    }

    fn plan_later(&self, event: Event) {
        let mut state = self.state();
        let later = state.now + SECOND;
        state.plan(later, event);
    }

    /// Calls a scheduler that runs, as a program does. `None` if there is none.
    fn ask(
        self: &Arc<Self>,
        number: usize,
        call: impl FnOnce(&Scheduler) -> Result<()>,
    ) -> Option<Result<()>> {
        let (process, scheduler) = {
            let mut state = self.state();
            let count = state.scenario.nodes.len();
            // Another one each time.
            let first = number + usize::try_from(state.now / SECOND).unwrap_or_default();
            let mut nodes = (0..count).map(|node| (first + node) % count);
            let process = nodes.find_map(|node| {
                state.process_on(node).filter(|process| {
                    let process = &state.processes[*process];
                    !process.is_busy && process.stopped_until <= state.now
                })
            })?;
            state.processes[process].is_busy = true;
            (process, state.processes[process].scheduler.clone())
        };
        let answer = scheduler.as_ref().map(call);
        drop(scheduler);
        self.leave(process);
        answer
    }
}
