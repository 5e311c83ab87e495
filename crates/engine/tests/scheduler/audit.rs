//! Changes of jobs leave a record: who changed what, and how.

use apscheduler_core::Shutdown;
use apscheduler_core::config::Config;
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_core::ledger::{Change, ChangeKind, History, RunQuery, RunState};
use apscheduler_testkit::SteppedScheduler;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::recorder::{at, every, scheduler};

fn recording(history: History) -> SteppedScheduler {
    let scheduler = scheduler();
    let config = Config::new().history(history).executor("default", "debug").timezone(chrono::Utc);
    scheduler.configure(&config).unwrap();
    scheduler.start().unwrap();
    scheduler
}

fn job(id: &str) -> JobBuilder {
    JobBuilder::new("tests::ok").id(id).trigger(every(10))
}

/// The changes of a job, the earliest first.
fn changes(scheduler: &SteppedScheduler, job: &str) -> Vec<Change> {
    let records = scheduler.audit(&RunQuery::new().job(job)).unwrap();
    assert!(records.iter().all(|record| record.state == RunState::Changed));
    records.iter().rev().map(|record| record.change().unwrap()).collect()
}

fn kinds(changes: &[Change]) -> Vec<ChangeKind> {
    changes.iter().map(|change| change.what).collect()
}

#[test]
fn each_change_of_a_job_is_recorded_with_what_differs() {
    let scheduler = recording(History::All);
    scheduler.add_job(job("a")).unwrap();
    scheduler.modify_job("a", &JobChanges::new().name("b").max_instances(3)).unwrap();
    scheduler.reschedule_job("a", every(20)).unwrap();
    scheduler.remove_job("a").unwrap();
    let changes = changes(&scheduler, "a");
    let expected =
        [ChangeKind::Added, ChangeKind::Modified, ChangeKind::Rescheduled, ChangeKind::Removed];
    assert_eq!(kinds(&changes), expected);
    let [added, modified, rescheduled, removed] = <[Change; 4]>::try_from(changes).unwrap();
    let job = added.after.unwrap();
    assert_eq!((&job["id"], &job["func"]), (&json!("a"), &json!("tests::ok")));
    assert_eq!(job["next_run_time"], "2027-01-01T00:00:10+00:00");
    assert_eq!(added.before, None);
    assert_eq!(modified.keys, ["name", "max_instances"]);
    assert_eq!(modified.before, Some(json!({"name": "tests::ok", "max_instances": 1})));
    assert_eq!(modified.after, Some(json!({"name": "b", "max_instances": 3})));
    assert_eq!(rescheduled.keys, ["trigger", "next_run_time"]);
    let gone = removed.before.unwrap();
    assert_eq!((&gone["name"], removed.after), (&json!("b"), None));
}

#[test]
fn pausing_and_resuming_are_recorded() {
    let scheduler = recording(History::All);
    scheduler.add_job(job("a")).unwrap();
    scheduler.pause_job("a").unwrap();
    scheduler.resume_job("a").unwrap();
    let changes = changes(&scheduler, "a");
    assert_eq!(kinds(&changes)[1..], [ChangeKind::Paused, ChangeKind::Resumed]);
    assert_eq!(changes[1].after.as_ref().unwrap()["next_run_time"], Value::Null);
    assert_eq!(changes[2].before.as_ref().unwrap()["next_run_time"], Value::Null);
}

#[test]
fn a_job_whose_schedule_has_ended_is_removed_with_a_note() {
    let scheduler = recording(History::All);
    let ends = every(10).end_date(at(15));
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(ends)).unwrap();
    scheduler.pause_job("a").unwrap();
    scheduler.manual_clock().advance(TimeDelta::seconds(60));
    assert!(scheduler.resume_job("a").unwrap().is_none());
    let last = changes(&scheduler, "a").pop().unwrap();
    assert_eq!(
        (last.what, last.note.as_deref()),
        (ChangeKind::Removed, Some("its schedule has ended"))
    );
}

#[test]
fn a_record_says_who_did_it() {
    let scheduler = recording(History::All);
    scheduler.add_job(job("a")).unwrap();
    let handle = scheduler.acting_as("ada");
    let found = handle.get_job("a").unwrap().unwrap();
    found.pause().unwrap();
    let changes = changes(&scheduler, "a");
    let program = &changes[0].who;
    assert!(program.contains('@') && program.ends_with(&format!("({})", std::process::id())));
    assert_eq!(changes[1].who, format!("ada via {program}"));
}

#[test]
fn changes_are_no_runs() {
    let scheduler = recording(History::All);
    scheduler.add_job(job("a")).unwrap();
    assert!(scheduler.runs(&RunQuery::new()).unwrap().is_empty());
    let asked = scheduler.runs(&RunQuery::new().state(RunState::Changed)).unwrap();
    let (change, of_job) = (&asked[0], RunQuery::new().job("a"));
    assert_eq!((&*change.job_id, change.scheduled_run_time), ("a", at(0)));
    assert_eq!(scheduler.runs(&RunQuery::new().run(change.run_id)).unwrap(), asked[..1]);
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(scheduler.runs(&of_job).unwrap().len(), 1);
    assert_eq!(scheduler.audit(&of_job).unwrap().len(), 1);
    assert_eq!(scheduler.audit_in("default", &of_job).unwrap().len(), 1);
}

#[test]
fn what_is_recorded_is_as_the_job_and_the_scheduler_say() {
    let scheduler = recording(History::All);
    let arguments = [json!("secret"), json!(1)];
    let private = JobBuilder::new(|_: String, _: i64| ()).id("private").args(arguments);
    scheduler.add_job(private.record_result(false).next_run_time(at(100))).unwrap();
    scheduler.modify_job("private", &JobChanges::new().name("x")).unwrap();
    scheduler.remove_job("private").unwrap();
    for change in changes(&scheduler, "private") {
        assert_eq!((change.before, change.after), (None, None));
    }
    scheduler.add_job(job("off").history(History::Off)).unwrap();
    scheduler.remove_job("off").unwrap();
    assert!(changes(&scheduler, "off").is_empty());

    let quiet = recording(History::Off);
    quiet.add_job(job("a")).unwrap();
    assert!(quiet.audit(&RunQuery::new()).unwrap().is_empty());
    quiet.add_job(job("b").history(History::Failures)).unwrap();
    assert_eq!(kinds(&changes(&quiet, "b")), [ChangeKind::Added]);
}

/// The function has no name that could be written, so only the next run time is recorded.
#[test]
fn a_job_that_cannot_be_written_has_its_next_run_time() {
    let scheduler = recording(History::All);
    scheduler.add_job(JobBuilder::new(|| ()).id("a").trigger(every(10))).unwrap();
    let added = changes(&scheduler, "a").pop().unwrap();
    assert_eq!(added.after, Some(json!({"next_run_time": "2027-01-01T00:00:10+00:00"})));
}

#[test]
fn a_state_that_is_too_long_is_left_out() {
    let scheduler = recording(History::All);
    let long = job("a").name("x".repeat(100_000));
    scheduler.add_job(long).unwrap();
    let added = changes(&scheduler, "a").pop().unwrap();
    assert_eq!((added.what, added.after), (ChangeKind::Added, None));
}

#[test]
fn many_jobs_of_one_call_have_one_record() {
    let scheduler = recording(History::All);
    scheduler.add_jobs((0..1001).map(|number| job(&number.to_string())).collect()).unwrap();
    assert!(changes(&scheduler, "0").is_empty());
    let added = changes(&scheduler, "").pop().unwrap();
    assert_eq!((added.what, added.jobs), (ChangeKind::Added, Some(1001)));
    scheduler.remove_all_jobs().unwrap();
    let removed = changes(&scheduler, "").pop().unwrap();
    assert_eq!((removed.what, removed.jobs), (ChangeKind::Removed, None));
    scheduler.add_jobs(vec![job("a"), job("b")]).unwrap();
    assert_eq!(kinds(&changes(&scheduler, "b")), [ChangeKind::Added]);
}

#[test]
fn imported_jobs_are_recorded() {
    let (from, to) = (recording(History::All), recording(History::All));
    from.add_job(job("a")).unwrap();
    let mut text = Vec::new();
    from.export_jobs(&mut text).unwrap();
    to.import_jobs("default", &mut text.as_slice()).unwrap();
    let imported = changes(&to, "a").pop().unwrap();
    assert_eq!(
        (imported.what, &imported.after.unwrap()["id"]),
        (ChangeKind::Imported, &json!("a"))
    );
}

#[test]
fn jobs_held_for_the_start_are_recorded_at_the_start() {
    let scheduler = scheduler();
    scheduler.configure(&Config::new().history(History::All).executor("default", "debug")).unwrap();
    scheduler.add_job(job("a")).unwrap();
    scheduler.modify_job("a", &JobChanges::new().name("x")).unwrap();
    scheduler.start().unwrap();
    let added = changes(&scheduler, "a").pop().unwrap();
    assert_eq!((added.what, &added.after.unwrap()["name"]), (ChangeKind::Added, &json!("x")));
}

#[test]
fn schedulers_record_when_they_process_jobs() {
    let scheduler = recording(History::All);
    scheduler.acting_as("ada").pause().unwrap();
    scheduler.pause().unwrap();
    scheduler.resume().unwrap();
    scheduler.shutdown(Shutdown::Wait).unwrap();
    // A program that only looks after jobs processes none.
    scheduler.start_paused().unwrap();
    scheduler.shutdown(Shutdown::Wait).unwrap();
    scheduler.start_paused().unwrap();
    scheduler.resume().unwrap();
    let changes = changes(&scheduler, "");
    let expected = [
        ChangeKind::SchedulerStarted,
        ChangeKind::SchedulerPaused,
        ChangeKind::SchedulerResumed,
        ChangeKind::SchedulerStopped,
        ChangeKind::SchedulerStarted,
    ];
    assert_eq!(kinds(&changes), expected);
    assert!(changes[1].who.starts_with("ada via "));
}
