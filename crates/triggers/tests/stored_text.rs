//! The stored text of every trigger and option, byte for byte.

mod built;

use apscheduler_core::time::{Timestamp, Zone};
use serde_json::json;

#[test]
fn stored_text_stays_the_same() {
    let now: Timestamp = "2026-05-04T10:20:30.123456789Z".parse().unwrap();
    let berlin: Zone = "Europe/Berlin".parse().unwrap();
    let cases = [
        json!({"type": "date"}),
        json!({"type": "date", "run_date": "2026-06-01"}),
        json!({"type": "date", "timezone": "UTC", "run_date": "2026-06-01 03:04:05.25"}),
        json!({"type": "date", "run_date": "2026-06-01T03:04:05+05:30"}),
        json!({"type": "date", "run_date": "1850-06-01T00:00:00Z", "from_clock": true}),
        json!({"type": "interval"}),
        json!({"type": "interval", "seconds": 90}),
        json!({"type": "interval", "weeks": 1, "days": 2, "hours": 3, "minutes": 4, "seconds": 5.000_006}),
        json!({"type": "interval", "hours": 0.5, "start_date": "2026-06-01", "end_date": "2027-06-01 12:00:00", "jitter": 30}),
        json!({"type": "interval", "days": 1.5, "timezone": "America/New_York", "start_date": "2026-06-01T00:00:00Z", "jitter": 0.25}),
        json!({"type": "interval", "minutes": 1, "start_date": "2026-06-01", "from_clock": true, "jitter": 0}),
        json!({"type": "cron"}),
        json!({"type": "cron", "hour": 2}),
        json!({"type": "cron", "second": "*/5", "minute": "0-30/2,45", "hour": "07", "day_of_week": "MON-fri", "week": 7,
            "day": "last,2nd tue", "month": "Jan-mar", "year": "2026-2030"}),
        json!({"type": "cron", "crontab": "*/5 8-18 * * mon-fri", "timezone": "+05:30", "jitter": 90.5}),
        json!({"type": "cron", "minute": 5, "start_date": "2026-06-01", "end_date": "2026-07-01 12:00:00.5"}),
        json!({"type": "calendarinterval", "days": 1}),
        json!({"type": "calendarinterval", "years": 1, "months": 2, "weeks": 3, "days": 4, "hour": 5, "minute": 6, "second": 7,
            "start_date": "2026-06-01", "end_date": "2030-06-01", "timezone": "UTC", "jitter": 1.5}),
        json!({"type": "calendarinterval", "months": 1, "start_date": "2026-06-01", "from_clock": true, "jitter": 60}),
        json!({"type": "and", "triggers": [{"type": "cron", "hour": 2}, {"type": "date", "run_date": "2026-06-01 02:00:00"}]}),
        json!({"type": "and", "max_iterations": 7, "jitter": 3, "triggers": [
            {"type": "or", "triggers": [{"type": "interval", "hours": 1}, {"type": "calendarinterval", "weeks": 2}]},
            {"type": "cron", "day": "last"},
        ]}),
        json!({"type": "or", "jitter": 0.5, "triggers": [{"type": "cron", "hour": 2}, {"type": "interval"}]}),
    ];
    let mut texts = Vec::new();
    for config in &cases {
        let trigger = built::build(config, berlin, now).unwrap();
        texts.push(serde_json::to_string(&*trigger).unwrap());
    }
    assert_eq!(texts.join("\n") + "\n", include_str!("stored_text.jsonl"));
}
