//! Backfills: past run times that are run again.

use std::sync::atomic::{AtomicBool, Ordering};

use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::function::{JobContext, JobError};
use apscheduler_core::job::{Coalesce, JobBuilder};
use apscheduler_core::ledger::{
    History, OpenQuery, OpenStep, Retention, RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::OwnerId;
use apscheduler_core::{Error, ErrorKind};
use apscheduler_engine::{Backfill, Backfilled, Reprocess};
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;

use crate::common_store::CommonStore;
use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

fn started(config: Config) -> SteppedScheduler {
    let scheduler = scheduler();
    scheduler.configure(&config.history(History::All)).unwrap();
    scheduler.start().unwrap();
    scheduler
}

/// A scheduler that has run a job at 10, 20, and so on up to 60 s; the run at 30 s failed. At 40 and 50 s it slept.
fn with_past(executor: Option<&HeldRuns>) -> SteppedScheduler {
    let config = Config::new().jobstore("default", CommonStore::default());
    let config = match executor {
        Some(held) => config.executor("default", held.clone()),
        None => config.executor("default", "debug"),
    };
    let scheduler = started(config);
    let has_failed = AtomicBool::new(false);
    let fails_once = move |context: &JobContext| -> Result<(), JobError> {
        let fails =
            context.scheduled_run_time() == at(30) && !has_failed.swap(true, Ordering::SeqCst);
        if fails { Err(JobError::new("no")) } else { Ok(()) }
    };
    let job = JobBuilder::new(fails_once).id("a").trigger(every(10)).coalesce(Coalesce::Latest);
    scheduler.add_job(job.misfire_grace_time(None)).unwrap();
    for seconds in [10, 10, 10, 30] {
        scheduler.advance(TimeDelta::seconds(seconds));
        if let Some(held) = executor {
            held.execute_all();
        }
    }
    scheduler
}

fn seconds(backfilled: &Backfilled) -> Vec<i64> {
    backfilled.runs.iter().map(|run| (run.scheduled_run_time - at(0)).num_seconds()).collect()
}

/// The runs of the ledger by their run time, the earliest first, without those that did not run.
fn ran(scheduler: &SteppedScheduler) -> Vec<(i64, RunState)> {
    let mut query = RunQuery::new();
    query.states.extend([RunState::Ok, RunState::Failed, RunState::Cancelled]);
    let mut ran: Vec<(i64, RunState)> = (scheduler.runs(&query).unwrap().iter())
        .map(|run| ((run.scheduled_run_time - at(0)).num_seconds(), run.state))
        .collect();
    ran.sort_by_key(|(time, _)| *time);
    ran
}

fn open_runs(scheduler: &SteppedScheduler) -> usize {
    let store = scheduler.jobstore("default").unwrap();
    store.ledger().unwrap().open_runs(&OpenQuery::new()).unwrap().len()
}

const OK: RunState = RunState::Ok;

#[test]
fn what_did_not_run_runs() {
    let scheduler = with_past(None);
    assert_eq!(ran(&scheduler), [(10, OK), (20, OK), (30, RunState::Failed), (60, OK)]);
    let all = Backfill::new(at(0), at(60));
    let plan = scheduler.backfill("a", &all.dry_run(true)).unwrap();
    assert_eq!((seconds(&plan), plan.left), (vec![40, 50], 4));
    assert!(plan.runs.iter().all(|run| run.before == Some(RunState::Coalesced)));
    assert_eq!(open_runs(&scheduler), 0, "only told");

    let done = scheduler.backfill("a", &all.reprocess(Reprocess::Failed)).unwrap();
    assert_eq!((seconds(&done), done.left), (vec![30, 40, 50], 3));
    // They are open.
    let again = scheduler.backfill("a", &all.reprocess(Reprocess::Failed)).unwrap();
    assert!(again.runs.is_empty(), "{again:?}");
    for _ in 0..3 {
        scheduler.step();
    }
    let times: Vec<i64> = ran(&scheduler).iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [10, 20, 30, 30, 40, 50, 60]);
    assert_eq!(open_runs(&scheduler), 0);
    let again = scheduler.backfill("a", &all.reprocess(Reprocess::Failed)).unwrap();
    assert!(again.runs.is_empty(), "all have succeeded: {again:?}");
    let all = scheduler.backfill("a", &all.reprocess(Reprocess::All).dry_run(true)).unwrap();
    assert_eq!(seconds(&all), [10, 20, 30, 40, 50, 60]);
    let next = scheduler.get_job("a").unwrap().unwrap().next_run_time();
    assert_eq!(next.instant(), Some(at(70)), "the schedule does not move");
}

#[test]
fn so_many_run_at_a_time_and_in_this_order() {
    let held = HeldRuns::new(usize::MAX);
    let scheduler = with_past(Some(&held));
    let events = Recorder::on(&scheduler, EventMask::JOB_SUBMITTED);
    let all = Backfill::new(at(0), at(60)).reprocess(Reprocess::All);
    let job = apscheduler_core::job::JobChanges::new().max_instances(5);
    scheduler.modify_job("a", &job).unwrap();
    let plan = scheduler.backfill("a", &all.max_active(2).newest_first(true)).unwrap();
    assert_eq!(seconds(&plan), [60, 50, 40, 30, 20, 10]);
    scheduler.step();
    assert_eq!((held.len(), open_runs(&scheduler)), (2, 6));
    let mut count = 2;
    while held.len() > 0 {
        held.execute(0);
        scheduler.step();
        assert!(held.len() <= 2);
        count += 1;
    }
    assert_eq!((events.names().len(), open_runs(&scheduler)), (6, 0));
    assert_eq!(count, 8, "each end lets one follow");
}

#[test]
fn runs_of_the_schedule_go_first() {
    let held = HeldRuns::new(usize::MAX);
    let scheduler = with_past(Some(&held));
    scheduler.backfill("a", &Backfill::new(at(0), at(60))).unwrap();
    scheduler.step();
    let events = Recorder::on(&scheduler, EventMask::JOB_SUBMITTED | EventMask::JOB_MAX_INSTANCES);
    assert_eq!(held.len(), 1, "the run of 40 s");
    // It is still running when the schedule comes to 70 s, whose run waits for it.
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!((held.len(), events.names().len()), (1, 0));
    held.execute(0);
    scheduler.step();
    assert_eq!((held.len(), events.names()), (1, vec!["JOB_SUBMITTED a".to_owned()]));
    // Before the run of 50 s.
    held.execute(0);
    assert_eq!(ran(&scheduler).last(), Some(&(70, OK)));
    scheduler.advance(TimeDelta::seconds(1));
    held.execute_all();
    assert!(ran(&scheduler).contains(&(50, OK)));
    assert_eq!((open_runs(&scheduler), scheduler.instances()), (0, 0));
}

#[test]
fn what_has_not_begun_is_cancelled() {
    let held = HeldRuns::new(usize::MAX);
    let scheduler = with_past(Some(&held));
    let all = Backfill::new(at(0), at(60)).reprocess(Reprocess::All);
    let plan = scheduler.backfill("a", &all).unwrap();
    scheduler.step();
    assert_eq!(scheduler.cancel_backfill(plan.id).unwrap(), 5);
    assert_eq!(open_runs(&scheduler), 1, "one has begun");
    held.execute_all();
    scheduler.step();
    assert_eq!((held.len(), open_runs(&scheduler)), (0, 0));
    let cancelled =
        ran(&scheduler).iter().filter(|(_, state)| *state == RunState::Cancelled).count();
    assert_eq!(cancelled, 5);
    assert_eq!(scheduler.cancel_backfill(plan.id).unwrap(), 0);
}

/// The process that has written a backfill died before it wrote the rows of the first runs.
#[test]
fn a_backfill_that_was_written_in_part_runs_all_the_same() {
    let scheduler = with_past(None);
    let plan =
        scheduler.backfill("a", &Backfill::new(at(0), at(60)).reprocess(Reprocess::All)).unwrap();
    let ledger = scheduler.jobstore("default").unwrap().ledger().unwrap();
    let first = ledger.open_runs(&OpenQuery::new().run(plan.runs[0].run_id)).unwrap().remove(0);
    let step = OpenStep::end(first.run_id, first.mark());
    ledger.append(OwnerId::random(), &Writes::new().steps(&[step])).unwrap();
    scheduler.pause_job("a").unwrap();
    assert_eq!(open_runs(&scheduler), 5);
    for _ in 0..200 {
        scheduler.manual_clock().advance(TimeDelta::seconds(1));
        scheduler.turn();
    }
    assert_eq!(open_runs(&scheduler), 0);
    let again = ran(&scheduler).iter().filter(|(time, _)| *time == 50).count();
    assert_eq!(again, 1);
}

/// More runs are open than a page of them holds.
#[test]
fn a_long_backfill_is_not_begun_twice() {
    let scheduler = started(Config::new().executor("default", "debug"));
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(10)).next_run_time(at(100_000));
    scheduler.add_job(job).unwrap();
    scheduler.manual_clock().advance(TimeDelta::seconds(30_000));
    let all = Backfill::new(at(0), at(25_000));
    assert_eq!(scheduler.backfill("a", &all).unwrap().runs.len(), 2500);
    let again = scheduler.backfill("a", &all).unwrap();
    assert_eq!((again.runs.len(), again.left), (0, 2500));
    let waiting = RunQuery::new().state(RunState::Waiting).limit(10_000);
    assert_eq!(scheduler.runs(&waiting).unwrap().len(), 2500);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let scheduler = with_past(None);
    let refused =
        |id: &str, backfill: Backfill| -> Error { scheduler.backfill(id, &backfill).unwrap_err() };
    let error = refused("b", Backfill::new(at(0), at(60)));
    assert_eq!(error.kind(), ErrorKind::JobLookup);
    let error = refused("a", Backfill::new(at(60), at(0)));
    assert!(error.to_string().contains("before it begins"), "{error}");
    let error = refused("a", Backfill::new(at(0), at(61)));
    assert!(error.to_string().contains("which is in the future"), "{error}");
    let error = refused("a", Backfill::new(at(0), at(60)).max_active(0));
    assert!(error.to_string().contains("`max_active` must be at least 1"), "{error}");
    let error = refused("a", Backfill::new(at(0) - TimeDelta::days(4), at(60)));
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::Config, Some("a")));
    assert!(error.to_string().contains("are kept for 3 days"), "{error}");
    scheduler.add_jobstore("plain", TestStore::default()).unwrap();
    let job = JobBuilder::new("tests::ok").id("p").jobstore("plain").trigger(every(10));
    scheduler.add_job(job).unwrap();
    let error = scheduler.backfill("p", &Backfill::new(at(0), at(60))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let job = JobBuilder::new("tests::ok").id("f").trigger(every(10)).history(History::Failures);
    scheduler.add_job(job).unwrap();
    let error = refused("f", Backfill::new(at(0), at(60)));
    assert!(error.to_string().contains("the history of the job is `failures`"), "{error}");
    let all = Backfill::new(at(0), at(60)).reprocess(Reprocess::All).dry_run(true);
    // The run of 60 s is due by the schedule.
    assert_eq!(scheduler.backfill("f", &all).unwrap().runs.len(), 5);
}

#[test]
fn records_that_may_have_been_removed_are_not_taken_for_missing_runs() {
    let config = Config::new().executor("default", "debug");
    let scheduler = started(config.retention(Retention::default().max_ok(3)));
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(10));
    scheduler.add_job(job).unwrap();
    let backfill = |from| scheduler.backfill("a", &Backfill::new(at(from), at(from)));
    scheduler.advance(TimeDelta::seconds(10));
    assert!(backfill(0).is_ok());
    for _ in 0..2 {
        scheduler.advance(TimeDelta::seconds(10));
    }
    let error = backfill(0).unwrap_err();
    assert!(error.to_string().contains("keeps 3 records of runs that succeeded"), "{error}");
    assert!(backfill(20).is_ok(), "an older record is there");
}

#[test]
fn old_records_are_removed_on_request() {
    let config = Config::new().executor("default", "debug");
    let config = config.retention(Retention::default().max_error(3));
    let scheduler = started(config);
    let job = JobBuilder::new("tests::broken").id("a").trigger(every(10));
    scheduler.add_job(job).unwrap();
    for _ in 0..30 {
        scheduler.advance(TimeDelta::seconds(10));
    }
    let records = || -> Vec<RunRecord> { scheduler.runs(&RunQuery::new()).unwrap() };
    assert_eq!((records().len(), records()[0].error.as_deref()), (30, Some("bro")));
    assert_eq!(scheduler.retention().max_error, 3);
}
