//! Accounts for every fire time of jobs that run often.
//!
//! The jobs fire on a grid that is known: from the start on, every [`PERIOD`]. Each run writes its job and its scheduled
//! time to a log of its own, so what ran is known from elsewhere than the event stream. No fire time may be left out:
//! they may run however late, and each for itself (`misfire_grace_time` none, `coalesce` false).

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;

use apscheduler::time::{Clock as _, SystemClock, Timestamp, Zone};
use serde_json::Value;

use crate::program::Place;

/// An instant, in microseconds.
pub(crate) type Micros = i64;

/// The jobs fire ten times a second.
const PERIOD: Micros = 100_000;

/// How many jobs there are.
const JOBS: usize = 12;

/// A place with jobs that fire from soon on.
pub(crate) struct Bench {
    pub(crate) place: Place,
    start: Micros,
}

impl Bench {
    pub(crate) fn new() -> Self {
        // Not from now on: the first fire would then depend on how long it takes to add the jobs.
        let start = (now() / 1_000_000 + 3) * 1_000_000;
        let text = Zone::UTC.iso(Timestamp::from_timestamp_micros(start).unwrap());
        let defaults =
            "[job_defaults]\nmisfire_grace_time = 'none'\ncoalesce = false\nmax_instances = 1000\n";
        let job = |number: usize| {
            format!(
                "[[jobs]]\nid = 'job{number}'\nfunc = 'command'\n\
                 kwargs.shell = 'echo \"$APSCHEDULER_JOB_ID $APSCHEDULER_SCHEDULED_RUN_TIME\" >> ran'\n\
                 trigger = {{ type = 'interval', seconds = 0.1, start_date = '{text}' }}\n"
            )
        };
        let jobs: String = std::iter::once(defaults.to_owned()).chain((0..JOBS).map(job)).collect();
        Self { place: Place::with_jobs(&jobs), start }
    }

    pub(crate) fn jobs() -> Vec<String> {
        (0..JOBS).map(|number| format!("job{number}")).collect()
    }

    /// What ran, as the jobs themselves wrote it down, in order.
    pub(crate) fn ran(&self) -> Vec<(String, Micros)> {
        let log = fs::read_to_string(self.place.path("ran")).unwrap_or_default();
        let line = |line: &str| {
            let (job, time) = line.split_once(' ').unwrap();
            (job.to_owned(), micros(time))
        };
        log.lines().map(line).collect()
    }

    /// The next run time of each job, as the store has it: all before it were claimed.
    pub(crate) fn claimed_until(&self) -> BTreeMap<String, Micros> {
        let next = |job: &Value| {
            (job["id"].as_str().unwrap().to_owned(), micros(job["next_run_time"].as_str().unwrap()))
        };
        let mut claimed: BTreeMap<String, Micros> = self.place.list().iter().map(next).collect();
        for job in Self::jobs() {
            // Before the first start it is in no store.
            claimed.entry(job).or_insert(self.start);
        }
        claimed
    }

    /// The fire times in a range.
    pub(crate) fn grid(&self, range: Range<Micros>) -> impl Iterator<Item = Micros> + use<> {
        let start = self.start;
        let first = (range.start - start + PERIOD - 1) / PERIOD;
        (first..).map(move |step| start + step * PERIOD).take_while(move |time| *time < range.end)
    }

    pub(crate) fn start(&self) -> Micros {
        self.start
    }
}

/// The present.
pub(crate) fn now() -> Micros {
    SystemClock.now().timestamp_micros()
}

/// Reads a time of an event or of the log.
pub(crate) fn micros(text: &str) -> Micros {
    text.parse::<Timestamp>().unwrap().timestamp_micros()
}

/// The fire times of a job in the events of this name, in order.
pub(crate) fn fires(events: &[Value], name: &str, job: &str) -> Vec<Micros> {
    let of_job = events.iter().filter(|event| event["event"] == name && event["job_id"] == job);
    let times = |event: &Value| -> Vec<Micros> {
        let time = |time: &Value| micros(time.as_str().unwrap());
        match event["scheduled_run_times"].as_array() {
            Some(times) => times.iter().map(time).collect(),
            None => vec![time(&event["scheduled_run_time"])],
        }
    };
    of_job.flat_map(times).collect()
}

/// The values that occur more than once.
pub(crate) fn repeated<T: Ord + Clone>(values: &[T]) -> Vec<T> {
    let mut counts: BTreeMap<&T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(value, _)| value.clone()).collect()
}
