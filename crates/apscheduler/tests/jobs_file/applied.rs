//! The stores after a file was applied.

use std::sync::Arc;

use apscheduler::file::JobsFile;
use apscheduler::prelude::*;
use apscheduler::time::Clock as _;
use serde_json::json;

use crate::bench::{Bench, EVERY_MINUTE, counts};

#[test]
fn an_unchanged_job_is_not_touched() {
    let bench = Bench::new();
    assert_eq!(counts(bench.apply(EVERY_MINUTE)), [1, 0, 0, 0, 0]);
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
    let digest = bench.job("a").spec().unwrap().origin().unwrap().digest.clone();
    bench.clock.advance(chrono::TimeDelta::seconds(30));
    // Other spacing, order and spelling do not change the job.
    let again = "[[jobs]]\ntrigger.minutes = 1\ntrigger.type = 'interval'\nargs = ['you']\nfunc = 'greet'\nid = 'a'";
    assert_eq!(counts(bench.apply(again)), [0, 0, 1, 0, 0]);
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
    assert_eq!(bench.job("a").spec().unwrap().origin().unwrap().digest, digest);
}

#[test]
fn a_changed_option_keeps_the_next_run_time() {
    let bench = Bench::new();
    bench.apply(EVERY_MINUTE);
    bench.clock.advance(chrono::TimeDelta::seconds(30));
    let applied = bench.apply(&EVERY_MINUTE.replace("\"you\"", "\"me\""));
    assert_eq!(counts(applied), [0, 1, 0, 0, 0]);
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
    let spec = Arc::clone(bench.job("a").spec().unwrap());
    assert_eq!(spec.arguments().args(), [json!("me")]);
    let now = bench.clock.now();
    assert_eq!(
        spec.trigger().next_fire_time(None, now).map(|time| Zone::UTC.iso(time)).unwrap(),
        bench.next("a")
    );
    assert_eq!(counts(bench.apply(&EVERY_MINUTE.replace("\"you\"", "\"me\""))), [0, 0, 1, 0, 0]);
}

#[test]
fn a_changed_default_is_a_change() {
    let bench = Bench::new();
    bench.apply(EVERY_MINUTE);
    let defaults =
        Config::new().timezone(Zone::UTC).job_defaults(JobDefaults::new().coalesce(false));
    let other: BackgroundScheduler = BackgroundScheduler::builder()
        .registry(bench.scheduler.registry().clone())
        .clock(Arc::new(bench.clock.clone()))
        .build()
        .unwrap();
    other.configure(&defaults).unwrap();
    other.start_paused().unwrap();
    let mut export = Vec::new();
    bench.scheduler.export_jobs(&mut export).unwrap();
    other.import_jobs("default", &mut export.as_slice()).unwrap();
    let applied = JobsFile::load(bench.path("jobs.toml")).unwrap().apply(&other).unwrap();
    assert_eq!(counts(applied), [0, 1, 0, 0, 0]);
    assert!(!other.get_job("a").unwrap().unwrap().spec().unwrap().coalesce().is_one());
}

#[test]
fn a_changed_trigger_gives_a_new_next_run_time() {
    let bench = Bench::new();
    bench.apply(EVERY_MINUTE);
    bench.clock.advance(chrono::TimeDelta::seconds(30));
    let applied = bench.apply(&EVERY_MINUTE.replace("minutes = 1", "minutes = 5"));
    assert_eq!(counts(applied), [0, 1, 0, 0, 0]);
    assert_eq!(bench.next("a"), "2027-01-01T00:05:30+00:00");
}

#[test]
fn a_paused_job_stays_paused() {
    let bench = Bench::new();
    bench.apply(EVERY_MINUTE);
    bench.job("a").pause().unwrap();
    assert_eq!(counts(bench.apply(EVERY_MINUTE)), [0, 0, 1, 0, 0]);
    assert_eq!(bench.next("a"), "Paused");
    bench.apply(&EVERY_MINUTE.replace("\"you\"", "\"me\""));
    assert_eq!(bench.next("a"), "Paused");
    bench.apply(&EVERY_MINUTE.replace("minutes = 1", "minutes = 2"));
    assert_eq!(bench.next("a"), "2027-01-01T00:02:00+00:00");
}

#[test]
fn removes_only_jobs_that_are_no_longer_in_the_file() {
    let bench = Bench::new();
    let file = format!(
        "{EVERY_MINUTE}\n[[jobs]]\nid = 'b'\nfunc = 'tick'\njobstore = 'other'\ntrigger = 'interval'"
    );
    bench.apply(&file);
    bench
        .scheduler
        .add_job(JobBuilder::new("tick").id("by-hand").trigger(TriggerConfig::new("cron")))
        .unwrap();
    assert_eq!(bench.ids(), ["default/by-hand", "default/a", "other/b"]);
    // A move to another store removes the job from one and adds it to the other.
    let applied = bench.apply("[[jobs]]\nid = 'b'\nfunc = 'tick'\ntrigger = 'interval'");
    assert_eq!(counts(applied), [1, 0, 0, 2, 0]);
    assert_eq!(bench.ids(), ["default/by-hand", "default/b"]);
    assert_eq!(counts(bench.apply("")), [0, 0, 0, 1, 0]);
    assert_eq!(bench.ids(), ["default/by-hand"]);
}

#[test]
fn two_files_do_not_remove_each_others_jobs() {
    let bench = Bench::new();
    bench.apply(EVERY_MINUTE);
    std::fs::write(
        bench.path("more.json"),
        r#"{"jobs": [{"id": "b", "func": "tick", "trigger": "interval"}]}"#,
    )
    .unwrap();
    let more = JobsFile::load(bench.path("more.json")).unwrap();
    assert_eq!(counts(more.apply(&bench.scheduler).unwrap()), [1, 0, 0, 0, 0]);
    assert_eq!(counts(bench.apply(EVERY_MINUTE)), [0, 0, 1, 0, 0]);
    assert_eq!(bench.ids(), ["default/b", "default/a"]);
}

#[test]
fn changes_a_job_that_a_program_added() {
    let bench = Bench::new();
    bench
        .scheduler
        .add_job(
            JobBuilder::new("tick").id("a").trigger(TriggerConfig::new("cron").option("hour", 3)),
        )
        .unwrap();
    assert_eq!(counts(bench.apply(EVERY_MINUTE)), [0, 1, 0, 0, 0]);
    let job = bench.job("a");
    assert_eq!((job.name(), job.spec().unwrap().function().name()), ("greet", "greet"));
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
    assert_eq!(counts(bench.apply("")), [0, 0, 0, 1, 0]);
}

#[test]
fn a_date_job_runs_once() {
    let bench = Bench::new();
    let once = |date: &str| {
        format!(
            "[[jobs]]\nid = 'once'\nfunc = 'tick'\nmisfire_grace_time = 'none'\ntrigger = {{ type = 'date', run_date = {date} }}"
        )
    };
    assert_eq!(counts(bench.apply(&once("2027-01-01T00:00:10Z"))), [1, 0, 0, 0, 0]);
    // The scheduler was not running meanwhile: the stored job still runs.
    bench.clock.advance(chrono::TimeDelta::seconds(60));
    assert_eq!(counts(bench.apply(&once("2027-01-01T00:00:10Z"))), [0, 0, 1, 0, 0]);
    // After its run the engine removes it.
    bench.scheduler.remove_job("once").unwrap();
    assert_eq!(counts(bench.apply(&once("2027-01-01T00:00:10Z"))), [0, 0, 0, 0, 1]);
    // A new date is a new run.
    assert_eq!(counts(bench.apply(&once("2027-01-02"))), [1, 0, 0, 0, 0]);
    assert_eq!(bench.next("once"), "2027-01-02T00:00:00+00:00");
    assert_eq!(counts(bench.apply(&once("2026-01-02"))), [0, 0, 0, 0, 1]);
    assert!(bench.ids().is_empty());
}

#[test]
fn past_fire_times_of_a_combined_trigger_are_skipped() {
    let bench = Bench::new();
    let text = "[[jobs]]\nid = 'a'\nfunc = 'tick'\n[jobs.trigger]\ntype = 'or'\n\
        triggers = [{ type = 'date', run_date = 2026-12-31 }, { type = 'cron', hour = 5 }]";
    bench.apply(text);
    assert_eq!(bench.next("a"), "2027-01-01T05:00:00+00:00");
    let ended =
        "[[jobs]]\nid = 'a'\nfunc = 'tick'\ntrigger = { type = 'cron', end_date = 2026-12-31 }";
    assert_eq!(counts(bench.apply(ended)), [0, 0, 0, 0, 1]);
}

#[test]
fn a_job_without_a_trigger_runs_at_each_start() {
    let bench = Bench::new();
    let text = "[[jobs]]\nid = 'a'\nfunc = 'tick'";
    assert_eq!(counts(bench.apply(text)), [1, 0, 0, 0, 0]);
    assert_eq!(bench.next("a"), "2027-01-01T00:00:00+00:00");
    bench.clock.advance(chrono::TimeDelta::seconds(60));
    assert_eq!(counts(bench.apply(text)), [0, 0, 1, 0, 0]);
    bench.scheduler.remove_job("a").unwrap();
    bench.apply(text);
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
}

#[test]
fn next_run_time_applies_only_to_the_first_run() {
    let bench = Bench::new();
    let text = |next: &str| format!("{EVERY_MINUTE}\nnext_run_time = {next}");
    bench.apply(&text("2027-01-01T12:00:00"));
    assert_eq!(bench.next("a"), "2027-01-01T12:00:00+00:00");
    bench.apply(&text("'none'"));
    assert_eq!(bench.next("a"), "Paused");
    bench.apply(EVERY_MINUTE);
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
}

#[test]
fn applies_every_option() {
    let bench = Bench::new();
    bench.apply(
        "[job_defaults]\ncoalesce = false\n[[jobs]]\nid = 'a'\nfunc = 'greet'\nname = 'Greeting'\nargs = ['x']\n\
         trigger = { type = 'cron', minute = '*/5' }\nmisfire_grace_time = 'none'\ncoalesce = false\nmax_instances = 3\n\
         executor = 'default'\njobstore = 'other'\nreplace_existing = true",
    );
    let job = bench.job("a");
    let spec = job.spec().unwrap();
    assert_eq!((job.jobstore(), job.name(), spec.executor()), ("other", "Greeting", "default"));
    assert_eq!(
        (spec.misfire_grace_time(), spec.coalesce().is_one(), spec.max_instances()),
        (None, false, 3)
    );
    assert_eq!(spec.trigger().to_string(), "cron[minute='*/5']");
}

#[test]
fn a_newer_version_runs_jobs_without_a_trigger_only_if_they_have_changed() {
    let bench = Bench::new();
    let once = |name: &str| format!("[[jobs]]\nid = 'once'\nfunc = 'greet'\nargs = ['{name}']\n");
    let first = bench.load(&format!("timezone = 'UTC'\n{}", once("you"))).unwrap();
    first.apply(&bench.scheduler).unwrap();
    bench.scheduler.remove_job("once").unwrap();
    let second = bench.load(&format!("{}{EVERY_MINUTE}", once("you"))).unwrap();
    assert_eq!(counts(second.apply_after(&first, &bench.scheduler).unwrap()), [1, 0, 0, 0, 1]);
    assert_eq!(bench.ids(), ["default/a"]);
    assert_eq!(second.changed_settings(&first), ["timezone"]);
    let third = bench.load(&once("me")).unwrap();
    assert_eq!(counts(third.apply_after(&second, &bench.scheduler).unwrap()), [1, 0, 0, 1, 0]);
    assert_eq!(bench.ids(), ["default/once"]);
    // At a start it runs in any case.
    bench.scheduler.remove_job("once").unwrap();
    assert_eq!(counts(third.apply(&bench.scheduler).unwrap()), [1, 0, 0, 0, 0]);
}
