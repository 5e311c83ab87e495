//! The conformance suite, for each trigger.

use std::process::ExitCode;

use apscheduler_core::registry::Registry;
use apscheduler_core::trigger::TriggerConfig;
use apscheduler_testkit::triggers::{self, TriggerHarness};
use serde_json::{Value, json};

/// The name of a sample, and the options of its trigger.
type Sample = (&'static str, Value);

fn main() -> ExitCode {
    let registry = Registry::empty();
    for plugin in apscheduler_triggers::PLUGINS {
        registry.register(plugin.clone()).expect("the names differ");
    }
    let kinds = [
        ("date", date()),
        ("interval", interval()),
        ("cron", cron()),
        ("calendarinterval", calendarinterval()),
        ("and", and()),
        ("or", or()),
    ];
    triggers::run(kinds.map(|(kind, samples)| harness(&registry, kind, samples)).into())
}

fn harness(registry: &Registry, kind: &str, samples: Vec<Sample>) -> TriggerHarness {
    let harness = TriggerHarness::new(kind, registry.clone());
    samples.into_iter().fold(harness, |harness, (name, options)| {
        let options = options.as_object().expect("samples are tables").clone();
        harness.sample(name, TriggerConfig::new(kind).options(options))
    })
}

fn date() -> Vec<Sample> {
    vec![
        ("plain", json!({"run_date": "2027-03-01 12:00:00", "timezone": "Europe/Berlin"})),
        ("now", json!({})),
    ]
}

fn interval() -> Vec<Sample> {
    vec![
        ("open_start", json!({"hours": 2, "seconds": 0.5})),
        ("started_before", json!({"minutes": 90, "start_date": "2026-11-11"})),
        ("with_end", json!({"days": 9, "start_date": "2027-01-05", "end_date": "2027-03-01"})),
        ("jitter", json!({"seconds": 30, "jitter": 20})),
        (
            "long_jitter",
            json!({"seconds": 30, "jitter": 500, "start_date": "2027-01-01", "end_date": "2027-01-01 00:10:10"}),
        ),
    ]
}

fn cron() -> Vec<Sample> {
    vec![
        ("every_second", json!({"second": "*"})),
        ("weekdays", json!({"crontab": "*/20 8-10 * * mon-fri", "timezone": "Europe/Helsinki"})),
        (
            "repeated_and_skipped_times",
            json!({"month": "mar,nov", "hour": "1-3", "minute": "*/15", "timezone": "America/New_York"}),
        ),
        (
            "with_start_and_end",
            json!({"day": "last", "start_date": "2027-02-10 10:00:00", "end_date": "2028-03-01"}),
        ),
        (
            "start_between_seconds",
            json!({"minute": "*/7", "start_date": "2027-02-10 10:00:00.500000"}),
        ),
        ("jitter", json!({"minute": "*", "jitter": 30})),
        (
            "long_jitter",
            json!({"hour": "8,9,20", "jitter": 100_000, "end_date": "2027-01-11 09:30:00"}),
        ),
    ]
}

fn calendarinterval() -> Vec<Sample> {
    vec![
        ("open_start", json!({"weeks": 1, "hour": 8})),
        ("daily", json!({"days": 1, "hour": 2, "minute": 30, "timezone": "Europe/Berlin"})),
        ("started_before", json!({"weeks": 3, "start_date": "2025-03-03"})),
        ("monthly_on_the_31st", json!({"months": 1, "start_date": "2026-01-31", "hour": 23})),
        ("leap_days", json!({"years": 1, "start_date": "2024-02-29"})),
        (
            "months_and_days",
            json!({"months": 1, "days": 2, "start_date": "2026-10-15", "second": 5}),
        ),
        ("with_end", json!({"days": 2, "start_date": "2027-01-05", "end_date": "2027-02-01"})),
        ("jitter", json!({"days": 1, "hour": 22, "jitter": 18_000, "start_date": "2026-12-30"})),
        (
            "long_jitter",
            json!({"months": 1, "jitter": 10_000_000, "start_date": "2026-12-30", "end_date": "2027-11-01"}),
        ),
    ]
}

fn and() -> Vec<Sample> {
    let jittered_cron = jittered_cron();
    let once = once();
    vec![
        (
            "weekend_days",
            json!({"triggers": [{"type": "cron", "day_of_week": "sat,sun", "hour": "*"}, {"type": "cron", "hour": "*/6"}]}),
        ),
        (
            "interval_in_step",
            json!({"triggers": [
                {"type": "interval", "hours": 2, "start_date": "2026-12-01"},
                {"type": "cron", "day_of_week": "sat,sun", "hour": "*/3"},
            ]}),
        ),
        (
            "jitter_in_its_triggers",
            json!({"triggers": [
                jittered_cron, {"type": "calendarinterval", "days": 1, "hour": 8, "jitter": 7200},
            ]}),
        ),
        (
            "long_jitter",
            json!({"triggers": [{"type": "cron", "minute": "*/5"}, {"type": "cron", "minute": "*/7"}], "jitter": 9000}),
        ),
        ("once", json!({"triggers": [once, {"type": "cron", "second": "*/5"}]})),
    ]
}

fn or() -> Vec<Sample> {
    let jittered_cron = jittered_cron();
    let interval = jittered_interval();
    let once = once();
    vec![
        (
            "two",
            json!({"triggers": [{"type": "cron", "hour": 10}, {"type": "interval", "minutes": 50}]}),
        ),
        ("jitter_in_its_triggers", json!({"triggers": [jittered_cron, interval]})),
        (
            "long_jitter",
            json!({"triggers": [{"type": "cron", "hour": 10}, interval], "jitter": 100_000}),
        ),
        ("with_a_date", json!({"triggers": [once, {"type": "calendarinterval", "days": 1}]})),
        (
            "nested",
            json!({"triggers": [
                {"type": "and", "triggers": [{"type": "cron", "minute": "*/30"}, jittered_cron]},
                {"type": "or", "triggers": [interval, once], "jitter": 1.5},
            ]}),
        ),
    ]
}

fn jittered_cron() -> Value {
    json!({"type": "cron", "hour": "*/4", "jitter": 90_000})
}

fn jittered_interval() -> Value {
    json!({"type": "interval", "minutes": 50, "start_date": "2026-12-01", "jitter": 3600})
}

fn once() -> Value {
    json!({"type": "date", "run_date": "2027-01-02T03:04:05Z"})
}
