//! Builders passed to a job use the zone and clock of its scheduler; built triggers keep their own.

#![allow(clippy::unwrap_used, reason = "tests")]

use apscheduler_core::job::{JobBuilder, JobDefaults};
use apscheduler_core::registry::Registry;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, TriggerContext, TriggerSource};
use apscheduler_triggers::{CalendarIntervalTrigger, CronTrigger, DateTrigger, IntervalTrigger};

const NOW: &str = "2026-05-04T22:30:00Z";

fn stored(source: impl Into<TriggerSource>) -> String {
    let registry = Registry::empty();
    registry.register_function("f", || ()).unwrap();
    let zone: Zone = "Asia/Tokyo".parse().unwrap();
    let now: Timestamp = NOW.parse().unwrap();
    let context = TriggerContext::at(&registry, zone, now);
    let job = JobBuilder::new("f").trigger(source).build(&context, &JobDefaults::new()).unwrap();
    serde_json::to_string(&**job.spec.trigger()).unwrap()
}

#[test]
fn a_builder_uses_the_zone_and_clock_of_the_scheduler() {
    assert_eq!(
        stored(CronTrigger::builder().hour(2)),
        r#"{"type":"cron","hour":"2","timezone":"Asia/Tokyo"}"#
    );
    assert_eq!(
        stored(IntervalTrigger::builder().hours(1).minutes(30)),
        r#"{"type":"interval","hours":1,"minutes":30,"start_date":"2026-05-05T09:00:00+09:00","from_clock":true,"timezone":"Asia/Tokyo"}"#
    );
    assert_eq!(
        stored(DateTrigger::builder()),
        r#"{"type":"date","run_date":"2026-05-05T07:30:00+09:00","timezone":"Asia/Tokyo","from_clock":true}"#
    );
    // In Tokyo, it is already May 5.
    assert_eq!(
        stored(CalendarIntervalTrigger::builder().days(1)),
        r#"{"type":"calendarinterval","days":1,"hour":0,"minute":0,"second":0,"start_date":"2026-05-05","from_clock":true,"timezone":"Asia/Tokyo"}"#
    );
}

#[test]
fn a_given_zone_and_start_are_kept() {
    let start: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    assert_eq!(
        stored(IntervalTrigger::builder().days(1).start_date(start).timezone(Zone::UTC)),
        r#"{"type":"interval","days":1,"start_date":"2026-06-01T00:00:00+00:00","timezone":"UTC"}"#
    );
    assert_eq!(
        stored(CronTrigger::builder().hour(2).timezone(Zone::UTC)),
        r#"{"type":"cron","hour":"2","timezone":"UTC"}"#
    );
}

#[test]
fn a_built_trigger_keeps_the_zone_of_the_machine() {
    let local = Zone::local().unwrap();
    let trigger = CronTrigger::builder().hour(2).build().unwrap();
    assert_eq!(trigger.zone(NOW.parse().unwrap()), local);
    let expected = serde_json::to_string(&trigger as &dyn Trigger).unwrap();
    assert_eq!(stored(trigger), expected);
}

#[test]
fn an_error_of_a_builder_names_the_job_and_the_trigger() {
    let registry = Registry::empty();
    registry.register_function("f", || ()).unwrap();
    let context = TriggerContext::at(&registry, Zone::UTC, NOW.parse().unwrap());
    let job = JobBuilder::new("f").id("a").trigger(CronTrigger::builder().hour(25));
    let error = job.build(&context, &JobDefaults::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "job `a`: trigger `cron`: hour: `25`: the last value (25) is higher than the maximum value (23)"
    );
}
