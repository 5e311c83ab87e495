//! The names by which jobs find functions.

use apscheduler::function::JobContext;
use apscheduler::job as renamed_macro;
use apscheduler::job::JobBuilder;
use apscheduler::{ErrorKind, builtin, job};
use serde_json::json;

use crate::{refusal, run, scheduler};

#[job]
fn plain() -> u8 {
    1
}

#[job(name = "shop::ship", alias = "shop::orders::ship", alias = "old::ship")]
fn ship() -> u8 {
    2
}

/// Needs only the facade's name.
#[renamed_macro(crate = "apscheduler")]
#[allow(dead_code, reason = "only called as a job")]
fn through_a_path() {}

mod inner {
    use apscheduler::job;

    #[job]
    pub(super) fn r#loop() -> u8 {
        3
    }
}

fn not_registered() -> u8 {
    4
}

#[test]
fn the_path_is_the_name() {
    let registry = builtin::new_registry();
    for (name, function) in [
        ("behaviour::names::plain", "behaviour::names::plain"),
        ("behaviour::names::inner::loop", "behaviour::names::inner::loop"),
        ("shop::ship", "shop::ship"),
        ("shop::orders::ship", "shop::ship"),
        ("old::ship", "shop::ship"),
        ("behaviour::names::ship", "shop::ship"),
    ] {
        assert_eq!(registry.function(name).unwrap().name(), function);
    }
    assert!(registry.has_function("behaviour::names::through_a_path"));
}

#[test]
fn functions_find_their_own_registration() {
    let scheduler = scheduler();
    for (job, name) in [
        (JobBuilder::new(plain), "behaviour::names::plain"),
        (JobBuilder::registered(plain), "behaviour::names::plain"),
        (JobBuilder::new(ship), "shop::ship"),
        (JobBuilder::registered(ship), "shop::ship"),
        (JobBuilder::new(inner::r#loop), "behaviour::names::inner::loop"),
        (JobBuilder::new("old::ship"), "shop::ship"),
    ] {
        let job = scheduler.add_job(job).unwrap();
        assert_eq!(job.name(), name);
        assert!(job.spec().unwrap().function().is_named());
    }
    assert_eq!(run(JobBuilder::new(not_registered)), Ok(json!(4)));
}

#[test]
fn a_nested_function_has_its_path_as_name() {
    #[job]
    fn nested(context: &JobContext) -> String {
        context.job_name().to_owned()
    }
    let job = JobBuilder::new(nested);
    assert_eq!(run(job), Ok(json!("behaviour::names::nested")));
}

#[test]
fn unregistered_names_are_refused() {
    let expected = "no function is registered as `behaviour::names::plane`; did you mean `behaviour::names::plain`? \
                    registered functions: behaviour::arguments::add,";
    let message = refusal("names::plane", json!([]), json!({}));
    assert!(message.starts_with(expected), "{message}");
    let error = scheduler().add_job(JobBuilder::registered(not_registered)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownFunction);
    assert!(error.message().contains("`behaviour::names::not_registered`"), "{error}");
}

#[test]
fn a_new_registry_lacks_submitted_functions() {
    let registry = apscheduler_testkit::registry();
    assert!(!registry.has_function("behaviour::names::plain"));
    registry.add_submitted();
    assert!(registry.has_function("behaviour::names::plain"));
}
