//! Times of which there is no record.

use apscheduler_core::Shutdown;
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_core::ledger::History;
use apscheduler_engine::why::{EvidenceKind, Verdict};
use apscheduler_triggers::DateTrigger;
use chrono::TimeDelta;

use super::{
    advance, assert_answer, configured, has, job, on, onlooker, started, why_at, why_next,
};
use crate::common_store::CommonStore;
use crate::recorder::{at, every};

#[test]
fn a_time_at_which_the_trigger_does_not_fire_has_neighbours() {
    let scheduler = started();
    scheduler.add_job(job("a")).unwrap();
    advance(&scheduler, 30);
    let why = why_at(&scheduler, 15);
    assert_answer(
        &why,
        Verdict::NotPlanned,
        "fires at 2027-01-01 00:00:10 UTC and next at 2027-01-01 00:00:20 UTC",
    );
    assert_eq!((why.planned_before, why.planned_after), (Some(at(10)), Some(at(20))));
    assert!(has(&why, EvidenceKind::Trigger, "interval"), "{why}");
    let ahead = why_at(&scheduler, 45);
    assert_answer(&ahead, Verdict::NotPlanned, "is not to run at");
    assert_eq!((ahead.planned_before, ahead.planned_after), (Some(at(40)), Some(at(50))));
}

#[test]
fn a_pause_without_an_end_is_found_before_anything_is_recorded() {
    let scheduler = started();
    scheduler.add_job(job("a")).unwrap();
    scheduler.acting_as("ada").pause_job("a").unwrap();
    advance(&scheduler, 30);
    let why = why_at(&scheduler, 20);
    assert_answer(
        &why,
        Verdict::Paused,
        "did not run at 2027-01-01 00:00:20 UTC: it was paused by ada via ",
    );
    assert_answer(&why_next(&scheduler), Verdict::Paused, "is paused by ada via ");
    // The record of the run times that were held back counts as well.
    scheduler.resume_job("a").unwrap();
    assert_eq!(why_at(&scheduler, 20).verdict, Verdict::Paused);
    scheduler.modify_job("a", &JobChanges::new().next_run_time(None)).unwrap();
    assert_answer(&why_next(&scheduler), Verdict::Paused, "is paused: it has no next run time");
}

#[test]
fn the_life_of_a_job_has_a_begin_and_an_end() {
    let scheduler = started();
    advance(&scheduler, 15);
    scheduler.acting_as("ada").add_job(job("a")).unwrap();
    advance(&scheduler, 10);
    scheduler.acting_as("bob").remove_job("a").unwrap();
    advance(&scheduler, 20);
    assert_answer(
        &why_at(&scheduler, 10),
        Verdict::NotYetAdded,
        "it was added later, at 2027-01-01 00:00:15 UTC, by ada via",
    );
    assert_answer(
        &why_at(&scheduler, 30),
        Verdict::Removed,
        "it was removed before, at 2027-01-01 00:00:25 UTC, by bob via",
    );
    assert_answer(
        &why_next(&scheduler),
        Verdict::Removed,
        "does not run any more: it was removed at",
    );
    // Its trigger is known from the record of its removal.
    let between = why_at(&scheduler, 22);
    assert_answer(&between, Verdict::NotPlanned, "next at 2027-01-01 00:00:30 UTC");
}

#[test]
fn a_job_that_has_run_for_the_last_time_is_gone() {
    let scheduler = started();
    let once = DateTrigger::at(at(10)).timezone(chrono::Utc);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(once)).unwrap();
    advance(&scheduler, 10);
    assert_eq!(why_at(&scheduler, 10).verdict, Verdict::Ran);
    assert_answer(&why_next(&scheduler), Verdict::Finished, "does not run any more");
    advance(&scheduler, 10);
    assert_answer(
        &why_at(&scheduler, 15),
        Verdict::NotPlanned,
        "fires for the last time at 2027-01-01 00:00:10 UTC",
    );
}

#[test]
fn an_earlier_trigger_counts_for_its_time() {
    let scheduler = started();
    scheduler.add_job(job("a")).unwrap();
    advance(&scheduler, 10);
    scheduler.reschedule_job("a", every(7)).unwrap();
    advance(&scheduler, 30);
    // 7 is a fire time of the new trigger, 10 one of the old.
    let why = why_at(&scheduler, 7);
    assert_answer(
        &why,
        Verdict::OtherTrigger,
        "its trigger was another one until 2027-01-01 00:00:10 UTC",
    );
    assert!(has(&why, EvidenceKind::Change, "rescheduled by"), "{why}");
    assert!(has(&why, EvidenceKind::Trigger, "at that time was interval[0:00:10]"), "{why}");
    assert_eq!(why_at(&scheduler, 10).verdict, Verdict::Ran);
    assert_eq!(why_at(&scheduler, 20).verdict, Verdict::NotPlanned);
}

#[test]
fn a_time_without_a_scheduler_says_so() {
    let store = CommonStore::default();
    let first = on(&store, 0);
    first.start().unwrap();
    first.add_job(job("a").misfire_grace_time(None)).unwrap();
    advance(&first, 10);
    first.shutdown(Shutdown::Wait).unwrap();

    let looks = onlooker(&store, 45);
    let next = why_next(&looks);
    assert_answer(
        &next,
        Verdict::NoScheduler,
        "no scheduler has been running since 2027-01-01 00:00:10 UTC",
    );
    assert!(has(&next, EvidenceKind::Scheduler, "when it was shut down"), "{next}");
    let due = why_at(&looks, 30);
    assert_answer(
        &due,
        Verdict::NoScheduler,
        "did not run at 2027-01-01 00:00:30 UTC: no scheduler has been running",
    );
    assert!(has(&due, EvidenceKind::Job, "is due since 2027-01-01 00:00:20 UTC"), "{due}");

    let second = on(&store, 65);
    second.start().unwrap();
    second.step();
    let why = why_at(&onlooker(&store, 70), 30);
    assert_answer(
        &why,
        Verdict::Coalesced,
        "no scheduler was running from 2027-01-01 00:00:10 UTC until 2027-01-01 00:01:05 UTC",
    );
    assert_answer(&why, Verdict::Coalesced, "its run for 2027-01-01 00:01:00 UTC stands for it");
    assert_eq!(
        why.evidence.iter().filter(|it| it.kind == EvidenceKind::Scheduler).count(),
        2,
        "{why}"
    );
}

#[test]
fn what_is_not_recorded_is_not_invented() {
    let scheduler = started();
    scheduler.add_job(job("a").history(History::Failures)).unwrap();
    advance(&scheduler, 10);
    advance(&scheduler, 10);
    assert_answer(
        &why_at(&scheduler, 10),
        Verdict::NotRecorded,
        "probably ran at 2027-01-01 00:00:10 UTC and succeeded",
    );
    let quiet = configured(History::Off);
    quiet.start().unwrap();
    quiet.add_job(job("a")).unwrap();
    advance(&quiet, 10);
    advance(&quiet, 10);
    assert_answer(&why_at(&quiet, 10), Verdict::NotRecorded, "its `history` is off");
    assert_eq!(why_next(&quiet).verdict, Verdict::WillRun);
}

#[test]
fn a_record_that_is_too_old_is_missed() {
    let scheduler = started();
    scheduler.add_job(job("a").history(History::Failures)).unwrap();
    advance(&scheduler, 10);
    scheduler.modify_job("a", &JobChanges::new().history(History::All)).unwrap();
    let after = |days: i64| {
        scheduler.manual_clock().set(at(10) + TimeDelta::days(days));
        why_at(&scheduler, 10)
    };
    assert_answer(&after(5), Verdict::NotRecorded, "runs that succeeded are kept for 3 days");
    assert_answer(&after(91), Verdict::NotRecorded, "records are kept for 90 days");
    scheduler.manual_clock().set(at(12));
    assert_answer(&why_at(&scheduler, 10), Verdict::Unknown, "nothing that is recorded tells why");
}
