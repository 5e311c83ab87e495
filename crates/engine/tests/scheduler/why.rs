//! Why a job ran, or did not.

use std::time::Duration;

use apscheduler_core::config::Config;
use apscheduler_core::job::{JobBuilder, JobChanges, Pause, Retry};
use apscheduler_core::ledger::{History, Reason, RunState};
use apscheduler_core::store::{JobPayload, JobStore as _, NewRecord};
use apscheduler_core::{ErrorKind, Shutdown};
use apscheduler_engine::why::{EvidenceKind, Verdict, Why};
use apscheduler_testkit::{SteppedScheduler, TestStore};
use apscheduler_triggers::{CronTrigger, DateTrigger};
use chrono::TimeDelta;
use serde_json::json;

use crate::common_store::CommonStore;
use crate::held_runs::HeldRuns;
use crate::recorder::{at, every, scheduler};

fn configured(history: History) -> SteppedScheduler {
    let scheduler = scheduler();
    let config = Config::new().history(history).executor("default", "debug").timezone(chrono::Utc);
    scheduler.configure(&config).unwrap();
    scheduler
}

fn started() -> SteppedScheduler {
    let scheduler = configured(History::All);
    scheduler.start().unwrap();
    scheduler
}

/// Returns a scheduler on this store, whose clock shows this second.
fn on(store: &CommonStore, second: i64) -> SteppedScheduler {
    let scheduler = configured(History::All);
    scheduler.add_jobstore("default", store.clone()).unwrap();
    scheduler.manual_clock().set(at(second));
    scheduler
}

/// Returns a scheduler that only looks.
fn onlooker(store: &CommonStore, second: i64) -> SteppedScheduler {
    let scheduler = on(store, second);
    scheduler.open_read_only().unwrap();
    scheduler.start_paused().unwrap();
    scheduler
}

fn job(id: &str) -> JobBuilder {
    JobBuilder::new("tests::ok").id(id).trigger(every(10))
}

fn advance(scheduler: &SteppedScheduler, seconds: i64) {
    scheduler.advance(TimeDelta::seconds(seconds));
}

fn why_at(scheduler: &SteppedScheduler, second: i64) -> Why {
    scheduler.why("a", at(second)).unwrap()
}

fn why_next(scheduler: &SteppedScheduler) -> Why {
    scheduler.why("a", None).unwrap()
}

/// Asserts that the answer has this verdict and this text.
#[track_caller]
fn assert_answer(why: &Why, verdict: Verdict, text: &str) {
    assert_eq!(why.verdict, verdict, "{why}");
    assert!(why.answer.contains(text), "{why}");
}

fn has(why: &Why, kind: EvidenceKind, text: &str) -> bool {
    why.evidence.iter().any(|evidence| evidence.kind == kind && evidence.text.contains(text))
}

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

#[test]
fn a_random_delay_is_told() {
    let scheduler = started();
    let trigger = CronTrigger::builder().minute("*/10").timezone(chrono::Utc);
    let trigger = trigger.jitter(Duration::from_secs(60)).build().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(trigger)).unwrap();
    advance(&scheduler, 300);
    let why = why_at(&scheduler, 299);
    assert_answer(&why, Verdict::NotPlanned, "each time with a random delay");
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
