//! Progress of long work: on standard error, if that is a terminal.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::program::Place;

/// Runs the program with a terminal as standard error. Returns what the terminal got, and standard output.
fn in_terminal(place: &Place, args: &[&str]) -> (String, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs: OwnedFd = OpenOptions::new().read(true).write(true).open(name).unwrap().into();
    let mut command = place.command(args);
    command.stdin(Stdio::null()).stderr(theirs.as_fd().try_clone_to_owned().unwrap());
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    let output = command.output().unwrap();
    // The end of the terminal is an error once nobody has the other side.
    drop((command, theirs));
    let (mut terminal, mut text) = (File::from(ours), Vec::new());
    let _ = terminal.read_to_end(&mut text);
    let text = String::from_utf8(text).unwrap();
    assert!(output.status.success(), "{args:?}: {text}");
    (text, String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_terminal_shows_progress_and_nothing_else_does() {
    let place = Place::with_jobs("");
    let job = ["add", "--id", "a", "--func", "log", "--kwargs", r#"{"message": "x"}"#];
    place.jobs(&[&job[..], &["--cron", "0 0 1 1 *"]].concat()).success();
    let config = ["--config", "jobs.toml"];
    let range = ["--from", "2026-01-01", "--to", "2026-01-02", "--reprocess", "all", "--dry-run"];
    let backfill = [&["jobs", "backfill", "a"], &range[..]].concat();
    for (args, shown) in [
        (&["jobs", "export", "jobs.json"][..], "exporting jobs"),
        (&["jobs", "remove", "a"], ""),
        (&["jobs", "import", "jobs.json"], "importing jobs"),
        (&backfill[..], "looking at past run times"),
        (&["runs", "prune"], "removing records"),
        (&["runs", "prune", "--json"], ""),
    ] {
        let (terminal, stdout) = in_terminal(&place, &[args, &config].concat());
        if shown.is_empty() {
            assert_eq!(terminal, "", "{args:?}");
        } else {
            assert!(terminal.contains(shown) && !terminal.contains("0/0"), "{terminal:?}");
            assert!(!stdout.contains(shown), "{args:?}: {stdout}");
        }
    }
    let pruned = place.run(&["runs", "prune", "--config", "jobs.toml"]).success();
    assert_eq!((&*pruned.stdout(), &*pruned.stderr()), ("removed 0 records\n", ""));
}
