//! The official driver for Python as an independent client of the server of `APSCHEDULER_TEST_RETHINKDB`. Most of the time that
//! server is the peer in the testkit; what the driver sends and expects decides.
#![allow(clippy::unwrap_used, reason = "tests")]

mod place;

use std::io::Write as _;
use std::process::{Command, Stdio};

use apscheduler_testkit::stores::{new_name, server_url};

#[test]
fn the_official_driver_finds_what_the_store_relies_on() {
    let login = place::login();
    let python = server_url("APSCHEDULER_TEST_RETHINKDB_PYTHON");
    let mut check = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/driver/check.py"))
        .args([&*login.host, &login.port.to_string(), &login.user, &new_name()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(check.stdin.take().unwrap(), "{}", login.password).unwrap();
    let output = check.wait_with_output().unwrap();
    let (out, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{error}");
    assert_eq!(out.lines().filter(|line| line.starts_with("ok: ")).count(), 9, "{out}");
}
