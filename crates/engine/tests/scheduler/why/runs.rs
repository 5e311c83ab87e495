//! Times of which there is a record.

use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::job::{JobBuilder, Retry};
use apscheduler_core::ledger::{Reason, RunRecord, RunState, Writes};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::JobStore as _;
use apscheduler_engine::why::{EvidenceKind, Verdict};
use apscheduler_triggers::CronTrigger;

use super::{advance, assert_answer, has, job, on, started, why_at, why_next};
use crate::common_store::CommonStore;
use crate::held_runs::HeldRuns;
use crate::recorder::{at, every};

#[test]
fn a_run_that_succeeded_has_its_record() {
    let scheduler = started();
    scheduler.add_job(job("a")).unwrap();
    advance(&scheduler, 10);
    let why = why_at(&scheduler, 10);
    assert_answer(&why, Verdict::Ran, "`a` ran at 2027-01-01 00:00:10 UTC, for ");
    assert_eq!((why.state, why.run_time), (Some(RunState::Ok), Some(at(10))));
    assert!(why.run_id.is_some() && why.owner.is_some());
    assert!(has(&why, EvidenceKind::Record, "2027-01-01 00:00:10 UTC: ok"), "{why}");
}

#[test]
fn a_run_that_failed_has_its_error_and_its_attempts() {
    let scheduler = started();
    let retry = Retry::new(2).jitter(Duration::ZERO).delay(Duration::from_secs(5));
    let fails = JobBuilder::new("tests::broken").id("a").trigger(every(100)).retry(retry);
    scheduler.add_job(fails).unwrap();
    advance(&scheduler, 100);
    let waiting = why_at(&scheduler, 100);
    assert_answer(
        &waiting,
        Verdict::Waiting,
        "it waits for attempt 2, due at 2027-01-01 00:01:45 UTC",
    );
    let next = why_next(&scheduler);
    assert_answer(&next, Verdict::WillRun, "is to run at 2027-01-01 00:03:20 UTC");
    assert!(has(&next, EvidenceKind::Record, "waits for attempt 2"), "{next}");
    advance(&scheduler, 5);
    let why = why_at(&scheduler, 100);
    assert_answer(&why, Verdict::Failed, "failed at attempt 2: broken");
    assert_eq!(
        why.evidence.iter().filter(|it| it.kind == EvidenceKind::Record).count(),
        2,
        "{why}"
    );
}

#[test]
fn a_run_that_has_not_ended_is_running_and_stands_in_the_way() {
    let scheduler = started();
    let held = HeldRuns::new(usize::MAX);
    scheduler.add_executor("held", held.clone()).unwrap();
    scheduler.add_job(job("a").executor("held").max_instances(1)).unwrap();
    advance(&scheduler, 10);
    advance(&scheduler, 10);
    let skipped = why_at(&scheduler, 20);
    assert_answer(
        &skipped,
        Verdict::Skipped,
        "did not run at 2027-01-01 00:00:20 UTC: its run before had not ended",
    );
    assert_eq!(skipped.reason, Some(Reason::Overlap));
    held.execute_all();
    let missed = why_at(&scheduler, 10);
    assert_answer(
        &missed,
        Verdict::Missed,
        "would have started at 2027-01-01 00:00:20 UTC, later than its `misfire_grace_time` of 1 s",
    );
}

#[test]
fn run_times_that_coalesced_name_the_run_that_stands_for_them() {
    let scheduler = started();
    scheduler.add_job(job("a").misfire_grace_time(None)).unwrap();
    advance(&scheduler, 35);
    let why = why_at(&scheduler, 20);
    assert_answer(
        &why,
        Verdict::Coalesced,
        "its run for 2027-01-01 00:00:30 UTC stands for it: ok",
    );
    assert!(
        has(
            &why,
            EvidenceKind::Record,
            "2 run times from 2027-01-01 00:00:10 UTC until 2027-01-01 00:00:20 UTC"
        ),
        "{why}"
    );
    assert_eq!(why.run_time, Some(at(20)));
    // A range has no run times between those of the trigger.
    assert_eq!(why_at(&scheduler, 15).verdict, Verdict::NotPlanned);
}

#[test]
fn a_run_that_was_too_late_says_why_no_scheduler_was_there() {
    let store = CommonStore::default();
    let first = on(&store, 0);
    first.start().unwrap();
    first.add_job(job("a").trigger(every(60))).unwrap();
    first.shutdown(Shutdown::Wait).unwrap();
    let second = on(&store, 100);
    second.start().unwrap();
    second.step();
    let why = why_at(&second, 60);
    assert_answer(
        &why,
        Verdict::Missed,
        "no scheduler was running from 2027-01-01 00:00:00 UTC until 2027-01-01 00:01:40 UTC",
    );
    assert_eq!(why.reason, Some(Reason::AllDown));
}

/// Other schedulers write the records.
#[test]
fn each_outcome_has_its_sentence() {
    let store = CommonStore::default();
    let scheduler = on(&store, 0);
    scheduler.start().unwrap();
    scheduler.add_job(job("a")).unwrap();
    let owner = OwnerId::random();
    let record = |second: i64, state| {
        let record = RunRecord::new(RunId::new(at(second)), "a", at(second), owner, state);
        record.claimed(at(second))
    };
    let mut lost = record(10, RunState::Lost).ended(at(500));
    lost.late = Some(RunState::Ok);
    let records = [
        lost,
        record(20, RunState::TimedOut).started(at(23)).ended(at(24)).error("too long"),
        record(30, RunState::Cancelled).ended(at(31)),
        record(40, RunState::Cancelled).started(at(40)).ended(at(41)),
        record(50, RunState::Claimed),
        record(60, RunState::Failed).started(at(60)).error("first line\nsecond line"),
    ];
    let ledger = store.ledger().unwrap();
    ledger.append(owner, &Writes::new().records(&records)).unwrap();
    scheduler.manual_clock().set(at(65));
    let expected = [
        (10, Verdict::Lost, "nobody knows how that ended: the scheduler "),
        (10, Verdict::Lost, "it told later that the run is ok"),
        (
            20,
            Verdict::TimedOut,
            "ran at 2027-01-01 00:00:23 UTC for its run time 2027-01-01 00:00:20 UTC, and was ended at its",
        ),
        (30, Verdict::Cancelled, "the run was cancelled before it began"),
        (40, Verdict::Cancelled, "was cancelled while it ran"),
        (50, Verdict::Running, "the run was claimed at 2027-01-01 00:00:50 UTC by the scheduler "),
        (60, Verdict::Failed, "ran at 2027-01-01 00:01:00 UTC and failed: first line"),
    ];
    for (second, verdict, text) in expected {
        assert_answer(&why_at(&scheduler, second), verdict, text);
    }
    assert_eq!(why_at(&scheduler, 10).owner, Some(owner));
}

#[test]
fn a_random_delay_is_told() {
    let scheduler = started();
    let trigger = CronTrigger::builder().minute("*/10").timezone(chrono::Utc);
    let trigger = trigger.jitter(Duration::from_secs(60)).build().unwrap();
    scheduler
        .add_job(JobBuilder::new("tests::ok").id("a").trigger(trigger).misfire_grace_time(None))
        .unwrap();
    advance(&scheduler, 300);
    let why = why_at(&scheduler, 299);
    assert_answer(&why, Verdict::NotPlanned, "each time with a random delay");
    // The time without the delay stands for the one with it.
    let next = scheduler.get_job("a").unwrap().unwrap().next_run_time().instant().unwrap();
    let ahead = why_at(&scheduler, 600);
    assert_eq!((ahead.verdict, ahead.run_time), (Verdict::WillRun, Some(next)), "{ahead}");
    advance(&scheduler, 361);
    let ran = why_at(&scheduler, 600);
    assert_eq!((ran.verdict, ran.run_time), (Verdict::Ran, Some(next)), "{ran}");
}

#[test]
fn an_answer_is_written_as_a_table() {
    let scheduler = started();
    scheduler.add_job(job("a")).unwrap();
    advance(&scheduler, 10);
    let why = serde_json::to_value(why_at(&scheduler, 10)).unwrap();
    assert_eq!(why["job_id"], "a");
    assert_eq!(why["verdict"], "ran");
    assert_eq!(why["asked"], "2027-01-01T00:00:10+00:00");
    assert_eq!(why["timezone"], "UTC");
    assert_eq!(why["evidence"][0]["kind"], "record");
    assert_eq!(why["evidence"][0]["record"]["state"], "ok");
    assert_eq!(why.get("reason"), None);
}
