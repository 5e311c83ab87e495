//! The whole path of a run, from the memory store through an executor to its outcome, with no-op jobs.
//!
//! Target: 500,000 runs/s through the thread pool and through tokio, on two cores.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use apscheduler_benches::{Bench, NO_OP, NO_OP_ASYNC};
use apscheduler_core::registry::IntoExecutor;
use apscheduler_executor_threadpool::ThreadPoolExecutor;
use apscheduler_executor_tokio::{TokioExecutor, TokioOptions};
use apscheduler_store_memory::MemoryJobStore;
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

const RUNS: usize = 500_000;

fn run<E: IntoExecutor>(bencher: Bencher<'_, '_>, function: &str, executor: impl Fn() -> E) {
    let bench = || {
        let bench = Bench::new(executor(), MemoryJobStore::new()).unwrap();
        bench.scheduler().add_jobs(bench.due_jobs_of(function, RUNS)).unwrap();
        bench
    };
    bencher.counter(ItemsCount::new(RUNS)).with_inputs(bench).bench_local_values(|bench| {
        bench.run(RUNS).unwrap();
        bench
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn thread_pool(bencher: Bencher<'_, '_>) {
    run(bencher, NO_OP, || ThreadPoolExecutor::new(10));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn thread_pool_async(bencher: Bencher<'_, '_>) {
    run(bencher, NO_OP_ASYNC, || ThreadPoolExecutor::new(10));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn tokio(bencher: Bencher<'_, '_>) {
    run(bencher, NO_OP_ASYNC, TokioExecutor::new);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn tokio_with_a_limit(bencher: Bencher<'_, '_>) {
    run(bencher, NO_OP_ASYNC, || {
        TokioExecutor::with_options(&TokioOptions::default().max_workers(10)).unwrap()
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn tokio_plain_functions(bencher: Bencher<'_, '_>) {
    run(bencher, NO_OP, TokioExecutor::new);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn tokio_plain_functions_with_a_limit(bencher: Bencher<'_, '_>) {
    run(bencher, NO_OP, || {
        TokioExecutor::with_options(&TokioOptions::default().max_workers(10)).unwrap()
    });
}
