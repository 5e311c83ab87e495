//! Which instances of jobs there are, and in which order their runs begin.

use std::collections::HashMap;

use super::super::events::ProcessId;
use super::super::submitted::Submitted;

/// The instances that executors hold, and the last run time that began.
#[derive(Debug, Default)]
pub(super) struct Instances {
    held: Vec<(ProcessId, Submitted)>,
    /// The latest run time of each job that each process began, of first attempts alone.
    begun: HashMap<(ProcessId, String), i64>,
    /// The same of all processes together.
    begun_anywhere: HashMap<String, i64>,
}

impl Instances {
    pub(super) fn add(&mut self, process: ProcessId, run: Submitted) {
        self.held.push((process, run));
    }

    pub(super) fn remove(&mut self, process: ProcessId, run: &Submitted) {
        self.held.retain(|(other, held)| *other != process || held != run);
    }

    pub(super) fn killed(&mut self, process: ProcessId) {
        self.held.retain(|(other, _)| *other != process);
    }

    /// Returns the instances of a job.
    pub(super) fn of_job(&self, job: &str) -> impl Iterator<Item = &(ProcessId, Submitted)> {
        self.held.iter().filter(move |(_, held)| *held.job == *job)
    }

    /// Notes that a run time begins. Returns the last one of the same process, and that of all.
    pub(super) fn begin(
        &mut self,
        process: ProcessId,
        job: &str,
        time: i64,
    ) -> (Option<i64>, Option<i64>) {
        let here = self.begun.insert((process, job.to_owned()), time);
        (here, self.begun_anywhere.insert(job.to_owned(), time))
    }
}
