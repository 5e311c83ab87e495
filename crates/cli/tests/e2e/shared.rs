//! Two processes `apscheduler run` on one SQLite file.

use crate::accounting::{Bench, Micros, fires, repeated};
use crate::program::wait_for;

#[test]
fn two_schedulers_run_every_fire_time_exactly_once() {
    let bench = Bench::new();
    // Started at the same time, so that both add the jobs of the file.
    let mut running = [bench.place.start("left"), bench.place.start("right")];
    for running in &mut running {
        running.wait_for_start();
    }
    let until = bench.start() + 2_000_000;
    wait_for("two seconds of runs", || {
        let executed = |job: &String| {
            let last = running.iter().filter_map(|running| {
                fires(&running.events(), "JOB_EXECUTED", job).last().copied()
            });
            last.max().is_some_and(|last| last >= until)
        };
        Bench::jobs().iter().all(executed).then_some(())
    });
    let [left, right] = running.each_mut().map(crate::program::Running::drain);

    let ran = bench.ran();
    assert_eq!(repeated(&ran), [], "these ran twice");
    let claimed = bench.claimed_until();
    for job in Bench::jobs() {
        let mut times: Vec<Micros> =
            ran.iter().filter(|(ran, _)| *ran == job).map(|(_, time)| *time).collect();
        times.sort_unstable();
        let due: Vec<Micros> = bench.grid(bench.start()..claimed[&job]).collect();
        assert_eq!(times, due, "{job}");
        let told =
            fires(&left, "JOB_EXECUTED", &job).len() + fires(&right, "JOB_EXECUTED", &job).len();
        assert_eq!(told, due.len(), "{job}");
    }
    for event in left.iter().chain(&right) {
        assert!(
            !["JOB_ERROR", "JOB_MISSED", "JOBSTORE_ERROR"]
                .contains(&event["event"].as_str().unwrap()),
            "{event}"
        );
    }
}
