//! Jobs declared on their functions.

use apscheduler::event::EventMask;
use apscheduler::job::{DeclaredJob, NextRunTime};
use apscheduler::{Error, ErrorKind, builtin, job, scheduled_job, triggers};
use apscheduler_testkit::SteppedScheduler;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::START;

#[scheduled_job("cron", id = "my_job_id", day = "last sun", timezone = "UTC")]
fn monthly() -> &'static str {
    "monthly"
}

#[scheduled_job("interval", seconds = 30)]
fn unnamed() {}

const HOUR: u8 = 4;

#[scheduled_job(
    "cron",
    id = "full",
    name = "a full declaration",
    args = [1, -2, 18_446_744_073_709_551_615, 2.5, "x", true, none, [1, "y"]],
    kwargs = { table = { type = "t", n = 1 }, },
    misfire_grace_time = none,
    coalesce = false,
    max_instances = 3,
    timeout = "1s 500ms",
    next_run_time = "2027-01-01 00:00:05+00:00",
    executor = "other",
    jobstore = "second",
    hour = HOUR,
    minute = "*/5",
)]
#[expect(clippy::too_many_arguments, reason = "one for each kind of value")]
fn full(
    unsigned: u8,
    signed: i8,
    large: u64,
    float: f64,
    text: &str,
    boolean: bool,
    nothing: Option<u8>,
    list: &Value,
    table: &Value,
) -> Value {
    json!([unsigned, signed, large, float, text, boolean, nothing, list, table])
}

#[job(name = "shop::twice")]
#[scheduled_job("interval", id = "often", seconds = 1, args = ["often"])]
#[apscheduler::scheduled_job("interval", id = "seldom", hours = 1, args = ["seldom"], next_run_time = none)]
fn twice(which: String) -> String {
    which
}

#[scheduled_job("date", run_date = "2027-01-01T00:00:01Z")]
#[job(alias = "old::once")]
async fn once() {}

#[scheduled_job("cron", id = "misspelt", huor = 1)]
fn misspelt() {}

#[scheduled_job("corn", id = "no trigger", day = 1)]
fn no_trigger() {}

#[scheduled_job("cron", id = "job option", coalese = false)]
fn job_option() {}

#[scheduled_job("cron", id = "argument", day = 1)]
fn argument(given: u8) -> u8 {
    given
}

#[scheduled_job("cron", id = "zero", max_instances = 0, hour = 1)]
fn zero() {}

#[scheduled_job("cron", id = "my_job_id", hour = 1)]
fn the_same_id() {}

/// Returns a scheduler with all functions of this module, but only these of their jobs.
fn scheduler(functions: &[&str]) -> SteppedScheduler {
    let all = builtin::new_registry();
    let registry = apscheduler_testkit::registry();
    for plugin in triggers::PLUGINS {
        registry.register((*plugin).clone()).unwrap();
    }
    let declared: Vec<DeclaredJob> = (all.declared_jobs().into_iter())
        .filter(|job| functions.iter().any(|name| job.function().ends_with(name)))
        .collect();
    for name in functions {
        assert!(declared.iter().any(|job| job.function().ends_with(name)), "{name}");
    }
    for job in declared {
        if !registry.has_function(job.function()) {
            registry.add_function((*all.function(job.function()).unwrap()).clone()).unwrap();
        }
        registry.declare(job);
    }
    let scheduler = SteppedScheduler::new(registry, START);
    scheduler.add_jobstore("second", "memory").unwrap();
    scheduler.add_executor("other", "debug").unwrap();
    scheduler
}

fn refusal(functions: &[&str]) -> Error {
    scheduler(functions).add_declared_jobs().unwrap_err()
}

#[test]
fn declared_jobs_are_added() {
    let scheduler = scheduler(&["monthly", "unnamed", "twice", "once"]);
    let jobs = scheduler.add_declared_jobs().unwrap();
    let found: Vec<_> = jobs
        .iter()
        .map(|job| (job.id(), job.name(), job.spec().unwrap().trigger().to_string()))
        .collect();
    let expected = [
        ("behaviour::declared::once", "behaviour::declared::once", "date[2027-01-01 00:00:01 UTC]"),
        ("behaviour::declared::unnamed", "behaviour::declared::unnamed", "interval[0:00:30]"),
        ("my_job_id", "behaviour::declared::monthly", "cron[day='last sun']"),
        ("often", "shop::twice", "interval[0:00:01]"),
        ("seldom", "shop::twice", "interval[1:00:00]"),
    ];
    for (id, name, trigger) in expected {
        assert!(found.contains(&(id, name, trigger.to_owned())), "{id} in {found:?}");
    }
    assert_eq!(found.len(), expected.len());
    assert!(scheduler.registry().has_function("old::once"));

    scheduler.start().unwrap();
    let next = |id: &str| scheduler.get_job(id).unwrap().unwrap().next_run_time();
    assert_eq!(next("seldom"), NextRunTime::Paused);
    assert_eq!(next("my_job_id").instant().unwrap().to_rfc3339(), "2027-01-31T00:00:00+00:00");
}

#[test]
fn declared_jobs_run() {
    let scheduler = scheduler(&["twice"]);
    scheduler.add_declared_jobs().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    scheduler.add_listener(EventMask::JOB_EXECUTED, move |event| {
        drop(sender.send(event.job().unwrap().id().to_string()));
    });
    scheduler.start().unwrap();
    scheduler.advance(TimeDelta::seconds(1));
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["often"]);
}

#[test]
fn every_option_of_a_job() {
    let scheduler = scheduler(&["full"]);
    let jobs = scheduler.add_declared_jobs().unwrap();
    let spec = jobs[0].spec().unwrap();
    assert_eq!((jobs[0].id(), spec.name()), ("full", "a full declaration"));
    assert_eq!((jobs[0].jobstore(), spec.executor()), ("second", "other"));
    assert_eq!(
        (spec.misfire_grace_time(), spec.coalesce().is_one(), spec.max_instances()),
        (None, false, 3)
    );
    assert_eq!(spec.timeout(), Some(std::time::Duration::from_millis(1500)));
    assert_eq!(jobs[0].next_run_time().instant().unwrap().timestamp() % 60, 5);
    assert_eq!(
        Value::from(spec.arguments().args().to_vec()),
        json!([1, -2, u64::MAX, 2.5, "x", true, null, [1, "y"]])
    );
    assert_eq!(spec.arguments().kwargs().unwrap()["table"], json!({"type": "t", "n": 1}));
    assert_eq!(spec.trigger().to_string(), "cron[hour='4', minute='*/5']");
}

#[test]
fn declared_jobs_replace_existing_ones() {
    let scheduler = scheduler(&["unnamed"]);
    scheduler.start().unwrap();
    scheduler.add_declared_jobs().unwrap();
    scheduler.add_declared_jobs().unwrap();
    assert_eq!(scheduler.get_jobs().unwrap().len(), 1);
}

#[test]
fn submitting_declarations_twice_adds_them_once() {
    let registry = builtin::new_registry();
    let jobs = registry.declared_jobs().len();
    registry.add_submitted();
    assert_eq!(registry.declared_jobs().len(), jobs);
}

#[test]
fn errors_name_the_function() {
    let text = refusal(&["misspelt"]).to_string();
    assert!(
        text.starts_with(
            "job `misspelt`: `#[scheduled_job]` on `behaviour::declared::misspelt`: trigger `cron`: unknown option `huor`; \
             did you mean `hour`? known options: "
        ),
        "{text}"
    );
    let text = refusal(&["no_trigger"]).to_string();
    assert!(
        text.contains("on `behaviour::declared::no_trigger`: unknown trigger `corn`"),
        "{text}"
    );
    assert!(text.contains("did you mean `cron`?"), "{text}");
    let text = refusal(&["job_option"]).to_string();
    assert!(
        text.contains("(did you mean the option `coalesce` of the job instead of `coalese`?)"),
        "{text}"
    );
    let error = refusal(&["declared::argument"]);
    assert_eq!(error.kind(), ErrorKind::InvalidArguments);
    assert_eq!(
        error.to_string(),
        "job `argument`: `#[scheduled_job]` on `behaviour::declared::argument`: function `behaviour::declared::argument`: the \
         following arguments have not been supplied: given"
    );
    let text = refusal(&["zero"]).to_string();
    assert!(
        text.ends_with("on `behaviour::declared::zero`: `max_instances` must be a positive number"),
        "{text}"
    );
}

#[test]
fn a_duplicate_id_is_an_error() {
    let error = refusal(&["monthly", "the_same_id", "unnamed"]);
    assert_eq!(error.kind(), ErrorKind::ConflictingId);
    assert_eq!(
        error.to_string(),
        "job `my_job_id`: it is declared on `behaviour::declared::monthly` and on `behaviour::declared::the_same_id`; give \
         one of them another `id`"
    );
}
