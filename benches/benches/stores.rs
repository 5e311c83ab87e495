//! The stores, compared with APScheduler 3.11.3 on the same server.
//!
//! `cargo xtask bench --bench stores` starts the servers and installs APScheduler. Names select stores (`-- redis
//! sqlite`); `--stored 1000000` sets the number of jobs in the store when one is due.
//!
//! Targets: 10,000 jobs added in one call in 1 s; claimed and advanced in batches of 1,000: SQLite and Redis 50,000/s,
//! PostgreSQL 20,000/s, MySQL 5,000/s; run with their records: Redis 30,000/s; a wake-up with one due of 1,000,000 below 2 ms in SQLite and PostgreSQL.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use apscheduler::Shutdown;
use apscheduler::executor_debug::DebugExecutor;
use apscheduler::ledger::History;
use apscheduler::store::{
    ClaimOutcome, ClaimRequest, Decision, JobRecord, JobStore, NextRun, RunTimes,
};
use apscheduler::time::Timestamp;
use apscheduler_benches::{Bench, Place, median_and_p99};
use apscheduler_testkit::stores::records::{Records, second};
use chrono::TimeDelta;
use serde_json::Value;

const JOBS: usize = 10_000;
const BATCH: usize = 1000;
const SCHEDULERS: usize = 4;
const ROUNDS: i64 = 5;

/// The run time of jobs that are not due, in seconds.
const FAR: i64 = 100_000_000;

/// Returns the number of jobs, fewer for a slow substitute of a server.
fn jobs(place: &Place) -> usize {
    JOBS / place.divisor
}

fn add(store: &dyn JobStore, count: usize, time: Timestamp) -> Duration {
    let records = Records::of(store);
    let mut elapsed = Duration::ZERO;
    let ids: Vec<usize> = (0..count).collect();
    for chunk in ids.chunks(JOBS) {
        let new = chunk.iter().map(|id| records.new_record(format!("job {id:07}"), Some(time)));
        let new = new.collect();
        let start = Instant::now();
        store.add_jobs(new).unwrap();
        elapsed += start.elapsed();
    }
    elapsed
}

fn advance(record: &JobRecord, now: Timestamp) -> Decision {
    let run_times = RunTimes::One(record.next_run_time.unwrap());
    Decision::Claim(ClaimOutcome::new(run_times, NextRun::At(now + TimeDelta::hours(1))))
}

/// Claims all due jobs. Returns the claims.
fn claim_all(store: &dyn JobStore, now: Timestamp) -> Vec<(Arc<str>, Timestamp)> {
    let mut claimed = Vec::new();
    let mut due = ClaimRequest::new(now, BATCH);
    loop {
        let batch = store.claim_due(&due, &mut |record| advance(record, now)).unwrap();
        claimed.extend(
            batch
                .won
                .into_iter()
                .map(|claim| (claim.record.id, claim.record.next_run_time.unwrap())),
        );
        match batch.resume {
            Some(resume) => due.after = Some(resume),
            None => return claimed,
        }
    }
}

fn per_second(count: usize, time: Duration) -> u64 {
    (count as u128 * 1_000_000 / time.as_micros().max(1)).try_into().unwrap_or(u64::MAX)
}

/// Returns the claims per second of several schedulers together, in the best of some rounds. Asserts that none is
/// doubled.
fn claims(place: &Place, schedulers: usize) -> u64 {
    let store = place.empty().unwrap();
    let count = jobs(place) * 4;
    add(&*store, count, second(0));
    let stores: Vec<_> = (0..schedulers).map(|_| place.open().unwrap()).collect();
    let best = (0..ROUNDS).map(|hour| claims_at(&stores, count, second(hour * 3600))).min();
    per_second(count, best.unwrap())
}

/// Returns how long it takes to claim all jobs that are due at this time.
fn claims_at(stores: &[Arc<dyn JobStore>], count: usize, now: Timestamp) -> Duration {
    let left = AtomicUsize::new(count);
    let start = Instant::now();
    let claimed: Vec<_> = std::thread::scope(|scope| {
        let schedulers = stores.iter().map(|store| {
            scope.spawn(|| {
                let mut claimed = Vec::new();
                // Jobs held by others may be left for another scan.
                while left.load(Ordering::Relaxed) > 0 {
                    let some = claim_all(&**store, now);
                    left.fetch_sub(some.len(), Ordering::Relaxed);
                    claimed.extend(some);
                }
                claimed
            })
        });
        let schedulers: Vec<_> = schedulers.collect();
        schedulers.into_iter().flat_map(|scheduler| scheduler.join().unwrap()).collect()
    });
    let time = start.elapsed();
    let distinct: HashSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (count, count), "each is claimed once");
    time
}

/// Measures a wake-up with one due job among many: the claim, and finding the next run time.
fn wake_up(place: &Place, stored: usize) -> (Duration, Duration) {
    let store = place.apart("wake_up").empty().unwrap();
    add(&*store, stored / place.divisor, second(FAR));
    let records = Records::of(&*store);
    store.add_jobs(vec![records.new_record("due", Some(second(0)))]).unwrap();
    let times = (0..300)
        .map(|hour| {
            let now = second(hour * 3600);
            let start = Instant::now();
            let claimed = claim_all(&*store, now);
            let next = store.next_run_time(Some(now)).unwrap();
            let elapsed = start.elapsed();
            assert_eq!((claimed.len(), next), (1, Some(now + TimeDelta::hours(1))));
            elapsed
        })
        .collect();
    store.remove_all_jobs().unwrap();
    median_and_p99(times)
}

/// Returns the runs per second of several whole schedulers, with jobs that run again in an hour, up to the shutdown, when
/// all records are written.
fn runs(place: &Place, schedulers: usize, history: History) -> u64 {
    place.empty().unwrap();
    let count = jobs(place) * schedulers;
    let bench = |_| Bench::recording(DebugExecutor::new(), place.config.clone(), history).unwrap();
    let benches: Vec<_> = (0..schedulers).map(bench).collect();
    benches[0].scheduler().add_jobs(benches[0].hourly_jobs(count)).unwrap();
    let start = Instant::now();
    Bench::run_together(&benches, count).unwrap();
    for bench in &benches {
        bench.scheduler().shutdown(Shutdown::Wait).unwrap();
    }
    per_second(count, start.elapsed())
}

/// Returns the jobs added and run per second by APScheduler.
fn python(place: &Place) -> Option<(u64, u64)> {
    let interpreter = std::env::var_os("APSCHEDULER_BENCH_PYTHON")?;
    let [kind, url] = place.python.as_ref()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/apscheduler_stores.py");
    let output = Command::new(interpreter).args([script, kind, url, "1000"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let numbers: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"));
    let number = |name: &str| numbers[name].as_u64().unwrap();
    Some((number("added_per_s"), number("run_per_s")))
}

fn main() {
    let folder = tempfile::TempDir::new().unwrap();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let stored = arguments.iter().position(|argument| argument == "--stored");
    let stored: usize =
        stored.map_or(100_000, |place| arguments[place + 1].parse().expect("--stored NUMBER"));
    let is_picked = |place: &Place| arguments.iter().any(|argument| argument == place.name);
    let places = Place::all(folder.path());
    let any_picked = places.iter().any(is_picked);
    for place in places.iter().filter(|place| !any_picked || is_picked(place)) {
        let count = jobs(place);
        let added = add(&*place.empty().unwrap(), count, second(0));
        println!("{}: {count} jobs added in one call in {added:.0?}", place.name);
        let [alone, together] = [1, SCHEDULERS].map(|schedulers| claims(place, schedulers));
        println!("  {alone} claims/s by one scheduler, {together} by {SCHEDULERS} together");
        let both = |history| [1, SCHEDULERS].map(|schedulers| runs(place, schedulers, history));
        let [runs, together] = both(History::Off);
        let [failures, failures_together] = both(History::Failures);
        let [all, all_together] = both(History::All);
        println!("  {runs} runs/s through one whole scheduler, {together} through {SCHEDULERS}");
        println!(
            "  with the records of failures: {failures} and {failures_together}; of all: {all} and {all_together}"
        );
        if let Some((added_by_python, run_by_python)) = python(place) {
            println!(
                "  APScheduler 3.11.3: {added_by_python} added/s, {run_by_python} runs/s; we add {} times as many, and run {} \
                 times as many",
                per_second(count, added) / added_by_python.max(1),
                runs / run_by_python.max(1)
            );
        }
        let (median, p99) = wake_up(place, stored);
        println!(
            "  a wake-up with 1 due of {} stored: median {median:.2?}, p99 {p99:.2?}",
            stored / place.divisor
        );
    }
}
