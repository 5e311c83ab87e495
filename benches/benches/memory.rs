//! The memory store: adding jobs, and claiming, dispatching and finishing due jobs.
//!
//! Target: 100,000 due no-op jobs in 0.1 s through the debug executor and in 0.3 s through the thread pool, 1,000,000
//! jobs added in 2 s.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use apscheduler_benches::Bench;
use apscheduler_core::ledger::History;
use apscheduler_executor_debug::DebugExecutor;
use apscheduler_executor_threadpool::ThreadPoolExecutor;
use apscheduler_store_memory::MemoryJobStore;
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

const DUE: usize = 100_000;
const MANY: usize = 1_000_000;

#[divan::bench(sample_count = 10, sample_size = 1)]
fn run_100_000_through_debug(bencher: Bencher<'_, '_>) {
    let bench = || {
        let bench = Bench::new(DebugExecutor::new(), MemoryJobStore::new()).unwrap();
        bench.scheduler().add_jobs(bench.due_jobs(DUE)).unwrap();
        bench
    };
    bencher.counter(ItemsCount::new(DUE)).with_inputs(bench).bench_values(|bench| {
        bench.run(DUE).unwrap();
        bench
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn run_100_000_through_the_thread_pool(bencher: Bencher<'_, '_>) {
    let bench = || {
        let bench = Bench::new(ThreadPoolExecutor::new(10), MemoryJobStore::new()).unwrap();
        bench.scheduler().add_jobs(bench.due_jobs(DUE)).unwrap();
        bench
    };
    bencher.counter(ItemsCount::new(DUE)).with_inputs(bench).bench_values(|bench| {
        bench.run(DUE).unwrap();
        bench
    });
}

/// To be met with the ring of records: 500,000 runs a second.
#[divan::bench(args = [History::Off, History::All], sample_count = 10, sample_size = 1)]
fn run_and_record_100_000(bencher: Bencher<'_, '_>, history: History) {
    let inputs = || {
        let (executor, store) = (DebugExecutor::new(), MemoryJobStore::new());
        let bench = Bench::recording(executor, store, history).unwrap();
        bench.scheduler().add_jobs(bench.due_jobs(DUE)).unwrap();
        bench
    };
    bencher.counter(ItemsCount::new(DUE)).with_inputs(inputs).bench_values(|bench| {
        bench.run(DUE).unwrap();
        bench
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn add_1_000_000(bencher: Bencher<'_, '_>) {
    let bench = || {
        let bench = Bench::new(DebugExecutor::new(), MemoryJobStore::new()).unwrap();
        let jobs = bench.due_jobs(MANY);
        (bench, jobs)
    };
    bencher
        .counter(ItemsCount::new(MANY))
        .with_inputs(bench)
        .bench_values(|(bench, jobs)| (bench.scheduler().add_jobs(jobs).unwrap(), bench));
}
