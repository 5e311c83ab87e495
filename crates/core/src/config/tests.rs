use serde_json::json;

use super::*;
use crate::job::Coalesce;

fn error(value: &Value) -> String {
    Config::from_value(value).unwrap_err().to_string()
}

#[test]
fn unset_keys_have_the_defaults_of_apscheduler() {
    let config = Config::new();
    assert_eq!(config.retry_interval_or_default(), Duration::from_secs(10));
    let defaults = config.job_defaults_or_default();
    assert_eq!(
        (defaults.misfire_grace_time, defaults.coalesce, defaults.max_instances),
        (Some(Duration::from_secs(1)), Coalesce::Latest, 1)
    );
}

#[test]
fn a_flat_dict_of_text_is_parsed() {
    let config = Config::from_flat(
        "apscheduler.",
        [
            ("apscheduler.timezone", json!("Europe/Helsinki")),
            ("apscheduler.jobstore_retry_interval", json!("2.5")),
            ("apscheduler.job_defaults.coalesce", json!("off")),
            ("apscheduler.job_defaults.misfire_grace_time", json!("None")),
            ("apscheduler.jobstores.mongo", json!({"type": "mongodb"})),
            ("apscheduler.jobstores.mongo.host", json!("example")),
            (
                "apscheduler.executors.default.class",
                json!("apscheduler.executors.pool:ThreadPoolExecutor"),
            ),
            ("apscheduler.executors.default.max_workers", json!("20")),
            ("another.key", json!("is not ours")),
        ],
    )
    .unwrap();
    assert_eq!(config.timezone_or_local().unwrap().to_string(), "Europe/Helsinki");
    assert_eq!(config.retry_interval_or_default(), Duration::from_millis(2500));
    let defaults = config.job_defaults_or_default();
    assert_eq!((defaults.misfire_grace_time, defaults.coalesce), (None, Coalesce::All));
    let (alias, store) = config.jobstores().next().unwrap();
    let ComponentSource::Config(store) = store else { unreachable!() };
    assert_eq!(
        (alias, store.name.as_str(), &store.options["host"]),
        ("mongo", "mongodb", &json!("example"))
    );
    let (_, executor) = config.executors().next().unwrap();
    let ComponentSource::Config(executor) = executor else { unreachable!() };
    assert_eq!(executor.options["max_workers"], json!("20"));
}

#[test]
fn a_url_instead_of_a_table_is_not_shown() {
    let url = "redis://:S3cr3t@h";
    assert_eq!(
        error(&json!({"jobstores": url})),
        "jobstores: expected a table of aliases, found text"
    );
    let expected = "jobstores.default: expected a table with `type` or `class` and options, found text; a URL belongs in `url` of that table";
    assert_eq!(error(&json!({"jobstores": {"default": url}})), expected);
    let flat = Config::from_flat("apscheduler.", [("apscheduler.jobstores.default", json!(url))]);
    assert_eq!(flat.unwrap_err().to_string(), format!("apscheduler.*: {expected}"));
}

#[test]
fn options_take_precedence_over_the_dict() {
    let dict =
        Config::from_value(&json!({"timezone": "UTC", "jobstore_retry_interval": 3})).unwrap();
    let config = dict.merge(Config::new().timezone(chrono_tz::Europe::Helsinki));
    assert_eq!(config.timezone_or_local().unwrap().to_string(), "Europe/Helsinki");
    assert_eq!(config.retry_interval_or_default(), Duration::from_secs(3));
}

#[test]
fn retention_is_read_from_flat_and_nested_dicts() {
    let flat = [("a.retention.ok_age", "12h"), ("a.retention.max_ok", "7")];
    let flat = Config::from_flat("a.", flat).unwrap().retention_or_default();
    let expected = Retention::default().ok_age(Duration::from_secs(12 * 60 * 60)).max_ok(7);
    assert_eq!(flat, expected);
    let nested = json!({"retention": {"other_age": "30 days", "keep_last": 0, "max_error": 100}});
    let nested = Config::from_value(&nested).unwrap().retention_or_default();
    assert_eq!((nested.other_age.as_secs(), nested.keep_last), (30 * 24 * 60 * 60, 0));
    assert_eq!((nested.max_error, nested.max_result), (100, 64 * 1024));
}

#[test]
fn errors_name_the_key() {
    assert_eq!(
        error(&json!({"timezon": "UTC"})),
        "unknown key `timezon`; did you mean `timezone`? known keys: executors, history, job_defaults, \
         jobstore_retry_interval, jobstores, lease, logger, retention, timezone"
    );
    assert!(
        error(&json!({"timezone": "Mars/Olympus"}))
            .starts_with("timezone: unknown time zone `Mars/Olympus`")
    );
    assert!(
        error(&json!({"job_defaults": {"max_instances": 0}})).contains("must be a positive number")
    );
    assert!(
        error(&json!({"job_defaults": {"max_instance": 1}}))
            .contains("did you mean `max_instances`?")
    );
    assert!(
        error(&json!({"jobstores": {"default": {"url": "x"}}}))
            .contains("jobstores.default: either `type` or `class`")
    );
    assert!(
        error(&json!({"jobstores": {"default": "memory"}}))
            .contains("jobstores.default: expected a table")
    );
    assert!(error(&json!({"jobstore_retry_interval": 0})).contains("positive number of seconds"));
    assert!(
        error(&json!({"retention": {"ok_ages": 5}}))
            .contains("retention: unknown option `ok_ages`; did you mean `ok_age`?")
    );
    let age = error(&json!({"retention": {"ok_age": 0}}));
    assert!(age.starts_with("retention") && age.contains("expected how long"), "{age}");
}
