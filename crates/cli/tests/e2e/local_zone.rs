//! The local zone: `TZ` is understood or rejected, and never silently UTC.

use crate::program::Place;

const NINE: &str = "[[jobs]]\nid = 'nine'\nfunc = 'log'\nkwargs.message = 'hello'\n\
    trigger = { type = 'cron', hour = 9 }\n";

fn place() -> Place {
    let place = Place::new();
    let store = "[jobstores.default]\ntype = 'sqlite'\nurl = 'sqlite:///jobs.sqlite'\n";
    place.write("jobs.toml", &format!("{store}{NINE}"));
    place
}

#[test]
fn unusual_values_of_tz_are_understood_and_logged() {
    let cases = [
        ("Europe/Helsinki", "Europe/Helsinki", false),
        (":Europe/Helsinki", "Europe/Helsinki", false),
        ("/usr/share/zoneinfo/Europe/Helsinki", "Europe/Helsinki", false),
        ("\"Europe/Helsinki\"", "Europe/Helsinki", true),
        ("europe/helsinki", "Europe/Helsinki", true),
        ("JST-9", "+09:00", false),
        ("", "UTC", false),
    ];
    for (tz, zone, warns) in cases {
        let place = place();
        let mut running = place.start_in_zone("run", tz);
        running.wait_for_start();
        running.drain();
        let log = running.log();
        assert!(
            log.contains(&format!("time zone: {zone} (from the environment variable TZ")),
            "{tz}: {log}"
        );
        assert_eq!(log.contains("WARN"), warns, "{tz}: {log}");
    }
    let place = place();
    let mut next = place.command(&["next", "--cron", "0 9 * * *", "--now", "2027-01-01", "--json"]);
    let output = next.env("TZ", "'Europe/Helsinki'").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("2027-01-01T09:00:00+02:00"));
}

#[test]
fn every_command_rejects_an_invalid_tz() {
    let cases = [
        (
            "Europe/Helsinky",
            "the environment variable TZ is `Europe/Helsinky`, which names no time zone; did you mean `Europe/Helsinki`?",
        ),
        ("UTC+2", "by POSIX means -02:00, the opposite of what it looks like"),
        ("EET-2EEST,M3.5.0/3,M10.5.0/4", "a rule for daylight saving time"),
        ("/no/such/zone", "TZ is `/no/such/zone`: there is no such file"),
    ];
    for (tz, expected) in cases {
        let place = place();
        for args in [
            &["run", "jobs.toml"][..],
            &["validate", "jobs.toml"],
            &["next", "--cron", "0 9 * * *"],
            &["jobs", "--config", "jobs.toml", "list"],
        ] {
            let output = place.command(args).env("TZ", tz).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{tz}, {args:?}: {error}");
            assert!(
                error.contains("the local time zone is unknown") && error.contains(expected),
                "{error}"
            );
            assert!(error.contains("or give `timezone` in the configuration"), "{error}");
        }
        assert!(!place.exists("jobs.sqlite"));
    }
}

#[test]
fn the_zone_of_the_file_overrides_tz() {
    let place = Place::with_jobs(NINE);
    let mut running = place.start_in_zone("run", "Europe/Helsinky");
    running.wait_for_start();
    running.drain();
    assert!(running.log().contains("time zone: UTC (from the configuration)"), "{}", running.log());
}
