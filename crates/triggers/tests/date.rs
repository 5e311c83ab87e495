//! APScheduler's `tests/triggers/test_date.py`.

mod berlin;
mod built;

use apscheduler_core::time::Zone;
use apscheduler_core::trigger::Trigger;
use apscheduler_triggers::DateTrigger;
use berlin::{at, next, trigger, try_trigger};
use serde_json::json;

#[test]
fn get_next_fire_time() {
    let july = "2009-07-06 00:00:00 CEST";
    let cases = [
        ("earlier", "2009-07-06", None, "2008-05-04", Some(july)),
        ("exact", "2009-07-06", None, "2009-07-06", Some(july)),
        ("later", "2009-07-06", None, "2009-09-02", Some(july)),
        ("as text", "2009-7-6", None, "2009-09-02", Some(july)),
        ("previously fired", "2009-07-06", Some("2009-07-06"), "2009-09-02", None),
        (
            "alternate timezone",
            "2009-07-05 22:00:00-01:00",
            Some("2009-07-06 01:00:00"),
            "2009-07-06",
            None,
        ),
        ("manual run before", "2009-07-06", Some("2009-07-05 12:00:00"), "2009-07-05", Some(july)),
    ];
    for (name, run_date, previous, now, expected) in cases {
        let trigger = trigger(&json!({"type": "date", "run_date": run_date}));
        assert_eq!(next(&*trigger, previous.map(at), now).as_deref(), expected, "{name}");
    }
    let current_time = trigger(&json!({"type": "date", "timezone": "-02:00"}));
    let now = at("2020-01-01");
    assert_eq!(current_time.next_fire_time(None, now), Some(now));
}

#[test]
fn dst_change() {
    let eastern: Zone = "US/Eastern".parse().unwrap();
    for (text, shown) in [
        ("2013-11-03 01:05:00-04:00", "2013-11-03 01:05:00 EDT"),
        ("2013-11-03 01:05:00-05:00", "2013-11-03 01:05:00 EST"),
    ] {
        let trigger = DateTrigger::at(at(text)).timezone(eastern);
        assert_eq!(next(&trigger, None, text).unwrap(), shown);
        let config = serde_json::to_value(&trigger as &dyn Trigger).unwrap();
        assert_eq!(try_trigger(&config).unwrap().to_string(), format!("date[{shown}]"));
    }
}

#[test]
fn str() {
    let trigger = trigger(&json!({"type": "date", "run_date": "2009-07-06"}));
    assert_eq!(trigger.to_string(), "date[2009-07-06 00:00:00 CEST]");
}

#[test]
fn pickle() {
    let config = json!({"type": "date", "run_date": "2016-04-03T00:00:00.000001+02:00", "timezone": "Europe/Berlin"});
    assert_eq!(serde_json::to_value(&*trigger(&config)).unwrap(), config);
}

/// As documented in the guide: a date in a gap has the offset before the change, one in a fold is the first occurrence.
#[test]
fn dates_in_gaps_and_folds_are_resolved_like_python() {
    let (gap, fold) = ("2027-03-28 02:30:00", "2027-10-31 02:30:00");
    for (date, shown) in [(gap, "2027-03-28 03:30:00 CEST"), (fold, "2027-10-31 02:30:00 CEST")] {
        let once = trigger(&json!({"type": "date", "run_date": date}));
        assert_eq!(next(&*once, None, "2027-01-01").as_deref(), Some(shown));
        let interval = trigger(&json!({"type": "interval", "days": 400, "start_date": date}));
        assert_eq!(next(&*interval, None, "2027-01-01").as_deref(), Some(shown));
        let from = trigger(&json!({"type": "cron", "minute": "*/10", "start_date": date}));
        assert_eq!(next(&*from, None, "2027-01-01").as_deref(), Some(shown));
        let until = json!({"type": "cron", "minute": "*/10", "start_date": date, "end_date": date});
        let until = trigger(&until);
        assert_eq!(next(&*until, None, "2027-01-01").as_deref(), Some(shown));
        assert_eq!(next(&*until, Some(at(&date.replace("02:30", "02:40"))), "2027-01-01"), None);
    }
}
