//! Errors name the option and the expected value.

mod berlin;
mod built;

use apscheduler_core::ErrorKind;
use apscheduler_triggers::OrTrigger;
use berlin::try_trigger;
use serde_json::json;

#[test]
fn crontab_excludes_fields() {
    let error =
        try_trigger(&json!({"type": "cron", "crontab": "* * * * *", "hour": 3})).unwrap_err();
    assert_eq!(error.to_string(), "trigger `cron`: crontab: can't be given together with `hour`");
    let error = try_trigger(&json!({"type": "cron", "crontab": "* * *"})).unwrap_err().to_string();
    assert_eq!(
        error,
        "trigger `cron`: crontab: `* * *` has 3 fields; expected 5: minute, hour, day of the month, month, day of the week"
    );
}

#[test]
fn cron_names_the_option() {
    let cases = [
        (json!({"start_date": "tomorrow"}), "trigger `cron`: start_date: invalid date `tomorrow`"),
        (json!({"end_date": "2009-13-01"}), "trigger `cron`: end_date: invalid date `2009-13-01`"),
        (
            json!({"timezone": "Europe/Berlni"}),
            "trigger `cron`: timezone: unknown time zone `Europe/Berlni`",
        ),
        (
            json!({"jitter": -1}),
            "trigger `cron`: jitter: expected a number of seconds that is not negative",
        ),
        (json!({"hour": 1.5}), "trigger `cron`: hour: expected a whole number or text"),
    ];
    for (mut config, expected) in cases {
        config["type"] = "cron".into();
        let error = try_trigger(&config).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn date_names_the_option() {
    let error = try_trigger(&json!({"type": "date", "run_date": ""})).unwrap_err().to_string();
    assert!(error.starts_with("trigger `date`: run_date: invalid date ``; expected"), "{error}");
    let error =
        try_trigger(&json!({"type": "date", "date": "2009-07-06"})).unwrap_err().to_string();
    assert!(error.contains("unknown option `date`"), "{error}");
}

#[test]
fn calendarinterval_names_the_option() {
    let cases = [
        (json!({"hour": 24}), "hour: 24 is out of range; expected 0 to 23"),
        (json!({"second": -1}), "second: -1 is out of range; expected 0 to 59"),
        (
            json!({"start_date": "2016-3-4"}),
            "start_date: invalid date `2016-3-4`; expected `YYYY-MM-DD`",
        ),
    ];
    for (mut config, expected) in cases {
        config["type"] = "calendarinterval".into();
        config["days"] = 1.into();
        let error = try_trigger(&config).unwrap_err().to_string();
        assert_eq!(error, format!("trigger `calendarinterval`: {expected}"));
    }
}

#[test]
fn errors_of_combining_triggers_name_the_trigger() {
    let cases = [
        (json!({"type": "and"}), "trigger `and`: triggers: needs a list of at least one trigger"),
        (
            json!({"type": "or", "triggers": []}),
            "trigger `or`: triggers: needs a list of at least one trigger",
        ),
        (
            json!({"type": "or", "triggers": [{"type": "cron"}, {}]}),
            "trigger `or`: triggers[1]: a trigger needs `type`",
        ),
        (
            json!({"type": "or", "triggers": [{"type": "cron", "hour": 24}]}),
            "trigger `or`: triggers[0]: trigger `cron`: hour: `24`: the last value (24)",
        ),
        (
            json!({"type": "and", "max_iterations": 0, "triggers": []}),
            "trigger `and`: max_iterations: ",
        ),
    ];
    for (config, expected) in cases {
        let error = try_trigger(&config).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(OrTrigger::new(vec![]).unwrap_err().kind(), ErrorKind::InvalidTrigger);
}

#[test]
fn names_from_other_schedulers_suggest_the_right_field() {
    let error = try_trigger(&json!({"type": "cron", "weekday": "mon"})).unwrap_err().to_string();
    assert!(
        error.starts_with("trigger `cron`: unknown option `weekday`; did you mean `day_of_week`?"),
        "{error}"
    );
}

#[test]
fn sunday_is_not_7_and_the_error_explains_it() {
    let error =
        try_trigger(&json!({"type": "cron", "crontab": "0 0 * * 7"})).unwrap_err().to_string();
    assert!(error.ends_with("0 (Monday) to 6 (Sunday), or by name: Sunday is `sun`"), "{error}");
}

#[test]
fn a_crontab_line_instead_of_a_type_is_explained() {
    let error = try_trigger(&json!({"type": "*/5 * * * *"})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"*/5 * * * *\" is a crontab line, not the name of a trigger; expected a table with `type` \"cron\" and `crontab` \"*/5 * * * *\""
    );
    for name in ["corn", "a b c d e", "every 5 minutes or so"] {
        let error = try_trigger(&json!({"type": name})).unwrap_err().to_string();
        assert!(error.starts_with("unknown trigger"), "{error}");
    }
}

#[test]
fn errors_show_large_numbers_as_given() {
    let long = try_trigger(&json!({"type": "interval", "seconds": 1e308})).unwrap_err().to_string();
    assert_eq!(
        long,
        "trigger `interval`: seconds: 1e308 is too long a time; expected less than 291672 years"
    );
    let text = "99999999999999999999";
    for config in
        [json!({"type": "cron", "hour": text}), json!({"type": "calendarinterval", "days": text})]
    {
        let error = try_trigger(&config).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}
