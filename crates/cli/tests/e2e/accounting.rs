//! Accounts for every fire time of jobs that run often.
//!
//! The jobs fire every [`PERIOD`] from a known start. Each run appends its job and scheduled time to a log of its own, so
//! runs are known independently of the event stream. No fire time may be skipped: the jobs have no `misfire_grace_time`
//! and do not coalesce.

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

/// The number of jobs.
const JOBS: usize = 12;

/// A place with jobs that start to fire soon.
pub(crate) struct Bench {
    pub(crate) place: Place,
    start: Micros,
}

impl Bench {
    pub(crate) fn new() -> Self {
        // Not from now on: the first fire time would depend on how long it takes to add the jobs.
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
        let place = Place::with_jobs(&jobs);
        let config = fs::read_to_string(place.path("jobs.toml")).unwrap();
        place.write("jobs.toml", &format!("lease = 5\n{config}"));
        Self { place, start }
    }

    /// The job, the scheduled time and the state of each run that the store has recorded.
    pub(crate) fn recorded(&self) -> Vec<(String, Micros, String)> {
        let args = ["runs", "--config", "jobs.toml", "list", "--json", "--limit", "1000000"];
        let Value::Array(runs) = self.place.run(&args).success().json() else { panic!("a list") };
        let text = |run: &Value, key: &str| run[key].as_str().unwrap().to_owned();
        let run = |run: &Value| {
            (text(run, "job_id"), micros(&text(run, "scheduled_run_time")), text(run, "state"))
        };
        runs.iter().map(run).collect()
    }

    pub(crate) fn jobs() -> Vec<String> {
        (0..JOBS).map(|number| format!("job{number}")).collect()
    }

    /// The runs in order, from the log of the jobs.
    pub(crate) fn ran(&self) -> Vec<(String, Micros)> {
        let log = fs::read_to_string(self.place.path("ran")).unwrap_or_default();
        let line = |line: &str| {
            let (job, time) = line.split_once(' ').unwrap();
            (job.to_owned(), micros(time))
        };
        log.lines().map(line).collect()
    }

    /// The stored next run time of each job. All earlier ones were claimed.
    pub(crate) fn claimed_until(&self) -> BTreeMap<String, Micros> {
        let next = |job: &Value| {
            (job["id"].as_str().unwrap().to_owned(), micros(job["next_run_time"].as_str().unwrap()))
        };
        let mut claimed: BTreeMap<String, Micros> = self.place.list().iter().map(next).collect();
        for job in Self::jobs() {
            // Before the first start the store has no jobs.
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

/// The current time.
pub(crate) fn now() -> Micros {
    SystemClock.now().timestamp_micros()
}

/// Parses a time from an event or the log.
pub(crate) fn micros(text: &str) -> Micros {
    text.parse::<Timestamp>().unwrap().timestamp_micros()
}

/// The fire times of a job in events with this name, in order.
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
