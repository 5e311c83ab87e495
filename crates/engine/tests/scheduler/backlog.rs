//! The cost of a pass depends on the jobs that can run, not on how many due jobs wait for room.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::OnRemove;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_core::registry::Plugin;
use apscheduler_core::store::JobStore as _;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{SerializeOptions, Trigger};
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;

use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

/// Fires once. [`Backlog`] counts how many were built from stored text.
#[derive(Debug)]
struct Counted;

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counted")
    }
}

impl Trigger for Counted {
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        previous.is_none().then_some(now)
    }

    fn kind(&self) -> &'static str {
        "counted"
    }

    fn options(&self) -> Box<dyn SerializeOptions + '_> {
        Box::new(())
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        Zone::UTC
    }
}

/// A scheduler with many due jobs for an executor that has room for a few.
struct Backlog {
    scheduler: SteppedScheduler,
    store: TestStore,
    held: HeldRuns,
    events: Recorder,
    built: Arc<AtomicUsize>,
}

const SIZE: usize = 5;

impl Backlog {
    fn of(count: usize) -> Self {
        let (scheduler, store, held) = (scheduler(), TestStore::default(), HeldRuns::new(SIZE));
        let built = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&built);
        let plugin = Plugin::trigger_fn("counted", move |_options, _context| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(Arc::new(Counted))
        });
        scheduler.registry().register(plugin).unwrap();
        scheduler.add_executor("held", held.clone()).unwrap();
        scheduler.add_executor("other", "debug").unwrap();
        scheduler.add_jobstore("remote", store.clone()).unwrap();
        scheduler.start().unwrap();
        let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
        let backlog = Self { scheduler, store, held, events, built };
        let micros = |number: usize| TimeDelta::microseconds(i64::try_from(number).unwrap());
        let jobs = (0..count).map(|number| {
            backlog.job(&format!("held {number}"), "held").next_run_time(at(0) + micros(number))
        });
        backlog.scheduler.add_jobs(jobs.collect()).unwrap();
        backlog.scheduler.add_job(backlog.job("behind", "other").next_run_time(at(1))).unwrap();
        backlog.scheduler.advance(TimeDelta::seconds(10));
        assert_eq!(backlog.events.names(), ["JOB_EXECUTED behind"]);
        assert_eq!(backlog.held.len(), SIZE);
        backlog.store.take_counts();
        backlog.built.store(0, Ordering::SeqCst);
        backlog
    }

    fn job(&self, id: &str, executor: &str) -> JobBuilder {
        let job = JobBuilder::new("tests::ok").id(id).executor(executor).jobstore("remote");
        job.trigger(Counted).misfire_grace_time(None).next_run_time(self.now())
    }

    fn now(&self) -> Timestamp {
        self.scheduler.clock().now()
    }

    /// Runs all remaining jobs, and returns how many there were.
    fn drain(&self) -> usize {
        let mut count = 0;
        loop {
            let ran = self.held.execute_all();
            if ran == 0 {
                return count;
            }
            count += ran;
            self.scheduler.step();
        }
    }
}

#[test]
fn the_cost_of_a_pass_depends_on_the_jobs_that_can_run() {
    let rounds = 50;
    for count in [3_000, 12_000] {
        let backlog = Backlog::of(count);
        for round in 0..rounds {
            assert_eq!(backlog.held.execute_all(), SIZE, "each round runs jobs");
            // Another executor has something to do meanwhile.
            backlog.scheduler.add_job(backlog.job(&format!("other {round}"), "other")).unwrap();
            backlog.scheduler.step();
        }
        let (calls, examined) = backlog.store.take_counts();
        let (runs, built) = (backlog.events.take().len(), backlog.built.load(Ordering::SeqCst));
        assert_eq!(runs, rounds * (SIZE + 1));
        println!(
            "{count} jobs wait, {runs} run: {calls} calls, {examined} examined, {built} built"
        );
        assert!(calls <= 6 * rounds, "{calls} batches for {rounds} passes, of {count} jobs");
        assert!(examined <= 10 * runs, "{examined} records for {runs} runs, of {count} jobs");
        assert!(built <= 2 * runs, "{built} jobs restored for {runs} runs, of {count} jobs");
        if count < 10_000 {
            assert_eq!(backlog.drain(), count - rounds * SIZE, "nothing is forgotten");
        }
    }
}

#[test]
fn jobs_without_room_are_not_restored() {
    let backlog = Backlog::of(3_000);
    // The whole backlog is scanned again.
    backlog.scheduler.advance(TimeDelta::minutes(5));
    backlog.scheduler.add_job(backlog.job("any", "other")).unwrap();
    backlog.scheduler.step();
    let ((_, examined), built) =
        (backlog.store.take_counts(), backlog.built.load(Ordering::SeqCst));
    assert!(examined >= 3_000 - SIZE, "{examined} records");
    assert!(built <= 10, "{built} jobs were restored");
}

#[test]
fn jobs_added_or_moved_before_a_backlog_run_at_once() {
    let backlog = Backlog::of(3_000);
    backlog.scheduler.add_job(backlog.job("past", "other").next_run_time(at(-5))).unwrap();
    backlog.scheduler.step();
    assert_eq!(backlog.events.names(), ["JOB_EXECUTED past"]);
    let moved = JobChanges::new().executor("other");
    backlog.scheduler.modify_job(("remote", "held 2000"), &moved).unwrap();
    backlog.scheduler.step();
    assert_eq!(backlog.events.names(), ["JOB_EXECUTED held 2000"]);
    let (_, examined) = backlog.store.take_counts();
    assert!(examined < 3_000, "{examined} records were examined");
    // A job for the same executor runs in order of its run time.
    backlog.scheduler.add_job(backlog.job("first", "held").next_run_time(at(-5))).unwrap();
    backlog.scheduler.step();
    assert_eq!(backlog.held.execute_all(), SIZE);
    backlog.events.take();
    backlog.scheduler.step();
    assert_eq!(backlog.held.execute_all(), SIZE);
    assert_eq!(backlog.events.names()[0], "JOB_EXECUTED first");
    backlog.scheduler.step();
    // One was moved, `first` was added, and two rounds have run.
    assert_eq!(backlog.drain(), 3_000 - 2 * SIZE);
}

#[test]
fn an_executor_added_late_finds_its_jobs_in_a_backlog() {
    let backlog = Backlog::of(3_000);
    let job = backlog.job("late", "late").next_run_time(at(0));
    backlog.scheduler.add_executor("late", "debug").unwrap();
    backlog.scheduler.pause().unwrap();
    backlog.scheduler.add_job(job).unwrap();
    backlog.scheduler.remove_executor("late", OnRemove::ShutDown).unwrap();
    backlog.scheduler.resume().unwrap();
    backlog.scheduler.step();
    assert!(backlog.events.take().is_empty(), "it is set aside");
    backlog.scheduler.add_executor("late", "debug").unwrap();
    backlog.scheduler.step();
    assert_eq!(backlog.events.names(), ["JOB_EXECUTED late"]);
}

#[test]
fn a_removed_executor_leaves_no_backlog() {
    let backlog = Backlog::of(3_000);
    let broken = Recorder::on(&backlog.scheduler, EventMask::JOB_BROKEN);
    backlog.scheduler.remove_executor("held", OnRemove::Keep).unwrap();
    backlog.scheduler.step();
    assert_eq!(broken.take().len(), 3_000 - SIZE, "they are set aside");
    backlog.scheduler.add_executor("held", "debug").unwrap();
    backlog.scheduler.step();
    assert_eq!(backlog.events.take().len(), 3_000 - SIZE);
}

#[test]
fn jobs_that_others_add_before_a_backlog_are_found_within_a_minute() {
    let backlog = Backlog::of(3_000);
    backlog.scheduler.add_job(backlog.job("others", "other").next_run_time(at(3600))).unwrap();
    backlog.scheduler.step();
    // Like a change by another process: this one is not notified.
    let mut record = backlog.store.lookup_job("others").unwrap().unwrap();
    record.next_run_time = Some(at(-5));
    assert!(backlog.store.update_job(&record).unwrap());
    backlog.scheduler.advance(TimeDelta::minutes(5));
    backlog.scheduler.add_job(backlog.job("any", "other")).unwrap();
    backlog.scheduler.step();
    assert_eq!(backlog.events.names(), ["JOB_EXECUTED others", "JOB_EXECUTED any"]);
}

#[test]
fn catching_up_does_not_scan_the_whole_backlog() {
    let backlog = Backlog::of(5_000);
    let slow = HeldRuns::new(usize::MAX);
    backlog.scheduler.add_executor("slow", slow.clone()).unwrap();
    backlog.scheduler.advance(TimeDelta::seconds(20_000));
    let job = backlog.job("a", "slow").trigger(every(1)).coalesce(false).next_run_time(at(1));
    backlog.scheduler.add_job(job).unwrap();
    backlog.scheduler.step();
    backlog.store.take_counts();
    let mut batches = 0;
    while slow.execute_all() > 0 {
        batches += 1;
        backlog.scheduler.step();
    }
    let events = backlog.events.take();
    let times: Vec<_> = events.iter().map(|event| event.scheduled_run_times()[0]).collect();
    assert!(times.is_sorted() && times.len() == 20_010, "{} run times", times.len());
    let (_, examined) = backlog.store.take_counts();
    assert!(examined <= 2_000 * batches, "{examined} records for {batches} batches");
}

/// Whatever happens, in any order, each job runs once.
#[test]
fn every_job_runs_exactly_once() {
    for seed in 0..4 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (scheduler, store) = (scheduler(), TestStore::default());
        let executors = [1, 7, 100].map(HeldRuns::new);
        for (number, executor) in executors.iter().enumerate() {
            scheduler.add_executor(&number.to_string(), executor.clone()).unwrap();
        }
        scheduler.add_executor("default", "debug").unwrap();
        scheduler.add_jobstore("remote", store).unwrap();
        scheduler.start().unwrap();
        let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
        let aliases = ["0", "1", "2", "2", "default"];
        let mut added = 0;
        for _ in 0..60 {
            match random.usize(0..10) {
                0..4 => {
                    let mut jobs = Vec::new();
                    for _ in 0..random.usize(1..100) {
                        added += 1;
                        let job = JobBuilder::new("tests::ok").id(added.to_string());
                        let job = job.jobstore("remote").misfire_grace_time(None);
                        let job = job.executor(aliases[random.usize(0..aliases.len())]);
                        jobs.push(job.next_run_time(at(random.i64(-100..200))));
                    }
                    scheduler.add_jobs(jobs).unwrap();
                }
                4 => {
                    let id = random.usize(1..added + 2).to_string();
                    let changes = JobChanges::new().executor(aliases[random.usize(0..5)]);
                    // It may have run already, or not exist.
                    let _ = scheduler.modify_job(("remote", &id), &changes);
                }
                5 => drop(scheduler.advance(TimeDelta::seconds(random.i64(1..30)))),
                _ => {
                    let executor = &executors[random.usize(0..3)];
                    for _ in 0..random.usize(0..20).min(executor.len()) {
                        executor.execute(0);
                    }
                }
            }
            scheduler.step();
        }
        scheduler.advance(TimeDelta::seconds(1000));
        while executors.iter().map(HeldRuns::execute_all).sum::<usize>() > 0 {
            scheduler.step();
        }
        let mut runs: BTreeMap<String, usize> = BTreeMap::new();
        for event in events.take() {
            let Event::JobExecuted { job, .. } = event else { continue };
            *runs.entry(job.id().to_string()).or_default() += 1;
        }
        assert_eq!(runs.len(), added, "with the seed {seed}");
        assert!(runs.values().all(|count| *count == 1), "with the seed {seed}");
    }
}
