//! Many run times are due at once: after a long sleep, or in a slow process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::Clock as _;
use apscheduler_engine::job::NextRunTime;
use chrono::TimeDelta;

use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

#[test]
fn run_times_coalesce_into_the_last() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    scheduler
        .add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10)).misfire_grace_time(None))
        .unwrap();
    scheduler.advance(TimeDelta::seconds(35));
    let events = events.take();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].scheduled_run_times(), [at(30)]);
    assert_eq!(scheduler.get_job("a").unwrap().unwrap().next_run_time(), NextRunTime::At(at(40)));
}

#[test]
fn without_coalescing_every_run_time_has_an_outcome() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED | EventMask::JOB_SUBMITTED);
    let job = JobBuilder::new("tests::ok")
        .id("a")
        .trigger(every(10))
        .coalesce(false)
        .misfire_grace_time(None);
    scheduler.add_job(job).unwrap();
    scheduler.advance(TimeDelta::seconds(35));
    let events = events.take();
    assert_eq!(events[0].scheduled_run_times(), [at(10), at(20), at(30)]);
    let ran: Vec<_> = events[1..].iter().map(|event| event.scheduled_run_times()[0]).collect();
    assert_eq!(ran, [at(10), at(20), at(30)]);
}

#[test]
fn a_long_sleep_is_caught_up_in_batches_and_nothing_is_lost() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(
        &scheduler,
        EventMask::JOB_SUBMITTED
            | EventMask::JOB_MISSED
            | EventMask::JOB_EXECUTED
            | EventMask::JOB_MAX_INSTANCES,
    );
    scheduler
        .add_job(JobBuilder::new("tests::ok").id("a").trigger(every(1)).coalesce(false))
        .unwrap();
    scheduler.manual_clock().advance(TimeDelta::seconds(5000));
    // The end of each batch requests the next.
    for _ in 0..10 {
        scheduler.step();
    }
    let (mut largest, mut outcomes) = (0, Vec::new());
    for event in events.take() {
        match &event {
            Event::JobSubmitted { scheduled_run_times, .. } => {
                largest = largest.max(scheduled_run_times.len());
            }
            Event::JobMaxInstances { .. } => panic!("{event:?}"),
            outcome => outcomes.push(outcome.scheduled_run_times()[0]),
        }
    }
    assert_eq!(outcomes, (1..=5000).map(at).collect::<Vec<_>>());
    assert!(largest <= 1000, "one claim took {largest} run times");
}

/// The end of another instance must not start the next batch before the current one has ended.
#[test]
fn several_instances_keep_the_run_times_of_a_catching_up_job_in_order() {
    let (scheduler, held) = (scheduler(), HeldRuns::new(usize::MAX));
    scheduler.add_executor("held", held.clone()).unwrap();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED | EventMask::JOB_MAX_INSTANCES);
    let job = JobBuilder::new("tests::ok").executor("held").trigger(every(1)).max_instances(3);
    scheduler.add_job(job.coalesce(false).misfire_grace_time(None)).unwrap();
    scheduler.advance(TimeDelta::seconds(1));
    scheduler.advance(TimeDelta::seconds(2500));
    assert_eq!(held.len(), 2, "the run of the first second, and the first batch");
    held.execute(0);
    scheduler.step();
    assert_eq!(held.len(), 1, "the second batch waits for the first");
    while held.execute_all() > 0 {
        scheduler.step();
    }
    let times: Vec<_> = events.take().iter().map(|event| event.scheduled_run_times()[0]).collect();
    assert_eq!(times, (1..=2501).map(at).collect::<Vec<_>>());
}

/// The next batch starts after the last outcome of the current one was reported, not when its slot is free.
#[test]
fn the_last_outcome_of_a_batch_comes_before_the_next_batch() {
    let (scheduler, held) = (scheduler(), HeldRuns::new(usize::MAX));
    scheduler.add_executor("held", held.clone()).unwrap();
    scheduler.start().unwrap();
    let (handle, waiting) = (scheduler.handle(), held.clone());
    let clock = scheduler.manual_clock().clone();
    let early = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&early);
    scheduler.add_listener(EventMask::JOB_EXECUTED, move |event| {
        if event.scheduled_run_times() == [at(1000)] {
            // A pass for another reason, while the outcome is reported.
            handle.add_job(JobBuilder::new("tests::ok").id("other")).unwrap();
            handle.process_jobs(clock.now());
            seen.fetch_add(waiting.len(), Ordering::SeqCst);
        }
    });
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    let job = JobBuilder::new("tests::ok").id("a").executor("held").trigger(every(1));
    let job = job.coalesce(false).misfire_grace_time(None).max_instances(2);
    scheduler.add_job(job).unwrap();
    scheduler.advance(TimeDelta::seconds(1500));
    while held.execute_all() > 0 {
        scheduler.step();
    }
    assert_eq!(early.load(Ordering::SeqCst), 0, "the next batch was submitted too early");
    let events = events.take();
    let of_a = events.iter().filter(|event| event.job().unwrap().id() == "a");
    let times: Vec<_> = of_a.map(|event| event.scheduled_run_times()[0]).collect();
    assert_eq!(times, (1..=1500).map(at).collect::<Vec<_>>());
}

#[test]
fn coalescing_after_a_year_is_fast() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    {
        let trigger = every(1);
        scheduler
            .add_job(JobBuilder::new("tests::ok").trigger(trigger).misfire_grace_time(None))
            .unwrap();
    }
    let cron = apscheduler_core::trigger::TriggerConfig::new("cron").option("second", "*");
    scheduler.add_job(JobBuilder::new("tests::ok").trigger(cron).misfire_grace_time(None)).unwrap();
    let seconds = 365 * 86_400;
    scheduler.advance(TimeDelta::seconds(seconds));
    let events = events.take();
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.scheduled_run_times() == [at(seconds)]));
}

#[test]
fn get_run_times_dst_transition() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    let cron = apscheduler_core::trigger::TriggerConfig::new("cron")
        .option("hour", 1)
        .option("minute", 0)
        .option("second", 10)
        .option("timezone", "US/Eastern");
    let job = JobBuilder::new("tests::ok").trigger(cron).coalesce(false).misfire_grace_time(None);
    let first = "2025-11-02T01:00:10-04:00".parse().unwrap();
    let second = "2025-11-02T01:00:10-05:00".parse().unwrap();
    scheduler.manual_clock().set("2025-11-01T12:00:00Z".parse().unwrap());
    scheduler.add_job(job).unwrap();
    scheduler.manual_clock().set(first);
    scheduler.step();
    assert_eq!(events.take()[0].scheduled_run_times(), [first]);
    scheduler.manual_clock().set(second);
    scheduler.step();
    assert_eq!(events.take()[0].scheduled_run_times(), [second]);
}
