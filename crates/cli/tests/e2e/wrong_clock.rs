//! A start warns of jobs that a wrong clock left in a store, and `resume` and `run` repair them.
//!
//! A test can't set the clock, so it puts the store into the state that a start in 2098 leaves.

use serde_json::Value;

use crate::program::Place;

const JOBS: &str = "[[jobs]]\nid = 'left-open'\nfunc = 'command'\nkwargs.argv = ['true']\n\
    trigger = { type = 'interval', hours = 2 }\n\
    [[jobs]]\nid = 'given'\nfunc = 'command'\nkwargs.argv = ['true']\n\
    trigger = { type = 'interval', hours = 2, start_date = '2020-01-01' }\n\
    [[jobs]]\nid = 'nightly'\nfunc = 'command'\nkwargs.argv = ['true']\n\
    trigger = { type = 'cron', hour = 3 }\n";

/// 2098-06-03T00:00:00Z
const WRONG: &str = "4052592000000000";

fn started_in_2098() -> Place {
    let place = Place::with_jobs(JOBS);
    let mut running = place.start("wrong");
    running.wait_for_start();
    running.drain();
    let database = place.database();
    let changed = database
        .execute(
            "UPDATE apscheduler_jobs SET next_run_time = ?1, revision = revision + 1,
             job_state = CASE id WHEN 'left-open'
             THEN json_set(job_state, '$.trigger.start_date', '2098-06-03T00:00:00+00:00') ELSE job_state END",
            [WRONG.parse::<i64>().unwrap()],
        )
        .unwrap();
    assert_eq!(changed, 3);
    place
}

fn next_year(place: &Place, id: &str) -> i32 {
    let shown: Value = place.show(id);
    shown["next_run_time"].as_str().unwrap()[..4].parse().unwrap()
}

#[test]
fn warns_of_jobs_that_wait_after_a_wrong_clock() {
    let place = started_in_2098();
    let mut running = place.start("right");
    running.wait_for_log(
        "3 jobs wait much longer than the trigger requires, as after a wrong clock: ",
    );
    let log = running.log();
    assert!(log.contains("until 2098-06-03T00:00:00+00:00 instead of 20"), "{log}");
    assert!(log.contains("apscheduler jobs resume ID"), "{log}");
    // While it runs.
    for id in ["left-open", "given", "nightly"] {
        place.jobs(&["resume", id]).success();
        assert!(next_year(&place, id) < 2098, "{id}: {}", place.show(id));
    }
    running.drain();
    let mut running = place.start("healed");
    running.wait_for_start();
    running.drain();
    assert!(!running.log().contains("wait much longer"), "{}", running.log());
}

#[test]
fn a_job_that_is_made_due_restarts_an_interval_without_a_start_date() {
    let place = started_in_2098();
    let mut running = place.start("right");
    running.wait_for_start();
    for id in ["left-open", "given"] {
        place.jobs(&["modify", id, "--next-run-time", "now"]).success();
        running.wait_for_job("JOB_EXECUTED", id);
        assert!(next_year(&place, id) < 2098, "{id}: {}", place.show(id));
    }
    let config = &place.show("left-open")["trigger_config"];
    assert!(!config["start_date"].as_str().unwrap().starts_with("2098"), "{config}");
    running.drain();
}
