//! Kills `apscheduler run` on SQLite repeatedly under load, and accounts for every fire time.
//!
//! The state of a fire time:
//! - It **ran** if the job wrote it to its log.
//! - It was **claimed** by the process during whose life the stored next run time passed it.
//! - It may be **lost** only if the process that claimed it was killed before the run ended. Then the event stream of that
//!   process has no outcome for it. It has either the submission, or no event of this and all later fire times of the job
//!   (the process was killed between the claim and its events).
//!
//! The store has one record of each fire time. What a killed process had claimed is recorded as lost by the next one, unless
//! its outcome was written before.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::accounting::{Bench, Micros, fires, now, repeated};
use crate::program::wait_for;

const KILLS: usize = 8;

#[test]
fn every_fire_time_is_accounted_for() {
    let bench = Bench::new();
    let mut claimed = bench.claimed_until();
    let mut lost: BTreeSet<(String, Micros)> = BTreeSet::new();
    let mut rounds = Vec::new();
    for round in 0..KILLS {
        let mut running = bench.place.start(&format!("round{round}"));
        running.wait_for_start();
        if round == 0 {
            running.wait_for("the first fire", |event| event["event"] == "JOB_SUBMITTED");
        }
        // A random time, not a wait for something.
        std::thread::sleep(Duration::from_millis(fastrand::u64(20..900)));
        running.kill();
        let end = now();
        let until = bench.claimed_until();
        rounds.push((running.events(), claimed, until.clone(), end));
        claimed = until;
    }

    let mut running = bench.place.start("last");
    running.wait_for_start();
    let caught_up = now();
    wait_for("the jobs to catch up", || {
        let events = running.events();
        let done = |job: &String| {
            fires(&events, "JOB_EXECUTED", job).last().is_some_and(|last| *last >= caught_up)
        };
        Bench::jobs().iter().all(done).then_some(())
    });
    let is_settled =
        |(_, time, state): &(String, Micros, String)| *time >= caught_up || state != "claimed";
    wait_for("the killed processes to be found dead", || {
        bench.recorded().iter().all(is_settled).then_some(())
    });
    let events = running.drain();
    rounds.push((events, claimed, bench.claimed_until(), now()));

    let ran = bench.ran();
    assert_eq!(repeated(&ran), [], "these ran twice");
    let ran: BTreeSet<(String, Micros)> = ran.into_iter().collect();
    for (round, (events, from, until, end)) in rounds.iter().enumerate() {
        for kind in ["JOB_MISSED", "JOB_MAX_INSTANCES", "JOB_ERROR", "JOB_BROKEN"] {
            assert!(!events.iter().any(|event| event["event"] == kind), "{kind} in round {round}");
        }
        for job in Bench::jobs() {
            let submitted = fires(events, "JOB_SUBMITTED", &job);
            let executed = fires(events, "JOB_EXECUTED", &job);
            let range = from[&job]..until[&job];
            assert!(
                submitted.iter().all(|time| range.contains(time)),
                "{job} fired what it had not claimed"
            );
            assert!(
                executed.iter().all(|time| ran.contains(&(job.clone(), *time))),
                "{job} did not run"
            );
            for time in bench.grid(range).filter(|time| !ran.contains(&(job.clone(), *time))) {
                assert!(
                    round < KILLS,
                    "{job} was left out at {time} by a process that was not killed"
                );
                assert!(!executed.contains(&time));
                // Nothing is claimed before it is due.
                assert!(
                    time <= *end,
                    "{job} was left out at {time}, and was not due when the process was killed"
                );
                let told = submitted.contains(&time);
                assert!(
                    told || submitted.iter().all(|other| *other < time),
                    "{job} was left out in silence at {time}"
                );
                lost.insert((job.clone(), time));
            }
        }
    }
    // Nothing ran at other times.
    let end = &rounds.last().unwrap().2;
    let due: BTreeSet<(String, Micros)> = Bench::jobs()
        .into_iter()
        .flat_map(|job| {
            bench
                .grid(bench.start()..end[&job])
                .map(move |time| (job.clone(), time))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(&ran | &lost, due);
    check_records(&bench, &ran, &due);
    assert!(ran.len() > 100, "{} runs are no load", ran.len());
    println!(
        "{KILLS} kills: {} runs, {} lost with the process that had claimed them",
        ran.len(),
        lost.len()
    );
}

/// Checks that the store has one record of each fire time.
fn check_records(
    bench: &Bench,
    ran: &BTreeSet<(String, Micros)>,
    due: &BTreeSet<(String, Micros)>,
) {
    let recorded = bench.recorded();
    let times = recorded.iter().map(|(job, time, _)| (job.clone(), *time));
    let times: BTreeSet<(String, Micros)> = times.collect();
    assert_eq!(times.len(), recorded.len(), "a fire time has two records");
    assert_eq!(&times, due, "each fire time has a record");
    for (job, time, state) in recorded {
        let fire = (job, time);
        match state.as_str() {
            "ok" => assert!(ran.contains(&fire), "{fire:?} did not run"),
            "lost" => {}
            other => panic!("{fire:?} is {other}"),
        }
    }
}
