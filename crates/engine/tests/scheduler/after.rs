//! Jobs that run after others.

use std::time::Duration;

use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::function::{JobContext, JobError};
use apscheduler_core::job::{JobBuilder, JobChanges, Retry};
use apscheduler_core::ledger::{History, OpenQuery, Reason, RunQuery, RunRecord, RunState};
use apscheduler_core::trigger::{After, AfterOn};
use apscheduler_core::{ErrorKind, Shutdown};
use apscheduler_engine::job::NextRunTime;
use apscheduler_testkit::{SteppedScheduler, TestStore};
use apscheduler_triggers::AfterTrigger;
use chrono::TimeDelta;

use crate::common_store::CommonStore;
use crate::recorder::{Recorder, at, every, scheduler};

const LEASE: Duration = Duration::from_secs(60);

/// A scheduler on a store that others share.
fn sharing(store: &CommonStore) -> SteppedScheduler {
    started(Config::new().history(History::All).jobstore("default", store.clone()))
}

fn started(config: Config) -> SteppedScheduler {
    let scheduler = scheduler();
    let config = config.lease(LEASE).executor("default", "debug");
    scheduler.configure(&config).unwrap();
    scheduler.start().unwrap();
    scheduler
}

fn after(job: &str, on: AfterOn) -> AfterTrigger {
    AfterTrigger::new([After::new(job).on(on)]).unwrap()
}

/// The job `report`, which follows the job `extract`.
fn add_follower(scheduler: &SteppedScheduler, on: AfterOn) {
    let job = JobBuilder::new("tests::ok").id("report").trigger(after("extract", on));
    scheduler.add_job(job).unwrap();
}

/// The job `extract` each 10 s, which fails that many times in each run.
fn add_extract(scheduler: &SteppedScheduler, failures: u32, retry: Option<Retry>) {
    let function = move |context: &JobContext| -> Result<(), JobError> {
        if context.attempt() <= failures { Err(JobError::new("no")) } else { Ok(()) }
    };
    let job = JobBuilder::new(function).id("extract").trigger(every(10)).retry(retry);
    scheduler.add_job(job).unwrap();
}

/// Lets time pass, with all turns of the event loop.
fn pass(scheduler: &SteppedScheduler, seconds: i64) {
    for _ in 0..seconds * 2 {
        scheduler.manual_clock().advance(TimeDelta::milliseconds(500));
        scheduler.turn();
        scheduler.turn();
    }
}

fn records(scheduler: &SteppedScheduler, job: &str) -> Vec<RunRecord> {
    let mut records = scheduler.runs(&RunQuery::new().job(job)).unwrap();
    records.reverse();
    records
}

/// The scheduled starts of a job's runs that were successful, in seconds.
fn ran(scheduler: &SteppedScheduler, job: &str) -> Vec<i64> {
    let ok = |record: &&RunRecord| record.state == RunState::Ok;
    let seconds = |record: &RunRecord| (record.scheduled_run_time - at(0)).num_seconds();
    records(scheduler, job).iter().filter(ok).map(seconds).collect()
}

#[test]
fn a_job_runs_when_another_has_succeeded() {
    // The history of a store in memory is off.
    for scheduler in [sharing(&CommonStore::default()), started(Config::new())] {
        add_follower(&scheduler, AfterOn::Ok);
        let report = scheduler.get_job("report").unwrap().unwrap();
        assert_eq!(report.next_run_time(), NextRunTime::AfterOthers);
        assert!(report.to_string().ends_with("(trigger: after[extract], next run after others)"));
        add_extract(&scheduler, 0, None);
        let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
        pass(&scheduler, 31);
        assert_eq!(ran(&scheduler, "report"), [10, 20, 30]);
        let expected = ["extract", "report"].map(|job| format!("JOB_EXECUTED {job}"));
        assert_eq!(events.names(), [&expected[..]; 3].concat());
        assert_eq!(ran(&scheduler, "extract"), [10, 20, 30], "recorded in any case");
    }
}

#[test]
fn failures_are_followed_when_nothing_is_tried_again() {
    let scheduler = sharing(&CommonStore::default());
    for (id, on) in [("alarm", AfterOn::Failed), ("clean", AfterOn::Any), ("report", AfterOn::Ok)] {
        let job = JobBuilder::new("tests::ok").id(id).trigger(after("extract", on));
        scheduler.add_job(job).unwrap();
    }
    let retry = Retry::new(2).delay(Duration::from_secs(2));
    add_extract(&scheduler, 2, Some(retry));
    pass(&scheduler, 11);
    assert!(records(&scheduler, "alarm").is_empty(), "it is tried again");
    pass(&scheduler, 3);
    assert_eq!(ran(&scheduler, "alarm"), [10]);
    assert_eq!(ran(&scheduler, "clean"), [10]);
    assert!(records(&scheduler, "report").is_empty());
    // An attempt that somebody asks for.
    let run = records(&scheduler, "extract").remove(0).run_id;
    scheduler.retry_run(run).unwrap();
    pass(&scheduler, 1);
    assert_eq!((ran(&scheduler, "clean"), ran(&scheduler, "report")), (vec![10, 10], vec![10]));
}

#[test]
fn a_chain_of_jobs_runs_in_order() {
    let scheduler = sharing(&CommonStore::default());
    add_extract(&scheduler, 0, None);
    add_follower(&scheduler, AfterOn::Ok);
    let last = JobBuilder::new("tests::ok").id("mail").trigger(after("report", AfterOn::Ok));
    scheduler.add_job(last).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    pass(&scheduler, 11);
    let expected = ["extract", "report", "mail"].map(|job| format!("JOB_EXECUTED {job}"));
    assert_eq!(events.names(), expected);
}

#[test]
fn what_a_scheduler_did_not_live_to_follow_another_one_follows() {
    let store = CommonStore::default();
    let first = sharing(&store);
    add_follower(&first, AfterOn::Ok);
    first.add_job(JobBuilder::new("tests::ok").id("extract").trigger(every(10))).unwrap();
    let second = sharing(&store);
    let pass_both = |seconds| {
        for scheduler in [&first, &second] {
            scheduler.manual_clock().advance(TimeDelta::seconds(seconds));
        }
    };
    pass_both(10);
    // It claims the run, which ends, and dies before it follows it.
    first.step();
    assert_eq!(ran(&second, "extract"), [10]);
    first.end_loop();
    for _ in 0..200 {
        pass_both(1);
        second.turn();
    }
    second.turn();
    second.turn();
    let followed = ran(&second, "report");
    assert_eq!(followed.iter().filter(|time| **time == 10).count(), 1, "{followed:?}");
    assert_eq!(followed, ran(&second, "extract"));
}

#[test]
fn two_schedulers_follow_each_end_once() {
    let store = CommonStore::default();
    let both = [sharing(&store), sharing(&store)];
    add_follower(&both[0], AfterOn::Ok);
    both[0].add_job(JobBuilder::new("tests::ok").id("extract").trigger(every(1))).unwrap();
    for _ in 0..300 {
        for scheduler in &both {
            scheduler.manual_clock().advance(TimeDelta::seconds(1));
            scheduler.turn();
            scheduler.turn();
        }
    }
    both[0].pause_job("extract").unwrap();
    for _ in 0..100 {
        for scheduler in &both {
            scheduler.manual_clock().advance(TimeDelta::seconds(1));
            scheduler.turn();
        }
    }
    let mut query = RunQuery::new().state(RunState::Ok).limit(10_000);
    query.job_id = Some("report".into());
    let followed = both[0].runs(&query).unwrap().len();
    query.job_id = Some("extract".into());
    assert_eq!(followed, both[0].runs(&query).unwrap().len());
    assert!(followed > 100);
}

#[test]
fn a_paused_job_does_not_follow_and_an_end_is_recorded_for_it() {
    let scheduler = sharing(&CommonStore::default());
    add_extract(&scheduler, 0, None);
    add_follower(&scheduler, AfterOn::Ok);
    scheduler.pause_job("report").unwrap();
    pass(&scheduler, 11);
    let skipped = records(&scheduler, "report");
    assert_eq!((skipped.len(), skipped[0].reason), (1, Some(Reason::Paused)));
    assert!(scheduler.resume_job("report").unwrap().is_some(), "its schedule has not ended");
    pass(&scheduler, 10);
    assert_eq!(ran(&scheduler, "report"), [20]);
}

#[test]
fn what_is_followed_can_be_changed() {
    let store = CommonStore::default();
    let scheduler = sharing(&store);
    add_extract(&scheduler, 0, None);
    add_follower(&scheduler, AfterOn::Failed);
    let changes = JobChanges::new().trigger(after("extract", AfterOn::Ok));
    scheduler.modify_job("report", &changes).unwrap();
    pass(&scheduler, 11);
    assert_eq!(ran(&scheduler, "report"), [10]);
    scheduler.reschedule_job("report", every(1000)).unwrap();
    pass(&scheduler, 10);
    assert_eq!(ran(&scheduler, "report"), [10]);
    scheduler.reschedule_job("report", after("extract", AfterOn::Ok)).unwrap();
    pass(&scheduler, 10);
    assert_eq!(ran(&scheduler, "report"), [10, 30]);
    // What is left of it in the ledger is removed some time after it.
    scheduler.remove_job("report").unwrap();
    pass(&scheduler, 200);
    let ledger = scheduler.jobstore("default").unwrap().ledger().unwrap();
    assert!(ledger.open_runs(&OpenQuery::new()).unwrap().is_empty());
}

#[test]
fn an_end_while_no_scheduler_ran_is_followed_at_the_next_start() {
    let store = CommonStore::default();
    let first = sharing(&store);
    add_follower(&first, AfterOn::Ok);
    first.add_job(JobBuilder::new("tests::ok").id("extract").trigger(every(1000))).unwrap();
    first.run_now("extract").unwrap();
    first.step();
    first.shutdown(Shutdown::Wait).unwrap();
    let second = sharing(&store);
    pass(&second, 61);
    assert_eq!(ran(&second, "report").len(), 1);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let scheduler = sharing(&CommonStore::default());
    let add = |id: &str, follows: &str| {
        let job = JobBuilder::new("tests::ok").id(id).trigger(after(follows, AfterOn::Ok));
        scheduler.add_job(job).map(drop)
    };
    let error = add("a", "a").unwrap_err();
    assert!(error.to_string().contains("a job can't follow itself"), "{error}");
    add("b", "a").unwrap();
    add("c", "b").unwrap();
    let error = add("a", "c").unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::InvalidJob, Some("a")));
    assert!(error.to_string().contains("in a circle: a -> c -> b -> a"), "{error}");
    scheduler.add_jobstore("plain", TestStore::default()).unwrap();
    let job = JobBuilder::new("tests::ok").id("p").trigger(after("a", AfterOn::Ok));
    let error = scheduler.add_job(job.jobstore("plain")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = AfterTrigger::new([]).unwrap_err();
    assert!(error.to_string().contains("names no job to follow"), "{error}");
    let error = AfterTrigger::new([After::new("a"), After::new("a").on(AfterOn::Any)]).unwrap_err();
    assert!(error.to_string().contains("`a` is named twice"), "{error}");
}
