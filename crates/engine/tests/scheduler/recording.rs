//! What became of runs, as the ledger of a store records it.

use std::time::Duration;

use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::function::JobContext;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::ledger::{History, Reason, RunQuery, RunRecord, RunState};
use apscheduler_engine::JobContextExt as _;
use apscheduler_testkit::SteppedScheduler;
use chrono::TimeDelta;
use serde_json::json;

use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

fn recording(history: History) -> SteppedScheduler {
    let scheduler = scheduler();
    let config = Config::new().history(history).executor("default", "debug");
    scheduler.configure(&config).unwrap();
    scheduler
}

fn runs(scheduler: &SteppedScheduler) -> Vec<RunRecord> {
    scheduler.runs(&RunQuery::new()).unwrap()
}

#[test]
fn a_run_is_recorded_with_its_identity_and_its_times() {
    let scheduler = recording(History::All);
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    let job = JobBuilder::new("tests::add").id("a").args([json!(2), json!(3)]);
    scheduler.add_job(job).unwrap();
    scheduler.step();
    let (runs, event) = (runs(&scheduler), events.take().remove(0));
    let info = event.run().unwrap();
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    assert_eq!((run.run_id, run.owner), (info.id, info.owner.id));
    assert_eq!((&*run.job_id, run.jobstore.as_deref()), ("a", Some("default")));
    assert_eq!((run.state, run.result.as_deref()), (RunState::Ok, Some("5")));
    let times = [Some(run.scheduled_run_time), run.claimed, run.started, run.ended];
    assert_eq!(times, [Some(at(0)); 4]);
    assert!(run.duration.is_some());
}

#[test]
fn errors_panics_and_timeouts_are_recorded() {
    let scheduler = recording(History::All);
    scheduler.start().unwrap();
    let fails = || -> Result<(), std::io::Error> { Err(std::io::Error::other("disk on fire")) };
    scheduler.add_job(JobBuilder::new(fails).id("fails")).unwrap();
    scheduler.add_job(JobBuilder::new(|| -> () { panic!("oh no") }).id("panics")).unwrap();
    let long = || -> Result<(), std::io::Error> { Err(std::io::Error::other("x".repeat(10_000))) };
    scheduler.add_job(JobBuilder::new(long).id("long")).unwrap();
    scheduler.step();
    let of = |job: &str| scheduler.runs(&RunQuery::new().job(job)).unwrap().remove(0);
    assert_eq!(of("fails").state, RunState::Failed);
    assert_eq!(of("fails").error.as_deref(), Some("disk on fire"));
    assert_eq!(of("panics").error.as_deref(), Some("panicked: oh no"));
    assert_eq!(of("long").error.unwrap().len(), 4096);
}

#[test]
fn a_run_is_running_from_the_call_of_its_function_to_its_end() {
    let scheduler = recording(History::All);
    let held = HeldRuns::new(usize::MAX);
    scheduler.add_executor("held", held.clone()).unwrap();
    scheduler.start().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let asks = move |context: &JobContext| {
        let scheduler = context.scheduler().unwrap();
        let of_state = |state| scheduler.runs(&RunQuery::new().job("a").state(state)).unwrap();
        let all = scheduler.runs(&RunQuery::new().job("a")).unwrap();
        let why = scheduler.why("a", Some(at(0))).unwrap().answer;
        tell.send((all, of_state(RunState::Running), of_state(RunState::Claimed), why)).unwrap();
    };
    scheduler.add_job(JobBuilder::new(asks).id("a").executor("held")).unwrap();
    scheduler.step();
    let states = |runs: &[RunRecord]| -> Vec<_> { runs.iter().map(|run| run.state).collect() };
    assert_eq!(states(&runs(&scheduler)), [RunState::Claimed], "no worker has taken it");
    held.execute_all();
    let (all, running, claimed, why) = told.recv().unwrap();
    assert_eq!((states(&all), &running), (vec![RunState::Running], &all));
    assert_eq!((claimed, all[0].started), (vec![], Some(at(0))));
    assert!(why.contains("has been running since 2027-01-01 00:00:00 UTC"), "{why}");
    assert_eq!(states(&runs(&scheduler)), [RunState::Ok]);
}

#[test]
fn run_times_that_do_not_run_are_recorded_with_the_reason() {
    let scheduler = recording(History::All);
    let held = HeldRuns::new(usize::MAX);
    scheduler.add_executor("held", held.clone()).unwrap();
    scheduler.start().unwrap();
    let job = JobBuilder::new("tests::ok").id("a").executor("held").trigger(every(10));
    scheduler.add_job(job.misfire_grace_time(Duration::from_secs(15))).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    scheduler.advance(TimeDelta::seconds(10));
    // The first run starts 20 s late.
    scheduler.advance(TimeDelta::seconds(10));
    held.execute_all();
    let runs = runs(&scheduler);
    let short: Vec<_> =
        runs.iter().map(|run| (run.scheduled_run_time, run.state, run.reason)).collect();
    let overlap = Some(Reason::Overlap);
    assert_eq!(
        short,
        [
            (at(30), RunState::Skipped, overlap),
            (at(20), RunState::Skipped, overlap),
            (at(10), RunState::Missed, Some(Reason::Late)),
        ]
    );
}

#[test]
fn skipped_run_times_in_a_row_are_one_record() {
    let scheduler = recording(History::All);
    let held = HeldRuns::new(usize::MAX);
    scheduler.add_executor("held", held.clone()).unwrap();
    scheduler.start().unwrap();
    let job = JobBuilder::new("tests::ok").id("a").executor("held").trigger(every(1));
    scheduler.add_job(job.coalesce(false).misfire_grace_time(None)).unwrap();
    scheduler.advance(TimeDelta::seconds(1));
    scheduler.advance(TimeDelta::seconds(5));
    let runs = runs(&scheduler);
    let states: Vec<RunState> = runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Skipped, RunState::Claimed], "the first one is running");
    let run = &runs[0];
    assert_eq!((run.state, run.reason), (RunState::Skipped, Some(Reason::Overlap)));
    assert_eq!((run.scheduled_run_time, run.until, run.count), (at(2), Some(at(6)), 5));
}

#[test]
fn history_says_which_runs_are_recorded() {
    for (history, expected) in [
        (None, vec![]),
        (Some(History::Off), vec![]),
        (Some(History::Failures), vec!["fails"]),
        (Some(History::All), vec!["fails", "works"]),
    ] {
        let scheduler = match history {
            Some(history) => recording(history),
            // A store in memory records nothing, unless it is asked to.
            None => scheduler(),
        };
        scheduler.start().unwrap();
        scheduler.add_job(JobBuilder::new("tests::ok").id("works")).unwrap();
        scheduler.step();
        scheduler.add_job(JobBuilder::new(|| -> () { panic!("oh no") }).id("fails")).unwrap();
        scheduler.step();
        let ids: Vec<_> = runs(&scheduler).iter().map(|run| run.job_id.to_string()).collect();
        assert_eq!(ids, expected, "{history:?}");
    }
}
