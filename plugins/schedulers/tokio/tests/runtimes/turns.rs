//! Jobs in turns of the loop, which is one task among others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use apscheduler_core::job::JobBuilder;
use apscheduler_executor_loop::LoopExecutor;
use tokio::sync::mpsc::unbounded_channel;

use crate::scheduler;

/// How long one turn runs jobs. A job that takes this long is the only one of its turn.
const SLICE: Duration = Duration::from_millis(10);

const JOBS: usize = 8;

/// The runtime has one thread. A task that yields continues after sockets and timers were polled, so this covers those
/// too.
#[tokio::test]
async fn other_tasks_run_between_jobs() {
    let scheduler = scheduler();
    scheduler.add_executor("loop", LoopExecutor::new()).await.unwrap();
    let turns = Arc::new(AtomicUsize::new(0));
    let (sender, mut seen) = unbounded_channel();
    for _ in 0..JOBS {
        let (sender, turns) = (sender.clone(), Arc::clone(&turns));
        let job = move || {
            std::thread::sleep(SLICE);
            sender.send(turns.load(Ordering::SeqCst)).unwrap();
        };
        scheduler.add_job(JobBuilder::new(job).executor("loop")).await.unwrap();
    }
    let other = tokio::spawn(async move {
        loop {
            turns.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    scheduler.start().await.unwrap();
    let mut seen_turns = Vec::new();
    for _ in 0..JOBS {
        seen_turns.push(seen.recv().await.unwrap());
    }
    // Of two tasks that yield, tokio may poll either first each time.
    assert!(seen_turns.windows(3).all(|jobs| jobs[0] < jobs[2]), "{seen_turns:?}");
    other.abort();
}
