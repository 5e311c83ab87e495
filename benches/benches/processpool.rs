//! The round trip of a run to a worker process and back, compared with a byte through pipes to another process and
//! back.
//!
//! Target: a median below 60 µs with one worker.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apscheduler_benches::{Bench, median_and_p99, register_uncounted};
use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_executor_processpool::{ProcessPoolExecutor, worker};
use apscheduler_store_memory::MemoryJobStore;

const RUNS: usize = 50_000;

/// Returns the times between the ends of consecutive runs in one worker.
fn round_trips() -> Vec<Duration> {
    let bench = Bench::listening(ProcessPoolExecutor::new(1), MemoryJobStore::new()).unwrap();
    let ends = Arc::new(Mutex::new(Vec::with_capacity(RUNS)));
    let times = Arc::clone(&ends);
    bench.scheduler().add_listener(EventMask::JOB_EXECUTED, move |_| {
        times.lock().unwrap().push(Instant::now());
    });
    bench.scheduler().add_jobs(bench.due_jobs(RUNS)).unwrap();
    bench.run(RUNS).unwrap();
    bench.scheduler().shutdown(Shutdown::Wait).unwrap();
    let ends = ends.lock().unwrap();
    ends.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn bare_round_trips() -> Vec<Duration> {
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut to, mut from) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
    let mut trip = || {
        let start = Instant::now();
        to.write_all(&[1]).unwrap();
        from.read_exact(&mut [0]).unwrap();
        start.elapsed()
    };
    let trips = (0..RUNS).map(|_| trip()).collect();
    drop(to);
    cat.wait().unwrap();
    trips
}

fn main() {
    worker::init_with(apscheduler::builtin::plugins, |registry, _| register_uncounted(registry));
    for _ in 0..3 {
        let (bare, _) = median_and_p99(bare_round_trips());
        let (median, p99) = median_and_p99(round_trips());
        println!(
            "a run in a worker process: median {median:.1?}, p99 {p99:.1?}; \
             a byte through `cat`: median {bare:.1?}; ratio of the medians {:.1}",
            median.as_secs_f64() / bare.as_secs_f64()
        );
    }
}
