//! The ledgers of the stores with many records: how long a question takes, and how long a sweep of the retention holds locks.
//!
//! `cargo xtask bench --bench ledger` starts the servers. Names select stores (`-- postgres sqlite`); `--records 10000000` sets
//! the number of records.
//!
//! Targets, with 10,000,000 records in SQLite and PostgreSQL: the latest runs of a job below 20 ms; no piece of a sweep longer
//! than 50 ms.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::time::{Duration, Instant};

use apscheduler::ledger::{Retention, RunLedger, RunQuery, RunRecord, RunState, Writes};
use apscheduler::run::{OwnerId, RunId};
use apscheduler::time::Timestamp;
use apscheduler_benches::{Place, median_and_p99};
use apscheduler_testkit::stores::records::second;
use chrono::TimeDelta;

/// The records of one transaction, as the scheduler groups them.
const GROUP: usize = 1000;

/// The jobs that they are about.
const JOBS: usize = 1000;

/// How many records a sweep removes at once.
const PIECE: usize = 200;

/// One of a hundred runs of each job fails.
fn state(number: usize) -> RunState {
    if (number / JOBS).is_multiple_of(100) { RunState::Failed } else { RunState::Ok }
}

fn time(number: usize) -> Timestamp {
    second(0) + TimeDelta::milliseconds(i64::try_from(number).unwrap())
}

/// Writes so many records, each a millisecond after the one before.
fn fill(ledger: &dyn RunLedger, count: usize) -> Duration {
    let (owner, begun) = (OwnerId::random(), Instant::now());
    for first in (0..count).step_by(GROUP) {
        let group: Vec<RunRecord> = (first..count.min(first + GROUP))
            .map(|number| {
                let (id, time) = (format!("job {:04}", number % JOBS), time(number));
                RunRecord::new(RunId::new(time), id, time, owner, state(number))
                    .claimed(time)
                    .started(time)
                    .ended(time)
                    .duration(Duration::from_millis(5))
                    .result("42")
            })
            .collect();
        ledger.append(owner, &Writes::new().records(&group)).unwrap();
    }
    begun.elapsed()
}

/// Returns the median and the 99th percentile of the time that a question takes, asked about many jobs.
fn ask(ledger: &dyn RunLedger, question: impl Fn(&str) -> RunQuery) -> (Duration, Duration) {
    let times = (0..200).map(|number| {
        let job = format!("job {:04}", number * 37 % JOBS);
        let begun = Instant::now();
        let found = ledger.runs(&question(&job)).unwrap();
        assert!(!found.is_empty());
        begun.elapsed()
    });
    median_and_p99(times.collect())
}

/// Removes so many records in pieces. Returns how long the pieces took: the median and the longest.
fn sweep(ledger: &dyn RunLedger, now: Timestamp, pieces: usize) -> (Duration, Duration) {
    let retention = Retention::default().ok_age(Duration::from_secs(1));
    let mut times: Vec<Duration> = (0..pieces)
        .map(|_| {
            let begun = Instant::now();
            ledger.prune(now, &retention, PIECE).unwrap();
            begun.elapsed()
        })
        .collect();
    times.sort();
    (times[times.len() / 2], times[times.len() - 1])
}

fn main() {
    let folder = tempfile::TempDir::new().unwrap();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let records = arguments.iter().position(|argument| argument == "--records");
    let records: usize =
        records.map_or(200_000, |place| arguments[place + 1].parse().expect("--records NUMBER"));
    let is_picked = |place: &Place| arguments.iter().any(|argument| argument == place.name);
    let places = Place::all(folder.path());
    let any_picked = places.iter().any(is_picked);
    for place in places.iter().filter(|place| !any_picked || is_picked(place)) {
        let store = place.apart("ledger").empty().unwrap();
        let ledger = store.ledger().unwrap();
        let count = records / place.divisor;
        let filled = fill(&*ledger, count);
        println!(
            "{}: {count} records written in {filled:.0?}, {} us each",
            place.name,
            filled.as_micros() / count.max(1) as u128
        );
        let tell = |what: &str, (median, p99): (Duration, Duration)| {
            println!("  {what}: median {median:.2?}, p99 {p99:.2?}");
        };
        tell(
            "the latest 20 runs of a job",
            ask(&*ledger, |job| RunQuery::new().job(job).limit(20)),
        );
        tell(
            "its latest 20 failures",
            ask(&*ledger, |job| RunQuery::new().job(job).state(RunState::Failed).limit(20)),
        );
        let middle = RunId::first_of(time(count / 2));
        tell(
            "20 runs of a job from the middle on",
            ask(&*ledger, |job| RunQuery::new().job(job).before(middle).limit(20)),
        );
        tell("the latest 100 runs of all jobs", ask(&*ledger, |_| RunQuery::new()));
        let (median, longest) = sweep(&*ledger, time(count), 200);
        println!(
            "  a piece of a sweep, {PIECE} records: median {median:.2?}, longest {longest:.2?}"
        );
        drop(ledger);
        store.shutdown().unwrap();
    }
}
