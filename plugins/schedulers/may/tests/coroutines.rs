//! Behavior specific to coroutines: they wait without blocking a thread, and may continue on another one.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use apscheduler_core::Result;
use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::function::JobContext;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::registry::PluginKind;
use apscheduler_engine::JobContextExt as _;
use apscheduler_engine::SchedulerState;
use apscheduler_executor_may::{MayExecutor, MayOptions};
use apscheduler_scheduler_may::{MayScheduler, PLUGIN};
use apscheduler_testkit::TestPlugins;
use apscheduler_testkit::schedulers::{Events, eventually};
use apscheduler_triggers::IntervalTrigger;
use may::coroutine;
use may::sync::mpsc::channel;

fn started() -> (MayScheduler<TestPlugins>, Events) {
    let scheduler: MayScheduler<TestPlugins> = MayScheduler::new();
    let events = Events::of(&scheduler);
    scheduler.start().unwrap();
    (scheduler, events)
}

fn job(id: &str, function: impl Fn(&JobContext) -> bool + Send + Sync + 'static) -> JobBuilder {
    JobBuilder::new(function).id(id).misfire_grace_time(None)
}

/// A thousand jobs that wait at the same time take a moment, on a few threads; one after the other, they would take
/// long.
#[test]
fn a_thousand_jobs_wait_at_once() {
    const JOBS: usize = 1000;
    let (scheduler, events) = started();
    let (arrived, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(may::sync::Semphore::new(0)));
    let jobs = (0..JOBS).map(|number| {
        let (arrived, gate) = (Arc::clone(&arrived), Arc::clone(&gate));
        job(&format!("{number}"), move |_| {
            coroutine::sleep(Duration::from_millis(10));
            arrived.fetch_add(1, Ordering::SeqCst);
            gate.wait();
            true
        })
    });
    scheduler.add_jobs(jobs.collect()).unwrap();
    eventually("all of them run", || arrived.load(Ordering::SeqCst) == JOBS);
    assert_eq!(scheduler.executor("default").unwrap().load().running, JOBS);
    (0..JOBS).for_each(|_| gate.post());
    events.wait_for_all(JOBS);
    scheduler.shutdown(Shutdown::Wait).unwrap();
    assert_eq!(events.received().outcomes, JOBS);
    assert_eq!(scheduler.instances(), 0);
}

#[test]
fn all_calls_may_be_made_in_a_coroutine() {
    let (sender, receiver) = channel();
    let body = move || -> Result<()> {
        let (scheduler, events) = started();
        let (ran, runs) = channel();
        scheduler.add_job(job("a", move |_| {
            coroutine::sleep(Duration::from_millis(20));
            ran.send(()).is_ok()
        }))?;
        runs.recv().unwrap();
        scheduler.shutdown(Shutdown::Wait)?;
        assert_eq!(events.count("a", EventMask::JOB_EXECUTED), 1, "it did not wait");
        scheduler.start()?;
        drop(scheduler);
        Ok(())
    };
    let handle = may::go!(move || sender.send(body()).unwrap());
    receiver.recv().unwrap().unwrap();
    // See `spawn`: the memory of a coroutine is used for a moment after its end.
    std::mem::forget(handle);
}

/// A shutdown that blocked its thread would prevent the others from ending.
#[test]
fn jobs_that_shut_down_wait_for_those_that_sleep() {
    for workers in [1, 3] {
        let (scheduler, events) = started();
        scheduler.add_executor("few", MayExecutor::new(workers)).unwrap();
        let stop = job("stop", |context| {
            coroutine::sleep(Duration::from_millis(20));
            context.scheduler().unwrap().shutdown(Shutdown::Wait).is_ok()
        });
        let nap = |number: usize| {
            job(&format!("{number}"), |_| {
                coroutine::sleep(Duration::from_millis(50));
                true
            })
        };
        let jobs = std::iter::once(stop).chain((0..5).map(nap));
        scheduler.pause().unwrap();
        scheduler.add_jobs(jobs.map(|job| job.executor("few")).collect()).unwrap();
        scheduler.resume().unwrap();
        events.wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
        // All runs submitted before the shutdown have ended when it returns; "stop" itself is about to end.
        let submitted = (0..5)
            .filter(|number| events.count(&format!("{number}"), EventMask::JOB_SUBMITTED) == 1);
        for number in submitted {
            assert_eq!(
                events.count(&format!("{number}"), EventMask::JOB_EXECUTED),
                1,
                "{workers} workers"
            );
        }
        let outcome = &events.wait_for("stop", 1)[0];
        assert!(
            matches!(outcome, Event::JobExecuted { retval, .. } if **retval == true),
            "{outcome:?}"
        );
        eventually("no instance is left", || scheduler.instances() == 0);
    }
}

#[test]
fn a_timeout_cancels_the_token_of_a_plain_function() {
    let (scheduler, events) = started();
    let until_cancelled = |context: &JobContext| {
        let since = Instant::now();
        while !context.cancellation().is_cancelled() && since.elapsed() < Duration::from_mins(1) {
            coroutine::sleep(Duration::from_millis(1));
        }
        context.cancellation().is_cancelled()
    };
    scheduler.add_job(job("long", until_cancelled).timeout(Duration::from_millis(50))).unwrap();
    let outcome = &events.wait_for("long", 1)[0];
    // It has succeeded, so that is its outcome.
    assert!(
        matches!(outcome, Event::JobExecuted { retval, .. } if **retval == true),
        "{outcome:?}"
    );
    let short = |context: &JobContext| context.cancellation().is_cancelled();
    scheduler.add_job(job("short", short).timeout(Duration::MAX)).unwrap();
    let outcome = &events.wait_for("short", 1)[0];
    assert!(
        matches!(outcome, Event::JobExecuted { retval, .. } if **retval == false),
        "{outcome:?}"
    );
}

#[test]
fn a_shutdown_that_does_not_wait_cancels_sleepers() {
    let (scheduler, events) = started();
    let (arrived, arrivals) = channel();
    scheduler
        .add_job(job("a", move |context| {
            arrived.send(()).unwrap();
            while !context.cancellation().is_cancelled() {
                coroutine::sleep(Duration::from_millis(1));
            }
            true
        }))
        .unwrap();
    arrivals.recv().unwrap();
    scheduler.shutdown(Shutdown::Now).unwrap();
    events.wait_for("a", 1);
    eventually("no instance is left", || scheduler.instances() == 0);
}

#[test]
fn a_panic_after_a_wait_is_an_error_of_its_run_alone() {
    let (scheduler, events) = started();
    for number in 0..50 {
        let panics = move |_: &JobContext| -> bool {
            coroutine::sleep(Duration::from_millis(1));
            std::panic::resume_unwind(Box::new(format!("number {number}")))
        };
        scheduler.add_job(job(&format!("{number}"), panics)).unwrap();
    }
    events.wait_for_all(50);
    let errors = events
        .received()
        .events
        .iter()
        .filter(|event| event.code() == EventMask::JOB_ERROR)
        .count();
    assert_eq!(errors, 50);
    eventually("no instance is left", || scheduler.instances() == 0);
}

#[test]
fn an_async_function_may_be_woken_from_any_thread() {
    let (scheduler, events) = started();
    scheduler
        .add_job(
            JobBuilder::new(|context: JobContext| async move {
                let token = context.cancellation().clone();
                std::thread::spawn(move || token.cancel());
                context.cancellation().cancelled().await;
            })
            .id("a"),
        )
        .unwrap();
    let outcome = &events.wait_for("a", 1)[0];
    assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
}

#[test]
fn a_small_stack_is_enough_for_a_small_job() {
    let scheduler: MayScheduler<TestPlugins> = MayScheduler::new();
    let events = Events::of(&scheduler);
    let executor = MayExecutor::with_options(&MayOptions::default().stack_size(64 * 1024)).unwrap();
    scheduler.add_executor("default", executor).unwrap();
    scheduler.start().unwrap();
    scheduler.add_job(job("a", |_| true)).unwrap();
    assert_eq!(events.wait_for("a", 1)[0].code(), EventMask::JOB_EXECUTED);
}

#[expect(unconditional_recursion, reason = "tests the overflow")]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 32]);
    recurse(depth + 1) + frame[7]
}

/// Without it, the run would have no outcome, and a shutdown would never return.
#[test]
fn an_overflow_of_the_stack_ends_the_process() {
    const CHILD: &str = "APSCHEDULER_TEST_OVERFLOW";
    if std::env::var_os(CHILD).is_some() {
        let (scheduler, events) = started();
        scheduler.add_job(job("a", |_| recurse(0) > 0)).unwrap();
        events.wait_for("a", 1);
        return;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "an_overflow_of_the_stack_ends_the_process", "--nocapture"]);
    let output = child.env(CHILD, "1").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    assert!(stderr.contains("see the option `stack_size`"), "{stderr}");
}

/// The loop sleeps and is woken all the time; no fire is lost or early.
#[test]
fn intervals_are_kept_while_others_wake_the_loop() {
    const RUNS: usize = 20;
    let (scheduler, events) = started();
    let early = Arc::new(AtomicUsize::new(0));
    for number in 0..50 {
        let early = Arc::clone(&early);
        let clock = scheduler.clock().clone();
        let every = IntervalTrigger::every(Duration::from_millis(20));
        let check = move |context: &JobContext| {
            early.fetch_add(
                usize::from(clock.now() < context.scheduled_run_time()),
                Ordering::SeqCst,
            );
            true
        };
        scheduler.add_job(job(&format!("{number}"), check).coalesce(false).trigger(every)).unwrap();
    }
    for number in 0..RUNS {
        let (sender, receiver) = channel();
        scheduler
            .add_job(job(&format!("once {number}"), move |_| sender.send(()).is_ok()))
            .unwrap();
        receiver.recv().unwrap();
    }
    events.wait_for_all(50 * RUNS);
    assert_eq!(early.load(Ordering::SeqCst), 0);
    scheduler.shutdown(Shutdown::Wait).unwrap();
}

#[test]
fn the_scheduler_can_be_dropped_while_it_runs() {
    for _ in 0..20 {
        let (scheduler, events) = started();
        scheduler.add_job(job("a", |_| true)).unwrap();
        let handle = scheduler.handle();
        drop(scheduler);
        events.wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
        assert_eq!(handle.state(), SchedulerState::Stopped);
    }
}

#[test]
fn the_plugins_have_the_names_of_apscheduler() {
    let registry = apscheduler_testkit::registry();
    registry.register(PLUGIN.clone()).unwrap();
    registry.register(apscheduler_executor_may::PLUGIN.clone()).unwrap();
    for (kind, class) in [
        (PluginKind::Scheduler, "apscheduler.schedulers.gevent:GeventScheduler"),
        (PluginKind::Executor, "apscheduler.executors.gevent:GeventExecutor"),
    ] {
        for name in ["may", "gevent", class] {
            assert_eq!(registry.find(kind, name).unwrap().name(), "may");
        }
    }
}

#[test]
fn jobs_are_coroutines_with_the_plugins_of_core() {
    let (scheduler, events) = started();
    scheduler.add_job(job("a", |_| coroutine::is_coroutine())).unwrap();
    let outcome = &events.wait_for("a", 1)[0];
    assert!(
        matches!(outcome, Event::JobExecuted { retval, .. } if **retval == true),
        "{outcome:?}"
    );
}
