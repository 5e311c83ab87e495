//! A million runs through each executor: the memory of the process, and of its workers, must not grow.
//!
//! Fails if it does. A name selects one executor: `cargo xtask bench --bench soak -- processpool`.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::process::ExitCode;
use std::time::Instant;

use apscheduler::Shutdown;
use apscheduler_benches::{Bench, NO_OP, NO_OP_ASYNC, register_uncounted};
use apscheduler_executor_debug::DebugExecutor;
use apscheduler_executor_processpool::{ProcessPoolExecutor, worker};
use apscheduler_executor_threadpool::ThreadPoolExecutor;
use apscheduler_executor_tokio::TokioExecutor;
use apscheduler_store_memory::MemoryJobStore;

const ROUNDS: usize = 20;
const RUNS: usize = 50_000;

/// The number of rounds after which sizes are stable: pools have started, queues and caches have been full.
const WARM: usize = 5;

/// How much memory allocators may keep without a leak, in KiB. A leak of 8 bytes per run would be 5,800.
const SLACK: u64 = 4096;

/// Returns the resident memory of this process and its children, in KiB.
fn memory() -> u64 {
    let mut processes = vec![std::process::id().to_string()];
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let children = std::fs::read_to_string(task.unwrap().path().join("children"));
        processes.extend(children.unwrap_or_default().split_whitespace().map(str::to_owned));
    }
    let resident = |process: &String| -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    processes.iter().filter_map(resident).sum()
}

/// Returns whether the memory is stable.
fn soak(name: &str, function: &str, bench: &Bench) -> bool {
    let start = Instant::now();
    let mut sizes = Vec::new();
    for round in 1..=ROUNDS {
        bench.scheduler().add_jobs(bench.due_jobs_of(function, RUNS)).unwrap();
        bench.run(round * RUNS).unwrap();
        assert_eq!(bench.scheduler().get_jobs().unwrap().len(), 0, "all jobs have finished");
        sizes.push(memory());
    }
    let runs = ROUNDS * RUNS;
    let micros = start.elapsed().as_micros() / runs as u128;
    let (warm, last) = (sizes[WARM], sizes[ROUNDS - 1]);
    let steady = last <= warm + SLACK;
    let verdict = if steady { "steady" } else { "IT GROWS" };
    println!(
        "{name}: {runs} runs, {micros} µs each with adding them; {warm} KiB after {} runs, {last} KiB at the end: {verdict}",
        (WARM + 1) * RUNS
    );
    if !steady {
        println!("  after each round: {sizes:?}");
    }
    steady
}

fn main() -> ExitCode {
    worker::init_with(apscheduler::builtin::plugins, |registry, _| register_uncounted(registry));
    let memory = MemoryJobStore::new;
    let all: [(&str, &str, &dyn Fn() -> Bench); 5] = [
        ("debug", NO_OP, &|| Bench::new(DebugExecutor::new(), memory()).unwrap()),
        ("threadpool", NO_OP, &|| Bench::new(ThreadPoolExecutor::new(10), memory()).unwrap()),
        ("tokio", NO_OP_ASYNC, &|| Bench::new(TokioExecutor::new(), memory()).unwrap()),
        ("tokio, plain functions", NO_OP, &|| Bench::new(TokioExecutor::new(), memory()).unwrap()),
        ("processpool", NO_OP, &|| {
            Bench::listening(ProcessPoolExecutor::new(2), memory()).unwrap()
        }),
    ];
    let picked: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut steady = true;
    for (name, function, bench) in all {
        if picked.is_empty() || picked.iter().any(|pick| name.starts_with(pick.as_str())) {
            let bench = bench();
            steady &= soak(name, function, &bench);
            bench.scheduler().shutdown(Shutdown::Wait).unwrap();
        }
    }
    if steady { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
