//! From a jobs file into the stores of a scheduler, and again when the file has changed.
#![cfg(feature = "config-file")]

use std::path::PathBuf;
use std::sync::Arc;

use apscheduler::file::{Applied, JobsFile};
use apscheduler::job::{Job, NextRunTime};
use apscheduler::prelude::*;
use apscheduler::time::Clock;
use apscheduler_testkit::ManualClock;
use serde_json::json;
use tempfile::TempDir;

/// A directory with a jobs file, and a paused scheduler that it is applied to.
struct Bench {
    directory: TempDir,
    clock: ManualClock,
    scheduler: BackgroundScheduler,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::at("2027-01-01T00:00:00Z");
        let registry = apscheduler::builtin::new_registry();
        registry.register_function("greet", |_name: String| ()).unwrap();
        registry.register_function("tick", || ()).unwrap();
        let scheduler = BackgroundScheduler::with_parts(registry, Arc::new(clock.clone()));
        scheduler
            .configure(&Config::new().timezone(Zone::UTC).jobstore("other", "memory"))
            .unwrap();
        scheduler.start_paused().unwrap();
        Self { directory: tempfile::tempdir().unwrap(), clock, scheduler }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn load(&self, text: &str) -> apscheduler::Result<JobsFile> {
        std::fs::write(self.path("jobs.toml"), text).unwrap();
        JobsFile::load(self.path("jobs.toml"))
    }

    fn apply(&self, text: &str) -> Applied {
        self.load(text).unwrap().apply(&self.scheduler).unwrap()
    }

    fn job(&self, id: &str) -> Job {
        self.scheduler.get_job(id, None).unwrap().unwrap()
    }

    fn next(&self, id: &str) -> String {
        match self.job(id).next_run_time() {
            NextRunTime::At(time) => Zone::UTC.iso(time),
            other => format!("{other:?}"),
        }
    }

    fn ids(&self) -> Vec<String> {
        let jobs = self.scheduler.get_jobs(None).unwrap();
        jobs.iter().map(|job| format!("{}/{}", job.jobstore(), job.id())).collect()
    }

    /// The first thing that is wrong with a file, without the directory.
    fn mistake(&self, text: &str) -> String {
        let error = self.load(text).and_then(|file| file.apply(&self.scheduler)).unwrap_err();
        error.to_string().replace(&format!("{}/", self.directory.path().display()), "")
    }
}

fn counts(applied: Applied) -> [usize; 5] {
    [applied.added, applied.changed, applied.unchanged, applied.removed, applied.ended]
}

const EVERY_MINUTE: &str = r#"
    [[jobs]]
    id = "a"
    func = "greet"
    args = ["you"]
    trigger = { type = "interval", minutes = 1 }
"#;

#[test]
fn what_is_unchanged_is_not_touched() {
    let bench = Bench::new();
    assert_eq!(counts(bench.apply(EVERY_MINUTE)), [1, 0, 0, 0, 0]);
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
    let digest = bench.job("a").spec().unwrap().origin().unwrap().digest.clone();
    bench.clock.advance(chrono::TimeDelta::seconds(30));
    // Other spacing, order and spelling are the same job.
    let again = "[[jobs]]\ntrigger.minutes = 1\ntrigger.type = 'interval'\nargs = ['you']\nfunc = 'greet'\nid = 'a'";
    assert_eq!(counts(bench.apply(again)), [0, 0, 1, 0, 0]);
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
    assert_eq!(bench.job("a").spec().unwrap().origin().unwrap().digest, digest);
}

#[test]
fn a_changed_option_keeps_the_next_run_time_and_the_grid() {
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
    let defaults = Config::new()
        .timezone(Zone::UTC)
        .job_defaults(JobDefaults { coalesce: false, ..JobDefaults::default() });
    let other: BackgroundScheduler = BackgroundScheduler::with_parts(
        bench.scheduler.registry().clone(),
        Arc::new(bench.clock.clone()),
    );
    other.configure(&defaults).unwrap();
    other.start_paused().unwrap();
    let mut export = Vec::new();
    bench.scheduler.export_jobs(&mut export, None).unwrap();
    other.import_jobs(&mut export.as_slice(), "default").unwrap();
    let applied = JobsFile::load(bench.path("jobs.toml")).unwrap().apply(&other).unwrap();
    assert_eq!(counts(applied), [0, 1, 0, 0, 0]);
    assert!(!other.get_job("a", None).unwrap().unwrap().spec().unwrap().coalesce());
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
fn a_job_that_was_paused_by_hand_stays_paused() {
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
fn jobs_that_left_the_file_are_removed_and_others_stay() {
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
    // Moving to another store is leaving one and coming to another.
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
fn a_job_from_elsewhere_is_taken_over() {
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
fn a_date_that_has_passed_does_not_run_again_and_again() {
    let bench = Bench::new();
    let once = |date: &str| {
        format!(
            "[[jobs]]\nid = 'once'\nfunc = 'tick'\nmisfire_grace_time = 'none'\ntrigger = {{ type = 'date', run_date = {date} }}"
        )
    };
    assert_eq!(counts(bench.apply(&once("2027-01-01T00:00:10Z"))), [1, 0, 0, 0, 0]);
    // The scheduler was down meanwhile: what is in the store still runs.
    bench.clock.advance(chrono::TimeDelta::seconds(60));
    assert_eq!(counts(bench.apply(&once("2027-01-01T00:00:10Z"))), [0, 0, 1, 0, 0]);
    // It has run: the engine removed it.
    bench.scheduler.remove_job("once", None).unwrap();
    assert_eq!(counts(bench.apply(&once("2027-01-01T00:00:10Z"))), [0, 0, 0, 0, 1]);
    // Another date is another run.
    assert_eq!(counts(bench.apply(&once("2027-01-02"))), [1, 0, 0, 0, 0]);
    assert_eq!(bench.next("once"), "2027-01-02T00:00:00+00:00");
    assert_eq!(counts(bench.apply(&once("2026-01-02"))), [0, 0, 0, 0, 1]);
    assert!(bench.ids().is_empty());
}

#[test]
fn passed_fire_times_of_a_combined_trigger_are_left_out() {
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
    bench.scheduler.remove_job("a", None).unwrap();
    bench.apply(text);
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
}

#[test]
fn next_run_time_is_for_the_first_time_only() {
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
fn every_option_arrives() {
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
        (spec.misfire_grace_time(), spec.coalesce(), spec.max_instances()),
        (None, false, 3)
    );
    assert_eq!(spec.trigger().to_string(), "cron[minute='*/5']");
}

#[test]
fn mistakes_name_file_and_key_and_change_nothing() {
    let bench = Bench::new();
    bench.apply(EVERY_MINUTE);
    let job = |rest: &str| format!("[[jobs]]\nid = 'b'\n{rest}");
    let cases = [
        (
            "timezone = 'Mars/Olympus'".to_owned(),
            "jobs.toml: timezone: unknown time zone `Mars/Olympus`",
        ),
        ("a = = 1".to_owned(), "jobs.toml: line 1, column 5: "),
        ("jobss = []".to_owned(), "jobs.toml: unknown key `jobss`; did you mean `jobs`?"),
        ("[[jobs]]\nfunc = 'tick'".to_owned(), "jobs.toml: jobs[0]: `id` is missing"),
        ("[[jobs]]\nid = 5".to_owned(), "jobs.toml: jobs[0]: id: expected text, found 5"),
        (job(""), "jobs.toml: jobs[0] \"b\": `func` is missing"),
        (
            job("fun = 'tick'"),
            "jobs.toml: jobs[0] \"b\": unknown option `fun`; did you mean `func`?",
        ),
        (
            job("func = 'tock'"),
            "jobs.toml: jobs[0] \"b\": func: no function is registered as `tock`; did you mean `tick`?",
        ),
        (
            job("func = 'greet'"),
            "jobs.toml: jobs[0] \"b\": args: function `greet`: the following arguments",
        ),
        (job("func = 'command'\nkwargs = {}"), "jobs.toml: jobs[0] \"b\": "),
        (
            job("func = 'tick'\ntrigger = 'corn'"),
            "jobs[0] \"b\": trigger: unknown trigger `corn`; did you mean `cron`?",
        ),
        (
            job("func = 'tick'\ntrigger = { hour = 3 }"),
            "jobs[0] \"b\": trigger: a trigger needs `type`",
        ),
        (
            job("func = 'tick'\ntrigger = { type = 'cron', hour = 24 }"),
            "jobs[0] \"b\": trigger `cron`",
        ),
        (
            job("func = 'tick'\ncoalesce = 'perhaps'"),
            "jobs[0] \"b\": coalesce: expected true or false, found text",
        ),
        (
            job("func = 'tick'\nmax_instances = 0"),
            "jobs[0] \"b\": `max_instances` must be a positive number",
        ),
        (
            job("func = 'tick'\nmisfire_grace_time = 0"),
            "jobs[0] \"b\": `misfire_grace_time` must be a positive number",
        ),
        (
            job("func = 'tick'\nnext_run_time = 'soon'"),
            "jobs[0] \"b\": next_run_time: invalid date `soon`",
        ),
        (
            job("func = 'tick'\njobstore = 'othr'"),
            "jobs[0] \"b\": jobstore: there is no `othr`; did you mean `other`?",
        ),
        (
            job("func = 'tick'\nexecutor = 'x'"),
            "jobs[0] \"b\": executor: there is no `x`; executors of this file: default",
        ),
        (
            job("func = 'tick'\nreplace_existing = false"),
            "jobs[0] \"b\": replace_existing: is the rule",
        ),
        (
            job("func = 'tick'\n[[jobs]]\nid = 'b'\nfunc = 'tick'"),
            "jobs[1] \"b\": jobs[0] has the same id",
        ),
        (
            job("func = '${NO_SUCH_VARIABLE}'"),
            "jobs[0].func: the environment variable `NO_SUCH_VARIABLE` is not set",
        ),
    ];
    for (text, expected) in cases {
        let mistake = bench.mistake(&text);
        assert!(mistake.contains(expected), "{text}\n{mistake}");
        assert!(mistake.starts_with("jobs.toml: "), "{mistake}");
    }
    assert_eq!(bench.ids(), ["default/a"]);
}

#[test]
fn all_mistakes_are_found_at_once() {
    let bench = Bench::new();
    let text = "[[jobs]]\nid = 'a'\nfunc = 'nope'\n[[jobs]]\nid = 'b'\nfunc = 'tick'\n[[jobs]]\nid = 'c'\nfunc = 'tick'\ntrigger = 'x'";
    let errors = bench.load(text).unwrap().check(&bench.scheduler);
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 2);
    assert!(
        errors[0].contains("jobs[0] \"a\": func: ")
            && errors[1].contains("jobs[2] \"c\": trigger: "),
        "{errors:?}"
    );
}

#[test]
fn files_that_can_not_be_read_are_named() {
    let bench = Bench::new();
    let error = JobsFile::load(bench.path("none.toml")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.chain().contains("none.toml`: No such file"), "{}", error.chain());
    std::fs::write(bench.path("jobs.ini"), "").unwrap();
    let error = JobsFile::load(bench.path("jobs.ini")).unwrap_err();
    assert!(error.to_string().contains("jobs.ini: unknown format `.ini`"), "{error}");
}

#[test]
fn the_configuration_alone_needs_no_variables_of_jobs() {
    let bench = Bench::new();
    std::fs::write(
        bench.path("jobs.yaml"),
        "timezone: Asia/Tokyo\njobs:\n- id: a\n  func: ${NO_SUCH_VARIABLE}",
    )
    .unwrap();
    let config = JobsFile::load_config(bench.path("jobs.yaml")).unwrap();
    assert_eq!(config.timezone_or_local().to_string(), "Asia/Tokyo");
    assert!(JobsFile::load(bench.path("jobs.yaml")).is_err());
}
