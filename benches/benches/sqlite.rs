//! The SQLite store: adding, claiming and advancing in batches of 1,000, and waking up for one due job among many.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use std::sync::Arc;

use apscheduler_benches::Bench;
use apscheduler_core::Shutdown;
use apscheduler_core::ledger::History;
use apscheduler_core::store::JobStore;
use apscheduler_executor_debug::DebugExecutor;
use apscheduler_store_sqlite::SqliteJobStore;
use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;

fn main() {
    divan::main();
}

const DUE: usize = 10_000;

fn bench() -> (Bench, TempDir) {
    recording(History::Off)
}

fn recording(history: History) -> (Bench, TempDir) {
    let folder = TempDir::new().unwrap();
    let store = SqliteJobStore::open(folder.path().join("jobs.sqlite"));
    let store: Arc<dyn JobStore> = Arc::new(store);
    (Bench::recording(DebugExecutor::new(), store, history).unwrap(), folder)
}

/// Claims, runs and their records, up to the shutdown.
#[divan::bench(args = [History::Off, History::Failures, History::All], sample_count = 10, sample_size = 1)]
fn run_and_record_10_000(bencher: Bencher<'_, '_>, history: History) {
    let inputs = || {
        let (bench, folder) = recording(history);
        bench.scheduler().add_jobs(bench.hourly_jobs(DUE)).unwrap();
        (bench, folder)
    };
    bencher.counter(ItemsCount::new(DUE)).with_inputs(inputs).bench_values(|(bench, folder)| {
        bench.run(DUE).unwrap();
        bench.scheduler().shutdown(Shutdown::Wait).unwrap();
        (bench, folder)
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn add_10_000(bencher: Bencher<'_, '_>) {
    let inputs = || {
        let (bench, folder) = bench();
        let jobs = bench.due_jobs(DUE);
        (bench, jobs, folder)
    };
    bencher.counter(ItemsCount::new(DUE)).with_inputs(inputs).bench_values(
        |(bench, jobs, folder)| (bench.scheduler().add_jobs(jobs).unwrap(), bench, folder),
    );
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn run_10_000(bencher: Bencher<'_, '_>) {
    let inputs = || {
        let (bench, folder) = bench();
        bench.scheduler().add_jobs(bench.due_jobs(DUE)).unwrap();
        (bench, folder)
    };
    bencher.counter(ItemsCount::new(DUE)).with_inputs(inputs).bench_values(|(bench, folder)| {
        bench.run(DUE).unwrap();
        (bench, folder)
    });
}
