//! Jobs are added, changed and removed, before and after the start.

use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::{JobBuilder, JobChanges, JobDefaults};
use apscheduler_core::trigger::TriggerConfig;
use apscheduler_engine::job::NextRunTime;
use apscheduler_testkit::SteppedScheduler;
use serde_json::json;

use crate::recorder::{Recorder, at, every, scheduler};

/// Runs a check before the start, with pending jobs, and after it.
fn both(check: impl Fn(&SteppedScheduler)) {
    check(&scheduler());
    let started = scheduler();
    started.start().unwrap();
    check(&started);
}

fn job(id: &str) -> JobBuilder {
    JobBuilder::new("tests::ok").id(id).trigger(every(10))
}

#[test]
fn add_job_pending() {
    let scheduler = scheduler();
    let job = scheduler.add_job(job("a")).unwrap();
    assert!(job.pending());
    assert_eq!(job.next_run_time(), NextRunTime::Pending);
    scheduler.start().unwrap();
    assert!(!job.pending());
    let job = scheduler.get_job("a").unwrap().unwrap();
    assert_eq!(job.next_run_time(), NextRunTime::At(at(10)));
}

#[test]
fn add_job_return_value() {
    let scheduler = scheduler();
    let date = TriggerConfig::new("date").option("run_date", "2014-06-01 08:41:00");
    let builder = JobBuilder::new("tests::add").args([json!(1), json!(2)]).id("my-id").name("n");
    let job = scheduler.add_job(builder.trigger(date).next_run_time(at(5))).unwrap();
    assert_eq!((job.id(), job.name(), job.jobstore()), ("my-id", "n", "default"));
    assert_eq!(job.next_run_time(), NextRunTime::At(at(5)));
    assert!(job.pending());
    assert_eq!(job.spec().unwrap().arguments().args(), [json!(1), json!(2)]);
}

#[test]
fn a_job_without_a_trigger_has_a_date_trigger() {
    let scheduler = scheduler();
    scheduler.configure(&Config::new().timezone(chrono::Utc)).unwrap();
    let job = scheduler.add_job(JobBuilder::new("tests::ok")).unwrap();
    assert_eq!(job.spec().unwrap().trigger().to_string(), "date[2027-01-01 00:00:00 UTC]");
}

#[test]
fn add_job_uses_the_defaults_of_the_scheduler() {
    let scheduler = scheduler();
    let defaults = JobDefaults::new()
        .misfire_grace_time(Duration::from_secs(7))
        .coalesce(false)
        .max_instances(4);
    scheduler.configure(&Config::new().job_defaults(defaults)).unwrap();
    let spec = scheduler.add_job(job("a")).unwrap().spec().cloned().unwrap();
    assert_eq!(
        (spec.misfire_grace_time(), spec.coalesce().is_one(), spec.max_instances()),
        (Some(Duration::from_secs(7)), false, 4)
    );
    let own = job("b").misfire_grace_time(None).coalesce(true).max_instances(2);
    let spec = scheduler.add_job(own).unwrap().spec().cloned().unwrap();
    assert_eq!(
        (spec.misfire_grace_time(), spec.coalesce().is_one(), spec.max_instances()),
        (None, true, 2)
    );
}

#[test]
fn add_job_id_conflict() {
    both(|scheduler| {
        scheduler.add_job(job("a")).unwrap();
        let error = scheduler.add_job(job("a")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConflictingId);
        assert_eq!(error.to_string(), "job `a`: a job with this id exists already");
    });
}

#[test]
fn add_job_replace() {
    both(|scheduler| {
        scheduler.add_job(job("a").name("first")).unwrap();
        scheduler.add_job(job("a").name("second").replace_existing(true)).unwrap();
        let jobs = scheduler.get_jobs().unwrap();
        assert_eq!(
            jobs.iter().map(apscheduler_engine::job::Job::name).collect::<Vec<_>>(),
            ["second"]
        );
    });
}

#[test]
fn add_jobs_is_all_or_nothing() {
    both(|scheduler| {
        scheduler.add_job(job("b")).unwrap();
        assert!(scheduler.add_jobs(vec![job("a"), job("b"), job("c")]).is_err());
        assert!(scheduler.add_jobs(vec![job("d"), job("d")]).is_err());
        let jobs = scheduler.get_jobs().unwrap();
        assert_eq!(jobs.iter().map(apscheduler_engine::job::Job::id).collect::<Vec<_>>(), ["b"]);
    });
}

#[test]
fn an_id_is_generated_if_none_is_given() {
    let job = scheduler().add_job(JobBuilder::new("tests::ok")).unwrap();
    assert_eq!(job.id().len(), 32);
    assert!(job.id().bytes().all(|digit| digit.is_ascii_hexdigit()));
    assert_eq!(job.name(), "tests::ok");
}

#[test]
fn invalid_jobs_are_refused_when_they_are_added() {
    both(|scheduler| {
        let cases = [
            (
                JobBuilder::new("tests::okk").id("a"),
                ErrorKind::UnknownFunction,
                "did you mean `tests::ok`?",
            ),
            (job("a").arg(1), ErrorKind::InvalidArguments, "takes at most 0 positional arguments"),
            (
                JobBuilder::new("tests::add").id("a").args([json!(1), json!("x")]),
                ErrorKind::InvalidArguments,
                "argument `2`",
            ),
            (
                job("a").max_instances(0),
                ErrorKind::InvalidJob,
                "`max_instances` must be a positive number",
            ),
            (
                job("a").misfire_grace_time(Duration::from_secs(0)),
                ErrorKind::InvalidJob,
                "`misfire_grace_time` must be a positive number",
            ),
            (job("a").name(""), ErrorKind::InvalidJob, "`name` must not be empty"),
            (job(""), ErrorKind::InvalidJob, "a job id has 1 to 191 characters"),
            (job(&"x".repeat(192)), ErrorKind::InvalidJob, "this one has 192"),
            (
                job("a").trigger(TriggerConfig::new("corn")),
                ErrorKind::UnknownPlugin,
                "did you mean `cron`?",
            ),
            (
                job("a").trigger(TriggerConfig::new("cron").option("hours", 1)),
                ErrorKind::InvalidTrigger,
                "did you mean `hour`?",
            ),
        ];
        for (job, kind, expected) in cases {
            let error = scheduler.add_job(job).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.kind() == kind || error.kind() == ErrorKind::Config, "{error:?}");
        }
        assert!(scheduler.get_jobs().unwrap().is_empty());
    });
}

#[test]
fn a_missing_executor_is_reported_when_the_job_is_added() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let error = scheduler.add_job(job("a").executor("defalt")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "job `a`: no executor has the alias `defalt`; did you mean `default`? executors of this scheduler: default"
    );
}

#[test]
fn modify_job() {
    both(|scheduler| {
        scheduler.add_job(job("a")).unwrap();
        let events = Recorder::on(scheduler, EventMask::JOB_MODIFIED);
        let changes =
            JobChanges::new().name("new").max_instances(5).coalesce(false).misfire_grace_time(None);
        let job = scheduler.modify_job("a", &changes).unwrap();
        assert_eq!(job.name(), "new");
        let spec = scheduler.get_job(("default", "a")).unwrap().unwrap().spec().cloned().unwrap();
        assert_eq!(
            (spec.name(), spec.max_instances(), spec.misfire_grace_time()),
            ("new", 5, None)
        );
        assert_eq!(events.names(), ["JOB_MODIFIED a"]);
        let error = scheduler.modify_job("a", &JobChanges::new().args([json!(1)])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArguments);
        assert_eq!(scheduler.modify_job("b", &changes).unwrap_err().kind(), ErrorKind::JobLookup);
    });
}

#[test]
fn reschedule_job() {
    both(|scheduler| {
        scheduler.add_job(job("a")).unwrap();
        let job = scheduler
            .reschedule_job(
                "a",
                TriggerConfig::new("date").option("run_date", "2027-06-01T00:00:00Z"),
            )
            .unwrap();
        assert_eq!(
            job.next_run_time().instant().unwrap().to_rfc3339(),
            "2027-06-01T00:00:00+00:00"
        );
        assert_eq!(job.spec().unwrap().trigger().to_string(), "date[2027-06-01 00:00:00 UTC]");
    });
}

#[test]
fn pause_and_resume_job() {
    both(|scheduler| {
        scheduler.add_job(job("a")).unwrap();
        assert_eq!(scheduler.pause_job("a").unwrap().next_run_time(), NextRunTime::Paused);
        assert_eq!(scheduler.get_job("a").unwrap().unwrap().next_run_time(), NextRunTime::Paused);
        let resumed = scheduler.resume_job("a").unwrap().unwrap();
        assert_eq!(resumed.next_run_time(), NextRunTime::At(at(10)));
    });
}

#[test]
fn resume_removes_a_job_whose_schedule_has_ended() {
    both(|scheduler| {
        scheduler.add_job(job("a").trigger(every(10).end_date(at(30)))).unwrap();
        scheduler.pause_job("a").unwrap();
        scheduler.manual_clock().advance(chrono::TimeDelta::seconds(31));
        assert_eq!(scheduler.resume_job("a").unwrap(), None);
        assert_eq!(scheduler.get_job("a").unwrap(), None);
    });
}

#[test]
fn remove_job() {
    both(|scheduler| {
        scheduler.add_jobs(vec![job("a"), job("b")]).unwrap();
        let events = Recorder::on(scheduler, EventMask::JOB_REMOVED);
        scheduler.remove_job("a").unwrap();
        assert_eq!(events.names(), ["JOB_REMOVED a"]);
        assert_eq!(scheduler.get_jobs().unwrap().len(), 1);
        assert_eq!(scheduler.remove_job("a").unwrap_err().kind(), ErrorKind::JobLookup);
    });
}

#[test]
fn remove_job_searches_only_the_given_store() {
    both(|scheduler| {
        scheduler.add_jobstore("other", "memory").unwrap();
        scheduler.add_job(job("a")).unwrap();
        let events = Recorder::on(scheduler, EventMask::JOB_REMOVED);
        let error = scheduler.remove_job(("other", "a")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::JobLookup);
        assert_eq!(scheduler.get_jobs().unwrap().len(), 1);
        assert!(events.take().is_empty());
    });
}

#[test]
fn remove_all_jobs() {
    both(|scheduler| {
        scheduler.add_jobstore("other", "memory").unwrap();
        scheduler.add_jobs(vec![job("a"), job("b").jobstore("other")]).unwrap();
        let events = Recorder::on(scheduler, EventMask::ALL_JOBS_REMOVED);
        scheduler.remove_all_jobs_in("other").unwrap();
        assert_eq!(events.take()[0].alias(), Some("other"));
        assert_eq!(scheduler.get_jobs().unwrap().len(), 1);
        scheduler.remove_all_jobs().unwrap();
        assert_eq!(events.take()[0].alias(), None);
        assert!(scheduler.get_jobs().unwrap().is_empty());
    });
}

#[test]
fn get_job() {
    both(|scheduler| {
        scheduler.add_job(job("a")).unwrap();
        assert_eq!(scheduler.get_job("a").unwrap().unwrap().id(), "a");
        assert_eq!(scheduler.get_job("b").unwrap(), None);
    });
    let started = scheduler();
    started.start().unwrap();
    assert_eq!(started.get_job(("nowhere", "a")).unwrap_err().kind(), ErrorKind::UnknownAlias);
}

#[test]
fn closures_and_arguments() {
    let scheduler = scheduler();
    let (sender, receiver) = std::sync::mpsc::channel();
    let greet = move |name: String, times: u32| sender.send(name.repeat(times as usize)).is_ok();
    scheduler.add_job(JobBuilder::new(greet).args([json!("ho"), json!(3)])).unwrap();
    scheduler.start().unwrap();
    scheduler.step();
    assert_eq!(receiver.try_recv().unwrap(), "hohoho");
}

fn registered() -> i32 {
    42
}

#[test]
fn a_function_item_means_the_function_registered_under_its_path() {
    let scheduler = scheduler();
    let path = std::any::type_name_of_val(&registered);
    scheduler.registry().register_function(path, registered).unwrap();
    let job = scheduler.add_job(JobBuilder::new(registered)).unwrap();
    assert!(job.spec().unwrap().function().is_named());
    assert_eq!(job.name(), path);
}
