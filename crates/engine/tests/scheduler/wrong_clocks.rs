//! Clock changes are reported, and jobs with run times from a wrong clock can be repaired.

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_core::trigger::TriggerConfig;
use apscheduler_engine::job::NextRunTime;
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;
use serde_json::json;
use tracing::Level;

use crate::captured_log::logged;
use crate::recorder::{Recorder, at, every, scheduler};

const YEARS: TimeDelta = TimeDelta::days(71 * 365);

fn warnings(scheduler: &SteppedScheduler) -> Vec<String> {
    logged(Level::WARN, || {
        scheduler.turn();
    })
}

fn next(scheduler: &SteppedScheduler, id: &str) -> NextRunTime {
    scheduler.get_job(id).unwrap().unwrap().next_run_time()
}

#[test]
fn a_clock_change_is_reported_with_its_size() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").trigger(every(3600))).unwrap();
    assert!(warnings(&scheduler).is_empty());
    for seconds in [1, 60, 50_000] {
        scheduler.manual_clock().advance(TimeDelta::seconds(seconds));
        let told = warnings(&scheduler);
        assert!(!told.iter().any(|line| line.contains("clock")), "{told:?}");
    }
    scheduler.manual_clock().adjust(TimeDelta::milliseconds(-900));
    assert!(warnings(&scheduler).is_empty(), "a small correction is not reported");
    scheduler.manual_clock().adjust(TimeDelta::seconds(-7265));
    let told = warnings(&scheduler);
    assert!(told[0].starts_with("the clock was set back by 2 h 1 min: each job waits"), "{told:?}");
    scheduler.manual_clock().adjust(TimeDelta::days(3));
    let told = warnings(&scheduler);
    assert!(told[0].starts_with("the clock moved forward by 3 d: it was set, or"), "{told:?}");
    scheduler.manual_clock().advance(TimeDelta::seconds(1));
    assert!(warnings(&scheduler).is_empty(), "it is reported once");
}

#[test]
fn a_clock_change_before_a_start_is_not_reported() {
    let scheduler = scheduler();
    for _ in 0..2 {
        scheduler.start().unwrap();
        assert!(warnings(&scheduler).is_empty());
        scheduler.shutdown(Shutdown::Wait).unwrap();
        scheduler.manual_clock().adjust(TimeDelta::days(-9));
    }
}

/// Returns a scheduler at START with jobs that were added while the clock was ahead.
fn after_a_wrong_date(triggers: &[(&str, TriggerConfig)]) -> (SteppedScheduler, Vec<String>) {
    let scheduler = scheduler();
    let config = apscheduler_core::config::Config::new().timezone(chrono::Utc);
    scheduler.configure(&config).unwrap();
    scheduler.add_jobstore("default", TestStore::default()).unwrap();
    scheduler.manual_clock().adjust(YEARS);
    scheduler.start().unwrap();
    for (id, trigger) in triggers {
        let job = JobBuilder::new("tests::ok").id(*id).trigger(trigger.clone());
        scheduler.add_job(job).unwrap();
    }
    scheduler.turn();
    scheduler.manual_clock().adjust(-YEARS);
    let told = warnings(&scheduler);
    (scheduler, told)
}

fn table(value: &serde_json::Value) -> TriggerConfig {
    TriggerConfig::from_value(value).unwrap()
}

#[test]
fn jobs_that_wait_for_a_wrong_date_are_reported_and_resumed() {
    let (scheduler, told) = after_a_wrong_date(&[
        ("interval", table(&json!({"type": "interval", "seconds": 10}))),
        ("cron", table(&json!({"type": "cron", "minute": "*/5"}))),
        ("days", table(&json!({"type": "calendarinterval", "days": 1, "hour": 8}))),
        (
            "both",
            table(&json!({"type": "or", "triggers": [
            {"type": "interval", "seconds": 30}, {"type": "cron", "hour": 3}]})),
        ),
    ]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("the clock was set back by 25915 d"), "{told:?}");
    assert!(told[1].starts_with("4 jobs wait much longer than the trigger requires"), "{told:?}");
    assert!(told[1].contains("; and others"), "{told:?}");
    assert!(told[1].contains("instead of 2027-01-01T00:00:30+00:00"), "{told:?}");
    for (id, seconds) in [("interval", 10), ("cron", 0), ("days", 8 * 3600), ("both", 30)] {
        scheduler.resume_job(id).unwrap();
        assert_eq!(next(&scheduler, id), NextRunTime::At(at(seconds)), "{id}");
    }
    // The new grid is stored.
    let runs = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    scheduler.advance(TimeDelta::seconds(10));
    assert!(runs.names().contains(&"JOB_EXECUTED interval".to_owned()));
    assert_eq!(next(&scheduler, "interval"), NextRunTime::At(at(20)));
}

#[test]
fn a_manual_run_restarts_a_grid_that_began_at_a_wrong_date() {
    let (scheduler, _) =
        after_a_wrong_date(&[("a", table(&json!({"type": "interval", "seconds": 10})))]);
    scheduler.advance(TimeDelta::seconds(3));
    scheduler.modify_job("a", &JobChanges::new().next_run_time(at(3))).unwrap();
    scheduler.step();
    assert_eq!(next(&scheduler, "a"), NextRunTime::At(at(13)));
}

#[test]
fn a_given_or_correct_grid_is_kept() {
    let start = "2098-01-01T00:00:00Z";
    let (scheduler, _) = after_a_wrong_date(&[(
        "given",
        table(&json!({"type": "interval", "seconds": 10, "start_date": start})),
    )]);
    scheduler.resume_job("given").unwrap();
    assert_eq!(next(&scheduler, "given"), NextRunTime::At(start.parse().unwrap()));
    // A job that was added now.
    let trigger = table(&json!({"type": "interval", "seconds": 10}));
    scheduler.add_job(JobBuilder::new("tests::ok").id("right").trigger(trigger)).unwrap();
    scheduler.advance(TimeDelta::seconds(3));
    scheduler.modify_job("right", &JobChanges::new().next_run_time(at(3))).unwrap();
    scheduler.step();
    assert_eq!(
        next(&scheduler, "right"),
        NextRunTime::At(at(10)),
        "a manual run does not shift the grid"
    );
}

#[test]
fn distant_jobs_are_reported_at_the_start() {
    let scheduler = scheduler();
    let far = at(0) + YEARS;
    for (id, time) in [("far", far), ("a\nb", at(7200)), ("near", at(1800))] {
        let job = JobBuilder::new("tests::ok").id(id).trigger(every(10)).next_run_time(time);
        scheduler.add_job(job).unwrap();
    }
    scheduler.add_job(JobBuilder::new("tests::ok").id("daily").trigger(every(86_400))).unwrap();
    scheduler.start().unwrap();
    let told = warnings(&scheduler);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("2 jobs wait much longer than the trigger requires"), "{told:?}");
    assert!(
        told[0]
            .contains("`far` until 2097-12-14T00:00:00+00:00 instead of 2027-01-01T00:00:10+00:00"),
        "{told:?}"
    );
    assert!(told[0].contains(r"`a\nb` until"), "{told:?}");
    scheduler.manual_clock().advance(TimeDelta::seconds(10));
    assert!(warnings(&scheduler).is_empty(), "they are reported once");
}
