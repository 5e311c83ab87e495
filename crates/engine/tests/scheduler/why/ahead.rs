//! The next run, and times that lie ahead.

use apscheduler_core::ErrorKind;
use apscheduler_core::job::{JobBuilder, JobChanges, Pause};
use apscheduler_core::ledger::{History, Reason};
use apscheduler_core::store::{JobPayload, JobStore as _, NewRecord};
use apscheduler_core::trigger::{After, AfterOn};
use apscheduler_engine::why::{EvidenceKind, Verdict};
use apscheduler_testkit::TestStore;
use apscheduler_triggers::AfterTrigger;
use serde_json::json;

use super::{advance, assert_answer, configured, has, job, started, why_at, why_next};
use crate::held_runs::HeldRuns;
use crate::recorder::at;

#[test]
fn a_time_that_lies_ahead_is_planned_or_not() {
    let scheduler = started();
    scheduler.add_job(job("a").next_run_time(at(40))).unwrap();
    assert_answer(
        &why_at(&scheduler, 40),
        Verdict::WillRun,
        "is to run at 2027-01-01 00:00:40 UTC",
    );
    assert_answer(
        &why_at(&scheduler, 90),
        Verdict::WillRun,
        "is to run at 2027-01-01 00:01:30 UTC",
    );
    assert_answer(
        &why_at(&scheduler, 20),
        Verdict::NotPlanned,
        "its next run time is 2027-01-01 00:00:40 UTC",
    );
    assert!(has(&why_next(&scheduler), EvidenceKind::Scheduler, "has processed jobs since"));
    // When that time has passed, the records tell the same.
    advance(&scheduler, 40);
    assert_answer(
        &why_at(&scheduler, 20),
        Verdict::NotPlanned,
        "its next run time had been set to 2027-01-01 00:00:40 UTC",
    );
}

#[test]
fn a_pause_stands_in_the_way() {
    let scheduler = started();
    scheduler.add_job(job("a")).unwrap();
    let pause = Pause::new().note("the disk is full").actor("ada").until(at(25));
    scheduler.pause_job_with("a", pause).unwrap();
    let next = why_next(&scheduler);
    assert_answer(&next, Verdict::Paused, "paused by ada via ");
    assert_answer(
        &next,
        Verdict::Paused,
        "until 2027-01-01 00:00:25 UTC: the disk is full; it runs next at 2027-01-01 00:00:30 UTC",
    );
    assert!(has(&next, EvidenceKind::Change, "paused by ada via "), "{next}");
    assert_eq!(why_at(&scheduler, 20).verdict, Verdict::Paused);
    assert_eq!(why_at(&scheduler, 40).verdict, Verdict::WillRun);
    advance(&scheduler, 30);
    let recorded = why_at(&scheduler, 20);
    assert_answer(
        &recorded,
        Verdict::Paused,
        "did not run at 2027-01-01 00:00:20 UTC: it was paused",
    );
    assert_eq!(recorded.reason, Some(Reason::Paused));
}

#[test]
fn a_paused_scheduler_stands_in_the_way() {
    let scheduler = started();
    scheduler.add_job(job("a")).unwrap();
    scheduler.pause().unwrap();
    advance(&scheduler, 15);
    assert_answer(
        &why_next(&scheduler),
        Verdict::SchedulerPaused,
        "is paused, and no other scheduler is running",
    );
    assert_answer(&why_at(&scheduler, 10), Verdict::SchedulerPaused, "every scheduler was paused");
}

#[test]
fn a_job_that_cannot_run_here_says_why() {
    let store = TestStore::default();
    let scheduler = configured(History::All);
    scheduler.add_jobstore("default", store.clone()).unwrap();
    scheduler.start().unwrap();
    let trigger = json!({"type": "interval", "seconds": 10, "start_date": "2027-01-01T00:00:10+00:00", "timezone": "UTC"});
    let state = |func: &str, executor: &str| {
        let state = json!({"version": 1, "id": "a", "name": "n", "func": func, "trigger": trigger, "executor": executor,
            "misfire_grace_time": null, "coalesce": true, "max_instances": 1});
        JobPayload::Encoded(state.to_string().into())
    };
    store
        .add_jobs(vec![NewRecord::new("a", Some(at(10)), state("tests::gone", "default"))])
        .unwrap();
    let broken = why_next(&scheduler);
    assert_answer(
        &broken,
        Verdict::Broken,
        "is to run at 2027-01-01 00:00:10 UTC, but this program can't restore it",
    );
    assert!(has(&broken, EvidenceKind::Trigger, "interval[0:00:10]"), "{broken}");
    assert_answer(&why_at(&scheduler, 15), Verdict::NotPlanned, "next at 2027-01-01 00:00:20 UTC");
    store.remove_job("a").unwrap();
    store.add_jobs(vec![NewRecord::new("a", Some(at(10)), state("tests::ok", "night"))]).unwrap();
    let why = why_next(&scheduler);
    assert_answer(&why, Verdict::NoExecutor, "no executor has the alias `night`");
    assert!(why.answer.contains("executors of this scheduler: default"), "{why}");
    advance(&scheduler, 15);
    assert_answer(
        &why_next(&scheduler),
        Verdict::NoExecutor,
        "is due since 2027-01-01 00:00:10 UTC, but no executor",
    );
}

#[test]
fn a_full_executor_stands_in_the_way() {
    let scheduler = started();
    let held = HeldRuns::new(1);
    scheduler.add_executor("held", held.clone()).unwrap();
    scheduler.add_job(job("first").executor("held")).unwrap();
    scheduler.add_job(job("a").executor("held")).unwrap();
    let second = scheduler.get_job("a").unwrap().unwrap();
    second.modify(&JobChanges::new().next_run_time(at(11))).unwrap();
    advance(&scheduler, 10);
    advance(&scheduler, 2);
    assert_answer(
        &why_next(&scheduler),
        Verdict::Due,
        "is due since 2027-01-01 00:00:11 UTC: its executor is full",
    );
    assert_eq!(held.execute_all(), 1);
}

#[test]
fn a_job_that_nobody_knows_is_an_error() {
    let scheduler = started();
    assert_eq!(scheduler.why("a", None).unwrap_err().kind(), ErrorKind::JobLookup);
    assert_eq!(scheduler.why(("disk", "a"), None).unwrap_err().kind(), ErrorKind::UnknownAlias);
    let held = configured(History::All);
    held.add_job(job("a")).unwrap();
    assert_answer(&why_next(&held), Verdict::NoScheduler, "held until its scheduler is started");
}

#[test]
fn a_store_that_fails_is_an_answer() {
    let store = TestStore::default();
    let scheduler = configured(History::All);
    scheduler.add_jobstore("default", store.clone()).unwrap();
    scheduler.start().unwrap();
    scheduler.add_job(job("a")).unwrap();
    store.fail(true);
    let why = why_next(&scheduler);
    assert_answer(&why, Verdict::StoreUnavailable, "its store `default` fails");
    assert!(has(&why, EvidenceKind::Store, ""), "{why}");
}

#[test]
fn a_job_that_follows_others_runs_when_they_end() {
    let scheduler = started();
    let after = [After::new("extract"), After::new("load").on(AfterOn::Failed)];
    let follower = JobBuilder::new("tests::ok").id("a").trigger(AfterTrigger::new(after).unwrap());
    scheduler.add_job(follower).unwrap();
    let next = why_next(&scheduler);
    let text = "runs when a run of `extract` succeeds, or one of `load` fails for good";
    assert_answer(&next, Verdict::AfterOthers, text);
    scheduler.add_job(job("extract")).unwrap();
    advance(&scheduler, 10);
    scheduler.turn();
    scheduler.turn();
    assert_answer(&why_at(&scheduler, 10), Verdict::Ran, "");
}
