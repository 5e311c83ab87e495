//! Pauses of jobs: with a note, with an end, and what becomes of the run times that they hold back.

use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::{JobBuilder, JobChanges, OnResume, Pause};
use apscheduler_core::ledger::{ChangeKind, History, Reason, RunQuery, RunState};
use apscheduler_core::store::JobStore as _;
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::TriggerConfig;
use apscheduler_engine::job::NextRunTime;
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;
use serde_json::Value;
use tracing::Level;

use crate::captured_log::logged;
use crate::recorder::{Recorder, at, every, scheduler};

fn recording() -> SteppedScheduler {
    let scheduler = scheduler();
    let config = Config::new().history(History::All).executor("default", "debug");
    scheduler.configure(&config).unwrap();
    scheduler.start().unwrap();
    scheduler
}

/// A job that fires every 10 s, whose run times are never too late.
fn job(on_resume: OnResume) -> JobBuilder {
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(10)).misfire_grace_time(None);
    job.coalesce(false).on_resume(on_resume)
}

/// Moves the clock to this second after the start, and processes jobs.
fn go_to(scheduler: &SteppedScheduler, seconds: i64) {
    scheduler.manual_clock().set(at(seconds));
    // A batch requests the next.
    for _ in 0..5 {
        scheduler.step();
    }
}

fn next(scheduler: &SteppedScheduler) -> NextRunTime {
    scheduler.get_job("a").unwrap().unwrap().next_run_time()
}

fn ran(events: &Recorder) -> Vec<Timestamp> {
    events.take().iter().map(|event| event.scheduled_run_times()[0]).collect()
}

/// The first and the last of the run times that were skipped, and how many they are; the earliest first.
fn skipped(scheduler: &SteppedScheduler) -> Vec<(Timestamp, Timestamp, u64)> {
    let query = RunQuery::new().job("a").state(RunState::Skipped);
    let runs = scheduler.runs(&query).unwrap();
    let range = runs.iter().rev().map(|run| {
        assert_eq!(run.reason, Some(Reason::Paused));
        (run.scheduled_run_time, run.until.unwrap_or(run.scheduled_run_time), run.count)
    });
    range.collect()
}

fn stored(store: &TestStore) -> Value {
    let record = store.lookup_job("a").unwrap().unwrap();
    serde_json::from_str(record.payload.as_text().unwrap()).unwrap()
}

#[test]
fn a_job_keeps_its_pause_until_it_is_resumed() {
    let (scheduler, store) = (scheduler(), TestStore::default());
    scheduler.add_jobstore("default", store.clone()).unwrap();
    scheduler.start().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    let before = stored(&store);
    let pause = Pause::new().note("the disk is full").actor("ada");
    let job = scheduler.pause_job_with("a", pause).unwrap();
    let paused = job.paused().unwrap();
    assert_eq!((paused.since, paused.until, paused.held), (at(0), None, Some(at(10))));
    assert_eq!(paused.note.as_deref(), Some("the disk is full"));
    assert!(paused.by.starts_with("ada via "), "{}", paused.by);
    assert_eq!(stored(&store)["version"], 2);
    assert_eq!(stored(&store)["pause"]["note"], "the disk is full");
    assert_eq!(scheduler.get_job("a").unwrap().unwrap().paused(), Some(paused));

    // Again, with another note: it is the same pause.
    scheduler.manual_clock().advance(TimeDelta::seconds(5));
    let job = scheduler.pause_job_with("a", Pause::new().note("it is new")).unwrap();
    let paused = job.paused().unwrap();
    assert_eq!((paused.since, paused.note.as_deref()), (at(0), Some("it is new")));

    let job = scheduler.resume_job("a").unwrap().unwrap();
    assert_eq!((job.paused(), job.next_run_time()), (None, NextRunTime::At(at(10))));
    assert_eq!(stored(&store), before);
}

#[test]
fn a_pause_may_have_an_end() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    scheduler.pause_job_with("a", Pause::new().until(at(35))).unwrap();
    assert_eq!(next(&scheduler), NextRunTime::At(at(40)));
    assert!(scheduler.get_job("a").unwrap().unwrap().paused().is_some());
    // What does not run is recorded at once.
    assert_eq!(skipped(&scheduler), [(at(10), at(30), 3)]);
    go_to(&scheduler, 30);
    assert!(ran(&events).is_empty());
    assert_eq!(scheduler.step(), Some(at(40)), "nothing needs to happen at its end");
    go_to(&scheduler, 50);
    assert_eq!(ran(&events), [at(40), at(50)]);
    assert_eq!(scheduler.get_job("a").unwrap().unwrap().paused(), None);
    assert_eq!(skipped(&scheduler).len(), 1);
}

#[test]
fn a_fire_time_at_the_end_of_a_pause_runs() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    scheduler.pause_job_with("a", Pause::new().until(at(30))).unwrap();
    assert_eq!(next(&scheduler), NextRunTime::At(at(30)));
    assert_eq!(skipped(&scheduler), [(at(10), at(20), 2)]);
}

#[test]
fn a_pause_that_holds_nothing_back_changes_no_run_time() {
    for on_resume in [OnResume::Next, OnResume::CatchUp] {
        let scheduler = recording();
        scheduler.add_job(job(on_resume)).unwrap();
        scheduler.pause_job_with("a", Pause::new().until(at(10))).unwrap();
        assert_eq!(next(&scheduler), NextRunTime::At(at(10)));
        go_to(&scheduler, 5);
        scheduler.pause_job("a").unwrap();
        scheduler.resume_job("a").unwrap();
        assert_eq!(next(&scheduler), NextRunTime::At(at(10)));
        assert_eq!(skipped(&scheduler), []);
    }
}

#[test]
fn run_times_of_a_pause_are_recorded_when_the_job_is_resumed() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    go_to(&scheduler, 10);
    scheduler.pause_job("a").unwrap();
    go_to(&scheduler, 45);
    assert_eq!(skipped(&scheduler), []);
    scheduler.resume_job("a").unwrap();
    assert_eq!(skipped(&scheduler), [(at(20), at(40), 3)]);
    go_to(&scheduler, 50);
    assert_eq!(ran(&events), [at(10), at(50)]);
}

#[test]
fn the_fire_time_of_the_moment_of_a_resumption_runs() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    scheduler.pause_job("a").unwrap();
    go_to(&scheduler, 20);
    scheduler.resume_job("a").unwrap();
    assert_eq!(next(&scheduler), NextRunTime::At(at(20)));
    assert_eq!(skipped(&scheduler), [(at(10), at(10), 1)]);
}

#[test]
fn a_job_that_is_resumed_may_catch_up() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::CatchUp)).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    go_to(&scheduler, 10);
    scheduler.pause_job("a").unwrap();
    go_to(&scheduler, 45);
    scheduler.resume_job("a").unwrap();
    go_to(&scheduler, 45);
    assert_eq!(ran(&events), [10, 20, 30, 40].map(at));
    assert_eq!((next(&scheduler), skipped(&scheduler)), (NextRunTime::At(at(50)), vec![]));
}

#[test]
fn catching_up_follows_the_rules_of_the_job() {
    let scheduler = recording();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED | EventMask::JOB_MISSED);
    scheduler.add_job(job(OnResume::CatchUp).coalesce(true)).unwrap();
    scheduler.pause_job("a").unwrap();
    go_to(&scheduler, 45);
    scheduler.resume_job("a").unwrap();
    scheduler.step();
    assert_eq!(ran(&events), [at(40)]);
    scheduler.modify_job("a", &JobChanges::new().coalesce(false).catchup_limit(2)).unwrap();
    scheduler.pause_job("a").unwrap();
    go_to(&scheduler, 85);
    scheduler.resume_job("a").unwrap();
    scheduler.step();
    assert_eq!(ran(&events), [at(70), at(80)]);
    let late = JobChanges::new().catchup_limit(None).misfire_grace_time(Duration::from_secs(6));
    scheduler.modify_job("a", &late).unwrap();
    scheduler.pause_job("a").unwrap();
    go_to(&scheduler, 105);
    scheduler.resume_job("a").unwrap();
    scheduler.step();
    assert_eq!(events.names(), ["JOB_MISSED a", "JOB_EXECUTED a"]);
}

#[test]
fn a_pause_with_an_end_may_be_caught_up() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::CatchUp)).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    go_to(&scheduler, 10);
    for (until, expected) in [(35, vec![20, 30]), (60, vec![40, 50, 60])] {
        ran(&events);
        scheduler.pause_job_with("a", Pause::new().until(at(until))).unwrap();
        assert_eq!(next(&scheduler), NextRunTime::At(at(until)));
        go_to(&scheduler, until - 1);
        assert!(ran(&events).is_empty());
        go_to(&scheduler, until);
        assert_eq!(ran(&events), expected.into_iter().map(at).collect::<Vec<_>>());
    }
    assert_eq!(skipped(&scheduler), []);
}

/// Nobody processes jobs for some seconds after the end of the pause, and the job is changed meanwhile.
#[test]
fn what_a_pause_held_back_is_caught_up_although_the_job_is_changed_after_it() {
    type Change = fn(&SteppedScheduler);
    let changes: [(Change, i64); 4] = [
        (|scheduler| drop(scheduler.modify_job("a", &JobChanges::new().name("b")).unwrap()), 37),
        (|scheduler| drop(scheduler.resume_job("a").unwrap()), 37),
        (|scheduler| drop(scheduler.pause_job_with("a", Pause::new().until(at(45))).unwrap()), 45),
        (
            |scheduler| {
                scheduler.pause_job("a").unwrap();
                scheduler.resume_job("a").unwrap();
            },
            37,
        ),
    ];
    for (change, claimed) in changes {
        let scheduler = recording();
        scheduler.add_job(job(OnResume::CatchUp)).unwrap();
        let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
        scheduler.pause_job_with("a", Pause::new().until(at(35))).unwrap();
        scheduler.manual_clock().set(at(37));
        change(&scheduler);
        go_to(&scheduler, claimed);
        let expected: Vec<Timestamp> = (1..=claimed / 10).map(|n| at(10 * n)).collect();
        assert_eq!(ran(&events), expected);
        assert_eq!(skipped(&scheduler), []);
    }
}

/// One claim takes 1000 run times. The next run time after it is the end of the pause here.
#[test]
fn nothing_is_caught_up_twice() {
    for until in [9_990, 9_999, 10_000, 10_010, 10_020] {
        let scheduler = recording();
        scheduler.add_job(job(OnResume::CatchUp)).unwrap();
        let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
        scheduler.pause_job_with("a", Pause::new().until(at(until))).unwrap();
        go_to(&scheduler, 10_025);
        let all: Vec<_> = (1..=1002).map(|n| at(10 * n)).collect();
        assert_eq!(ran(&events), all, "{until}");
    }
}

#[test]
fn a_pause_with_an_end_is_resumed_before_it() {
    for (on_resume, expected) in
        [(OnResume::Next, vec![at(20)]), (OnResume::CatchUp, vec![at(10), at(20)])]
    {
        let scheduler = recording();
        scheduler.add_job(job(on_resume)).unwrap();
        let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
        scheduler.pause_job_with("a", Pause::new().until(at(95))).unwrap();
        go_to(&scheduler, 15);
        let job = scheduler.resume_job("a").unwrap().unwrap();
        assert_eq!(job.paused(), None);
        go_to(&scheduler, 25);
        assert_eq!(ran(&events), expected);
    }
}

#[test]
fn each_run_time_of_several_pauses_is_recorded_once() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    scheduler.pause_job_with("a", Pause::new().until(at(25))).unwrap();
    scheduler.pause_job_with("a", Pause::new().until(at(45))).unwrap();
    assert_eq!(next(&scheduler), NextRunTime::At(at(50)));
    scheduler.pause_job("a").unwrap();
    assert_eq!(next(&scheduler), NextRunTime::Paused);
    go_to(&scheduler, 75);
    scheduler.resume_job("a").unwrap();
    assert_eq!(
        skipped(&scheduler),
        [(at(10), at(20), 2), (at(30), at(40), 2), (at(50), at(70), 3)]
    );
    assert_eq!(next(&scheduler), NextRunTime::At(at(80)));
}

#[test]
fn a_next_run_time_that_is_given_ends_the_pause() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    scheduler.pause_job("a").unwrap();
    go_to(&scheduler, 25);
    let job = scheduler.modify_job("a", &JobChanges::new().next_run_time(at(25))).unwrap();
    assert!(job.spec().unwrap().pause().is_none());
    assert_eq!(skipped(&scheduler), [(at(10), at(20), 2)]);

    scheduler.pause_job_with("a", Pause::new().until(at(95))).unwrap();
    let later = scheduler.modify_job("a", &JobChanges::new().next_run_time(at(200))).unwrap();
    assert!(later.paused().is_some(), "it lies after the pause");
    let sooner = scheduler.modify_job("a", &JobChanges::new().next_run_time(at(90))).unwrap();
    assert!(sooner.paused().is_none());
    scheduler.pause_job("a").unwrap();
    let renamed = scheduler.modify_job("a", &JobChanges::new().name("x")).unwrap();
    assert!(renamed.paused().is_some());
}

#[test]
fn a_pause_holds_back_the_run_times_of_a_new_trigger() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::CatchUp)).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    scheduler.pause_job("a").unwrap();
    go_to(&scheduler, 25);
    scheduler.modify_job("a", &JobChanges::new().trigger(every(7))).unwrap();
    go_to(&scheduler, 40);
    scheduler.resume_job("a").unwrap();
    go_to(&scheduler, 40);
    assert_eq!(ran(&events), [at(28), at(35)]);
}

#[test]
fn an_end_that_makes_no_sense_is_an_error() {
    let scheduler = recording();
    let once = TriggerConfig::new("date").option("run_date", "2027-01-01T00:01:00Z");
    scheduler.add_job(JobBuilder::new("tests::ok").id("once").trigger(once)).unwrap();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    let error = |id: &str, until: i64| {
        let error = scheduler.pause_job_with(id, Pause::new().until(at(until))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidJob);
        error.to_string()
    };
    assert!(error("a", 0).contains("has passed"));
    let never = error("once", 61);
    assert!(never.contains("it would never run again; pause it without an end"), "{never}");
    let job = scheduler.pause_job_with("once", Pause::new().until(at(60))).unwrap();
    assert_eq!(job.next_run_time(), NextRunTime::At(at(60)));
}

#[test]
fn a_job_that_is_held_for_the_start_can_be_paused() {
    let scheduler = scheduler();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    let end = scheduler.clock().now() + TimeDelta::seconds(35);
    let job = scheduler.pause_job_with("a", Pause::new().note("not yet").until(end)).unwrap();
    assert_eq!(job.next_run_time(), NextRunTime::At(at(40)));
    scheduler.start().unwrap();
    assert!(scheduler.get_job("a").unwrap().unwrap().paused().is_some());
    assert_eq!(next(&scheduler), NextRunTime::At(at(40)));
}

#[test]
fn a_pause_is_part_of_the_record_of_the_change() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    scheduler.pause_job_with("a", Pause::new().note("full").actor("ada").until(at(35))).unwrap();
    scheduler.resume_job("a").unwrap();
    let records = scheduler.audit(&RunQuery::new().job("a")).unwrap();
    let [resumed, paused] = [0, 1].map(|index| records[index].change().unwrap());
    assert_eq!((paused.what, paused.note.as_deref()), (ChangeKind::Paused, Some("full")));
    assert!(paused.who.starts_with("ada via "), "{}", paused.who);
    assert_eq!(paused.after.unwrap()["pause"]["until"], "2027-01-01T00:00:35+00:00");
    assert_eq!(
        (resumed.what, resumed.keys.contains(&"pause".to_owned())),
        (ChangeKind::Resumed, true)
    );
}

#[test]
fn a_long_pause_is_no_wrong_clock() {
    let scheduler = recording();
    scheduler.add_job(job(OnResume::Next)).unwrap();
    scheduler.pause_job_with("a", Pause::new().until(at(500_000))).unwrap();
    scheduler.manual_clock().adjust(TimeDelta::seconds(-10));
    let told = logged(Level::WARN, || {
        scheduler.turn();
    });
    assert!(!told.iter().any(|line| line.contains("wait much longer")), "{told:?}");
}
