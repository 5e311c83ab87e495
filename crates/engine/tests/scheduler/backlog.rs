//! The cost of a pass follows what can run, however many due jobs wait for room.

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

/// Fires once. Each scheduler of [`Jam`] counts how many were built from stored text.
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

/// So many due jobs for an executor with room for a few.
struct Jam {
    scheduler: SteppedScheduler,
    store: TestStore,
    held: HeldRuns,
    events: Recorder,
    built: Arc<AtomicUsize>,
}

const SIZE: usize = 5;

impl Jam {
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
        let jam = Self { scheduler, store, held, events, built };
        let micros = |number: usize| TimeDelta::microseconds(i64::try_from(number).unwrap());
        let jobs = (0..count).map(|number| {
            jam.job(&format!("held {number}"), "held").next_run_time(at(0) + micros(number))
        });
        jam.scheduler.add_jobs(jobs.collect()).unwrap();
        jam.scheduler.add_job(jam.job("behind", "other").next_run_time(at(1))).unwrap();
        jam.scheduler.advance(TimeDelta::seconds(10));
        assert_eq!(jam.events.names(), ["JOB_EXECUTED behind"]);
        assert_eq!(jam.held.len(), SIZE);
        jam.store.take_counts();
        jam.built.store(0, Ordering::SeqCst);
        jam
    }

    fn job(&self, id: &str, executor: &str) -> JobBuilder {
        let job = JobBuilder::new("tests::ok").id(id).executor(executor).jobstore("remote");
        job.trigger(Counted).misfire_grace_time(None).next_run_time(self.now())
    }

    fn now(&self) -> Timestamp {
        self.scheduler.clock().now()
    }

    /// Runs all that is left, and says how many that were.
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
fn cost_follows_what_can_run() {
    let rounds = 50;
    for count in [3_000, 12_000] {
        let jam = Jam::of(count);
        for round in 0..rounds {
            assert_eq!(jam.held.execute_all(), SIZE, "each round has work");
            // Another executor has something to do meanwhile.
            jam.scheduler.add_job(jam.job(&format!("other {round}"), "other")).unwrap();
            jam.scheduler.step();
        }
        let (calls, looked_at) = jam.store.take_counts();
        let (runs, built) = (jam.events.take().len(), jam.built.load(Ordering::SeqCst));
        assert_eq!(runs, rounds * (SIZE + 1));
        println!("{count} jobs wait, {runs} run: {calls} calls, {looked_at} looks, {built} built");
        assert!(calls <= 6 * rounds, "{calls} batches for {rounds} passes, of {count} jobs");
        assert!(looked_at <= 10 * runs, "{looked_at} records for {runs} runs, of {count} jobs");
        assert!(built <= 2 * runs, "{built} jobs restored for {runs} runs, of {count} jobs");
        if count < 10_000 {
            assert_eq!(jam.drain(), count - rounds * SIZE, "nothing is forgotten");
        }
    }
}

#[test]
fn what_is_left_for_want_of_room_is_not_restored() {
    let jam = Jam::of(3_000);
    // All of it is looked at again.
    jam.scheduler.advance(TimeDelta::minutes(5));
    jam.scheduler.add_job(jam.job("any", "other")).unwrap();
    jam.scheduler.step();
    let ((_, looked_at), built) = (jam.store.take_counts(), jam.built.load(Ordering::SeqCst));
    assert!(looked_at >= 3_000 - SIZE, "{looked_at} records");
    assert!(built <= 10, "{built} jobs were restored");
}

#[test]
fn what_is_added_or_changed_in_front_of_a_backlog_runs_at_once() {
    let jam = Jam::of(3_000);
    jam.scheduler.add_job(jam.job("past", "other").next_run_time(at(-5))).unwrap();
    jam.scheduler.step();
    assert_eq!(jam.events.names(), ["JOB_EXECUTED past"]);
    let moved = JobChanges::new().executor("other");
    jam.scheduler.modify_job(("remote", "held 2000"), &moved).unwrap();
    jam.scheduler.step();
    assert_eq!(jam.events.names(), ["JOB_EXECUTED held 2000"]);
    let (_, looked_at) = jam.store.take_counts();
    assert!(looked_at < 3_000, "{looked_at} records were looked at");
    // One that waits for the same executor has its place in order.
    jam.scheduler.add_job(jam.job("first", "held").next_run_time(at(-5))).unwrap();
    jam.scheduler.step();
    assert_eq!(jam.held.execute_all(), SIZE);
    jam.events.take();
    jam.scheduler.step();
    assert_eq!(jam.held.execute_all(), SIZE);
    assert_eq!(jam.events.names()[0], "JOB_EXECUTED first");
    jam.scheduler.step();
    // One was moved, `first` came, and two rounds are over.
    assert_eq!(jam.drain(), 3_000 - 2 * SIZE);
}

#[test]
fn an_executor_that_comes_late_finds_its_jobs_in_a_backlog() {
    let jam = Jam::of(3_000);
    let job = jam.job("late", "late").next_run_time(at(0));
    jam.scheduler.add_executor("late", "debug").unwrap();
    jam.scheduler.pause().unwrap();
    jam.scheduler.add_job(job).unwrap();
    jam.scheduler.remove_executor("late", OnRemove::ShutDown).unwrap();
    jam.scheduler.resume().unwrap();
    jam.scheduler.step();
    assert!(jam.events.take().is_empty(), "it is set aside");
    jam.scheduler.add_executor("late", "debug").unwrap();
    jam.scheduler.step();
    assert_eq!(jam.events.names(), ["JOB_EXECUTED late"]);
}

#[test]
fn an_executor_that_goes_leaves_no_backlog() {
    let jam = Jam::of(3_000);
    let broken = Recorder::on(&jam.scheduler, EventMask::JOB_BROKEN);
    jam.scheduler.remove_executor("held", OnRemove::Keep).unwrap();
    jam.scheduler.step();
    assert_eq!(broken.take().len(), 3_000 - SIZE, "they are set aside");
    jam.scheduler.add_executor("held", "debug").unwrap();
    jam.scheduler.step();
    assert_eq!(jam.events.take().len(), 3_000 - SIZE);
}

#[test]
fn what_others_put_in_front_of_a_backlog_is_found_within_a_minute() {
    let jam = Jam::of(3_000);
    jam.scheduler.add_job(jam.job("others", "other").next_run_time(at(3600))).unwrap();
    jam.scheduler.step();
    // As another process writes it: nobody tells this one.
    let mut record = jam.store.lookup_job("others").unwrap().unwrap();
    record.next_run_time = Some(at(-5));
    assert!(jam.store.update_job(&record).unwrap());
    jam.scheduler.advance(TimeDelta::minutes(5));
    jam.scheduler.add_job(jam.job("any", "other")).unwrap();
    jam.scheduler.step();
    assert_eq!(jam.events.names(), ["JOB_EXECUTED others", "JOB_EXECUTED any"]);
}

#[test]
fn a_job_that_catches_up_in_a_backlog_costs_no_look_at_all_of_it() {
    let jam = Jam::of(5_000);
    let slow = HeldRuns::new(usize::MAX);
    jam.scheduler.add_executor("slow", slow.clone()).unwrap();
    jam.scheduler.advance(TimeDelta::seconds(20_000));
    let job = jam.job("a", "slow").trigger(every(1)).coalesce(false).next_run_time(at(1));
    jam.scheduler.add_job(job).unwrap();
    jam.scheduler.step();
    jam.store.take_counts();
    let mut pieces = 0;
    while slow.execute_all() > 0 {
        pieces += 1;
        jam.scheduler.step();
    }
    let events = jam.events.take();
    let times: Vec<_> = events.iter().map(|event| event.scheduled_run_times()[0]).collect();
    assert!(times.is_sorted() && times.len() == 20_010, "{} run times", times.len());
    let (_, looked_at) = jam.store.take_counts();
    assert!(looked_at <= 2_000 * pieces, "{looked_at} records for {pieces} pieces");
}

/// Whatever happens in whatever order: each job runs once.
#[test]
fn no_job_is_forgotten_or_run_twice() {
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
                    // It may have run, or never have been.
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
