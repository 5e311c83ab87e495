#![cfg(unix)]

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::time::zone_file::tests::zone_file;

/// A temporary root file system.
struct Root(TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn link(self, path: &str, target: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
        self
    }

    fn find(&self, tz: Option<&str>) -> Result<LocalZone, String> {
        find(tz.map(OsStr::new), self.0.path())
    }

    fn zone(&self, tz: Option<&str>) -> String {
        self.find(tz).unwrap().zone().to_string()
    }
}

/// Returns Helsinki in the form of compact zone files: the changes of recent years, and rules.
fn helsinki() -> Vec<u8> {
    let spans = Spans::of(Tz::Europe__Helsinki);
    let mut changes = Vec::new();
    let mut seconds = -86_400 * 365;
    while seconds < 1_000_000_000 {
        let span = spans.at(seconds);
        changes.push((span.start.max(-2_000_000_000), u8::from(span.offset == 10_800)));
        seconds = span.end;
    }
    zone_file(&changes, &[(7200, "EET"), (10_800, "EEST")], "EET-2EEST,M3.5.0/3,M10.5.0/4")
}

#[test]
fn tz_is_parsed_in_many_forms() {
    let root = Root::new().link("etc/localtime", "/usr/share/zoneinfo/Asia/Tokyo");
    let cases = [
        ("Europe/Helsinki", "Europe/Helsinki", false),
        (":Europe/Helsinki", "Europe/Helsinki", false),
        ("EST5EDT", "EST5EDT", false),
        ("UTC", "UTC", false),
        ("", "UTC", false),
        (":", "UTC", false),
        ("UTC0", "UTC", false),
        ("+05:30", "+05:30", false),
        ("JST-9", "+09:00", false),
        ("<+0330>-3:30", "+03:30", false),
        ("europe/helsinki", "Europe/Helsinki", true),
        ("\"Europe/Helsinki\"", "Europe/Helsinki", true),
        ("'Europe/Helsinki'", "Europe/Helsinki", true),
        ("Europe/Helsinki\r", "Europe/Helsinki", true),
        ("/usr/share/zoneinfo/Europe/Helsinki", "Europe/Helsinki", false),
        (":/usr/share/zoneinfo/posix/Europe/Helsinki", "Europe/Helsinki", false),
        (":/etc/localtime", "Asia/Tokyo", false),
    ];
    for (tz, zone, warns) in cases {
        let local = root.find(Some(tz)).unwrap();
        assert_eq!(local.zone().to_string(), zone, "{tz}");
        assert_eq!(local.warning().is_some(), warns, "{tz}: {:?}", local.warning());
        assert!(local.source().starts_with("the environment variable TZ"), "{local}");
    }
}

#[test]
fn an_unknown_tz_is_an_error_that_quotes_it() {
    let root = Root::new().link("etc/localtime", "/usr/share/zoneinfo/Asia/Tokyo");
    let cases = [
        (
            "Europe/Helsinky",
            "TZ is `Europe/Helsinky`, which names no time zone; did you mean `Europe/Helsinki`?",
        ),
        (
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "a rule for daylight saving time instead of the name of a zone",
        ),
        ("UTC+2", "TZ is `UTC+2`, which by POSIX means -02:00, the opposite of what it looks like"),
        ("/etc/nothing", "TZ is `/etc/nothing`: there is no such file"),
        ("Mars/Olympus", "TZ is `Mars/Olympus`, which names no time zone"),
    ];
    for (tz, expected) in cases {
        let error = root.find(Some(tz)).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn localtime_is_a_link_to_a_zone() {
    for target in [
        "/usr/share/zoneinfo/Europe/Helsinki",
        "../usr/share/zoneinfo/Europe/Helsinki",
        "/var/db/timezone/zoneinfo/Europe/Helsinki",
        "/etc/zoneinfo/Europe/Helsinki",
    ] {
        let root = Root::new().link("etc/localtime", target).file("etc/timezone", "Etc/UTC\n");
        assert_eq!(root.zone(None), "Europe/Helsinki", "{target}");
        assert!(root.find(None).unwrap().source().starts_with("/etc/localtime -> /"));
    }
    let root = Root::new()
        .link("etc/localtime", "tz/here")
        .link("etc/tz/here", "/usr/share/zoneinfo/Asia/Tokyo");
    assert_eq!(root.zone(None), "Asia/Tokyo");
}

#[test]
fn a_copied_localtime_is_identified_by_its_contents() {
    // No zone files, and no name.
    let root = Root::new().file("etc/localtime", helsinki());
    assert_eq!(root.zone(None), "Europe/Helsinki");
    assert_eq!(root.find(None).unwrap().warning(), None);
    // A matching name takes precedence over identical zones.
    let root = root.file("etc/timezone", "# from the installer\nEurope/Mariehamn\n");
    assert_eq!(root.zone(None), "Europe/Mariehamn");
    // As in a container with the file of its host.
    let root = root.file("etc/timezone", "Etc/UTC\n");
    let local = root.find(None).unwrap();
    assert_eq!(local.zone().to_string(), "Europe/Helsinki");
    assert_eq!(
        local.warning(),
        Some(
            "/etc/localtime is a copy of the zone `Europe/Helsinki`, which is used, but /etc/timezone says `Etc/UTC`"
        )
    );
    // A link to a copy counts as a copy.
    let root = Root::new().link("etc/localtime", "/opt/tz").file("opt/tz", helsinki());
    assert_eq!(root.zone(None), "Europe/Helsinki");

    let utc = Root::new().file("etc/localtime", zone_file(&[], &[(0, "UTC")], "UTC0"));
    assert_eq!(utc.zone(None), "UTC");
}

#[test]
fn a_zone_file_newer_than_ours_is_identified_by_its_bytes() {
    // A rule that this program's tz database does not have.
    let newer = zone_file(&[(1_900_000_000, 1)], &[(32_400, "JST"), (36_000, "JST")], "JST-10");
    let root = Root::new().file("etc/localtime", &newer);
    assert!(root.find(None).unwrap_err().contains("equals no zone of the tz database"));
    let root = root.file("usr/share/zoneinfo/Asia/Tokyo", &newer);
    assert_eq!(root.zone(None), "Asia/Tokyo");
}

#[test]
fn without_localtime_the_named_zone_or_utc_is_used() {
    let local = Root::new().find(None).unwrap();
    assert_eq!(local.zone(), Zone::UTC);
    assert!(local.source().contains("no /etc/localtime"), "{local}");
    let local = Root::new().file("etc/timezone", "Europe/Helsinki\n").find(None).unwrap();
    assert_eq!(
        (local.zone().to_string().as_str(), local.source()),
        ("Europe/Helsinki", "/etc/timezone")
    );
    assert!(local.warning().is_some());
    let error = Root::new().file("etc/timezone", "Europe/Helsinky\n").find(None).unwrap_err();
    assert!(
        error.contains("/etc/timezone says `Europe/Helsinky`, which names no time zone"),
        "{error}"
    );
}

#[test]
fn a_broken_localtime_is_an_error() {
    let dangling = Root::new().link("etc/localtime", "/opt/tz");
    assert_eq!(
        dangling.find(None).unwrap_err(),
        "/etc/localtime links to /opt/tz, which does not exist"
    );
    let text = Root::new().file("etc/localtime", "Europe/Helsinki\n");
    assert_eq!(
        text.find(None).unwrap_err(),
        "/etc/localtime is neither a link to a zone nor a zone file"
    );
    let directory = Root::new().file("etc/localtime/x", "");
    assert!(directory.find(None).unwrap_err().contains("can't be read"));
    let round = Root::new().link("etc/localtime", "localtime");
    assert!(round.find(None).is_err());
}
