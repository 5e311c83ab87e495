//! `apscheduler jobs pause` with a note and an end.

use crate::program::Place;

const DAILY: &str = "[[jobs]]\nid = 'backup'\nfunc = 'command'\nkwargs.shell = 'true'\n\
    trigger = { type = 'cron', hour = 3 }\n";

fn started() -> Place {
    let place = Place::with_jobs(DAILY);
    let mut running = place.start("run");
    running.wait_for_start();
    running.drain();
    place
}

#[test]
fn a_pause_has_a_note_and_an_end() {
    let place = started();
    let pause = ["pause", "backup", "--note", "the disk is full", "--until", "2090-01-02 06:00:00"];
    let told = place.jobs(&pause).success().stdout();
    assert!(told.starts_with("paused backup: command (trigger: cron"), "{told}");
    let job = place.show("backup");
    assert_eq!(job["status"], "paused");
    assert_eq!(job["next_run_time"], "2090-01-03T03:00:00+00:00");
    assert_eq!(job["pause"]["note"], "the disk is full");
    assert_eq!(job["pause"]["until"], "2090-01-02T06:00:00+00:00");
    assert!(job["pause"]["by"].as_str().unwrap().contains(" via apscheduler@"), "{job}");
    let text = "paused until 2090-01-02 06:00:00 UTC: the disk is full";
    let list = place.jobs(&["list"]).success().stdout();
    assert!(list.contains(text), "{list}");
    let shown = place.jobs(&["show", "backup"]).success().stdout();
    assert!(shown.contains(&format!("pause               {text} (by ")), "{shown}");

    place.jobs(&["resume", "backup"]).success();
    let job = place.show("backup");
    assert_eq!((&job["status"], job.get("pause")), (&"scheduled".into(), None));
}

#[test]
fn a_pause_by_hand_stays_when_the_file_is_applied_again() {
    let place = started();
    place.jobs(&["pause", "backup", "--until", "2090-01-02"]).success();
    let mut running = place.start("again");
    running.wait_for_start();
    running.drain();
    assert_eq!(place.show("backup")["next_run_time"], "2090-01-02T03:00:00+00:00");
    assert_eq!(place.show("backup")["status"], "paused");
}

#[test]
fn a_wrong_end_is_an_error() {
    let place = started();
    let fails = |until: &str| place.jobs(&["pause", "backup", "--until", until]).failure();
    assert!(fails("tomorrow").contains("--until: invalid date `tomorrow`; expected"));
    assert!(fails("2001-01-01").contains("has passed"));
    assert_eq!(place.show("backup")["status"], "scheduled");
}
