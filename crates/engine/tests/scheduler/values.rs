//! Parsing of text in configurations, and the text of instants.

use apscheduler_core::function::{Arguments, Callable, Function, IntoFunction as _};
use apscheduler_core::options::{parse_bool, parse_value};
use apscheduler_core::time::{Timestamp, Zone, parse_datetime};
use apscheduler_core::trigger::{TriggerConfig, TriggerContext};
use serde_json::{Map, json};

use crate::recorder::scheduler;

#[test]
fn asint() {
    for text in ["5s", "shplse"] {
        assert!(parse_value::<u32>("option", &json!(text)).is_err(), "{text}");
    }
    assert_eq!(parse_value::<u32>("option", &json!("539")).unwrap(), 539);
    assert_eq!(parse_value::<Option<u32>>("option", &json!(null)).unwrap(), None);
}

#[test]
fn asbool() {
    for text in [" True", "true ", "Yes", " yes ", "1  ", "on", "y", "T"] {
        assert_eq!(parse_bool(text), Some(true), "{text}");
    }
    for text in [" False", "false ", "No", " no ", "0  ", "off", "n", "F"] {
        assert_eq!(parse_bool(text), Some(false), "{text}");
    }
    assert_eq!(parse_bool("yep"), None);
    let read = |value| parse_value::<bool>("option", &value);
    assert_eq!((read(json!(true)).unwrap(), read(json!(false)).unwrap()), (true, false));
    assert_eq!(
        read(json!("yep")).unwrap_err().to_string(),
        "option: expected true or false, found text \"yep\""
    );
}

#[test]
fn astimezone() {
    let read = |value| parse_value::<Zone>("timezone", &value);
    assert_eq!(read(json!("Europe/Helsinki")).unwrap().to_string(), "Europe/Helsinki");
    assert_eq!(read(json!("UTC")).unwrap(), Zone::UTC);
    assert_eq!(parse_value::<Option<Zone>>("timezone", &json!(null)).unwrap(), None);
    assert!(read(json!(4)).unwrap_err().to_string().starts_with("timezone: "));
    assert!(
        read(json!("local"))
            .unwrap_err()
            .to_string()
            .contains("expected a name of the tz database")
    );
}

#[test]
fn convert_to_datetime() {
    let zone: Zone = "Europe/Berlin".parse().unwrap();
    let cases = [
        ("2009-8-1", "2009-08-01T00:00:00+02:00"),
        ("2009-8-1 5:16:12", "2009-08-01T05:16:12+02:00"),
        ("2009-8-1T5:16:12Z", "2009-08-01T05:16:12+00:00"),
        ("2009-8-1T5:16:12+02:30", "2009-08-01T05:16:12+02:30"),
        ("2009-8-1T5:16:12-05:30", "2009-08-01T05:16:12-05:30"),
    ];
    for (text, expected) in cases {
        let (instant, zone) = parse_datetime(text, zone).unwrap();
        assert_eq!(zone.iso(instant), expected, "{text}");
    }
    let error = parse_datetime("19700-12-1", zone).unwrap_err().to_string();
    assert!(error.starts_with("invalid date `19700-12-1`; expected `YYYY-MM-DD`"), "{error}");
}

#[test]
fn datetime_repr() {
    let zone: Zone = "Europe/Helsinki".parse().unwrap();
    let (instant, _) = parse_datetime("2014-05-30 07:12:20", zone).unwrap();
    assert_eq!(zone.display(instant), "2014-05-30 07:12:20 EEST");
}

#[test]
fn datetime_ceil() {
    let scheduler = scheduler();
    let context = TriggerContext::new(scheduler.registry(), Zone::UTC, &**scheduler.clock());
    let trigger = context.build(&TriggerConfig::new("cron").option("second", "*")).unwrap();
    for now in ["2009-04-07T02:10:16.004Z", "2009-04-07T02:10:17Z"] {
        let now: Timestamp = now.parse().unwrap();
        let fire = trigger.next_fire_time(None, now).unwrap();
        assert_eq!(fire.to_rfc3339(), "2009-04-07T02:10:17+00:00");
    }
}

fn plain() {}

#[test]
fn callable_name() {
    let name = |function: Function| function.name().to_owned();
    assert_eq!(name(plain.into_function("shop::plain")), "shop::plain");
    let scheduler = scheduler();
    let job = scheduler.add_job(apscheduler_core::job::JobBuilder::new(plain)).unwrap();
    assert!(job.name().ends_with("values::plain"), "{}", job.name());
}

#[test]
fn a_wrapper_is_checked_against_its_own_parameters() {
    let wrapper = |_argument: i64| plain();
    let function = wrapper.into_function("wrapper");
    assert!(function.check(&Arguments::new(vec![json!(1)], Map::new())).is_ok());
    assert!(function.check(&Arguments::default()).is_err());
}

#[test]
fn parameters_of_closures_are_given_by_position() {
    let function = (|_value: i64| ()).into_function("closure");
    let kwargs = json!({"value": 1}).as_object().unwrap().clone();
    let error = function.check(&Arguments::new(vec![], kwargs)).unwrap_err().to_string();
    assert!(error.contains("`value` can't be given as a keyword argument"), "{error}");
}

#[test]
fn a_function_knows_whether_it_is_async() {
    assert!(!plain.into_function("plain").is_async());
    let future = Callable::Async(std::sync::Arc::new(|_, _: &Arguments| {
        Box::pin(async { Ok(serde_json::Value::Null) })
    }));
    assert!(Function::new("future", |_: &Arguments| Ok(()), future).is_async());
}
