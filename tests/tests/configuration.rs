//! The three ways of APScheduler's user guide to configure a scheduler, taken from the examples, give the same
//! scheduler.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../examples/absent_plugins.rs"]
mod absent_plugins;
#[path = "../../examples/configuration_flat.rs"]
mod flat;
#[path = "../../examples/configuration_mixed.rs"]
mod mixed;
#[path = "../../examples/configuration_objects.rs"]
mod objects;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

use apscheduler::prelude::*;
use libtest_mimic::{Arguments, Trial};

/// This program has its own `main`, because workers of the process pool run it too.
fn main() -> ExitCode {
    apscheduler::init_worker();
    let tests: [(&str, fn()); 3] = [
        ("the_three_methods_give_equal_schedulers", the_three_methods_give_equal_schedulers),
        (
            "the_three_methods_give_schedulers_that_work",
            the_three_methods_give_schedulers_that_work,
        ),
        ("plugins_of_later_releases_are_explained", plugins_of_later_releases_are_explained),
    ];
    let trials = tests.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

type Make = fn(&str) -> apscheduler::Result<BackgroundScheduler>;

const METHODS: [(&str, Make); 3] =
    [("objects", objects::scheduler), ("flat", flat::scheduler), ("mixed", mixed::scheduler)];

/// Returns everything that a configuration sets, as text that can be compared.
fn description(scheduler: &Scheduler) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    parts.insert("timezone".to_owned(), scheduler.timezone().to_string());
    parts.insert("job_defaults".to_owned(), format!("{:?}", scheduler.job_defaults()));
    for alias in scheduler.executor_aliases() {
        let executor = scheduler.executor(&alias).unwrap();
        parts.insert(format!("executors.{alias}"), format!("{executor:?}"));
    }
    for alias in scheduler.jobstore_aliases() {
        let store = scheduler.jobstore(&alias).unwrap();
        // The rest of its `Debug` output may depend on how it was created.
        let kind = format!("{store:?}").split(' ').next().map(str::to_owned);
        parts.insert(format!("jobstores.{alias}"), format!("{kind:?} {:?}", store.capabilities()));
    }
    parts
}

fn the_three_methods_give_equal_schedulers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let descriptions = METHODS.map(|(_, make)| description(&make(path.to_str().unwrap()).unwrap()));
    let expected = &descriptions[0];
    assert_eq!(expected["timezone"], "UTC");
    assert!(
        expected["job_defaults"].starts_with(
            "JobDefaults { misfire_grace_time: Some(1s), coalesce: All, max_instances: 3, policies: "
        ),
        "{expected:?}"
    );
    assert_eq!(
        expected.keys().collect::<Vec<_>>(),
        [
            "executors.default",
            "executors.processpool",
            "job_defaults",
            "jobstores.default",
            "jobstores.mongo",
            "timezone"
        ]
    );
    assert!(expected["jobstores.default"].contains("SqliteJobStore"));
    assert!(expected["jobstores.mongo"].contains("MemoryJobStore"));
    assert!(expected["executors.default"].contains(": 20"), "the pool shows its size");
    assert!(expected["executors.processpool"].contains(": 5"), "the pool shows its size");
    for ((name, _), description) in METHODS.iter().zip(&descriptions) {
        assert_eq!(description, expected, "{name}");
    }
}

fn the_three_methods_give_schedulers_that_work() {
    for (name, make) in METHODS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.sqlite");
        let scheduler = make(path.to_str().unwrap()).unwrap();
        let (sender, receiver) = channel();
        scheduler.add_listener(EventMask::JOB_EXECUTED, move |event| {
            let job = event.job().unwrap();
            drop(sender.send(format!("{} {}", job.jobstore().unwrap_or_default(), job.id())));
        });
        scheduler.start().unwrap();
        let job = |id: &str| JobBuilder::new("command").id(id).kwarg("argv", vec!["true"]);
        scheduler.add_job(job("stored")).unwrap();
        scheduler.add_job(job("kept").jobstore("mongo").executor("processpool")).unwrap();
        let mut ran = [(); 2].map(|()| receiver.recv_timeout(Duration::from_secs(30)).unwrap());
        ran.sort();
        assert_eq!(ran, ["default stored", "mongo kept"], "{name}");
        scheduler.shutdown(Shutdown::Wait).unwrap();
        assert!(path.exists(), "{name}");
    }
}

fn plugins_of_later_releases_are_explained() {
    let errors = absent_plugins::errors();
    let expected = [
        "jobstores.jobs: unknown job store `sqllite`; did you mean `sqlite`? known job stores: ",
        "executors.default: unknown executor `threadpol`; did you mean `threadpool`? known executors: ",
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(expected), "{error}");
    }
}
