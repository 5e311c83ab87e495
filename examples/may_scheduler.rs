//! A scheduler that is a coroutine of may: hundreds of plain functions wait without a thread for each.
#![allow(clippy::print_stdout, reason = "an example")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use apscheduler::Result;
use apscheduler::prelude::*;
use may::coroutine;

fn main() -> Result<()> {
    // Before anything else: may has one set of threads for the whole process.
    may::config().set_workers(2).set_worker_pin(false);
    let scheduler = MayScheduler::new();
    scheduler.start()?;

    let (since, naps) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..500 {
        let naps = Arc::clone(&naps);
        scheduler.add_job(JobBuilder::new(move || {
            // Not `std::thread::sleep`, which would block the other coroutines on its thread.
            coroutine::sleep(Duration::from_millis(200));
            naps.fetch_add(1, Ordering::Relaxed);
        }))?;
    }
    let every_100_ms = IntervalTrigger::every(Duration::from_millis(100));
    let naps_so_far = Arc::clone(&naps);
    let watch = move || println!("{} naps have ended", naps_so_far.load(Ordering::Relaxed));
    scheduler.add_job(JobBuilder::new(watch).id("watch").trigger(every_100_ms))?;

    coroutine::sleep(Duration::from_millis(350));
    scheduler.shutdown(Shutdown::Wait)?;
    let naps = naps.load(Ordering::Relaxed);
    println!("{naps} naps of 200 ms on two threads took {} ms", since.elapsed().as_millis());
    Ok(())
}
