//! Turns of the event loop in which jobs run.

use std::sync::mpsc::channel;
use std::time::Duration;

use apscheduler_core::job::JobBuilder;
use apscheduler_executor_loop::LoopExecutor;
use apscheduler_testkit::SteppedScheduler;

use crate::recorder::scheduler;

/// How long one turn runs jobs. A job that takes this long is the only one of its turn, however slow the machine is.
const SLICE: Duration = Duration::from_millis(10);

fn on_the_loop() -> SteppedScheduler {
    let scheduler = scheduler();
    scheduler.add_executor("default", LoopExecutor::new()).unwrap();
    scheduler.start().unwrap();
    scheduler
}

#[test]
fn a_turn_with_many_runs_yields() {
    let scheduler = on_the_loop();
    let executor = scheduler.executor("default").unwrap();
    let (sender, ran) = channel();
    for number in 0..4 {
        let sender = sender.clone();
        let job = move || {
            std::thread::sleep(SLICE);
            sender.send(number).unwrap();
        };
        scheduler.add_job(JobBuilder::new(job)).unwrap();
    }
    let wakes = scheduler.wakes();
    // All are due, and submitted. The loop is woken to run them.
    assert!(scheduler.turn().is_some());
    assert!(scheduler.wakes() > wakes);
    for number in 0..3 {
        assert_eq!(executor.load().queued, 4 - number);
        // It does not sleep, but yields and continues at once.
        assert_eq!(scheduler.turn(), Some(Duration::ZERO));
        assert_eq!(ran.try_iter().collect::<Vec<_>>(), [number]);
    }
    let sleep = scheduler.turn().unwrap();
    assert_eq!(ran.try_iter().collect::<Vec<_>>(), [3]);
    assert!(sleep > Duration::ZERO);
}

#[test]
fn jobs_that_become_due_do_not_wait_for_all_runs() {
    let scheduler = on_the_loop();
    scheduler.add_executor("other", "debug").unwrap();
    let (sender, ran) = channel();
    for number in 0..3 {
        let (sender, handle) = (sender.clone(), scheduler.handle());
        let job = move || {
            std::thread::sleep(SLICE);
            sender.send(format!("{number}")).unwrap();
            let sender = sender.clone();
            let other = move || sender.send(format!("after {number}")).unwrap();
            handle.add_job(JobBuilder::new(other).executor("other")).unwrap();
        };
        scheduler.add_job(JobBuilder::new(job)).unwrap();
    }
    for _ in 0..4 {
        scheduler.turn().unwrap();
    }
    let order: Vec<String> = ran.try_iter().collect();
    assert_eq!(order, ["0", "after 0", "1", "after 1", "2", "after 2"]);
}
