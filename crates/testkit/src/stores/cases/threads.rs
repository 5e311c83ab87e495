//! Several threads claim at once: every fire is won once.

use std::collections::{BTreeMap, BTreeSet};

use apscheduler_core::store::{Claim, JobStore, NextRun};
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::actions::{
    Patience, add_many, claim, claim_all, claimed, due_time, list, many_id, take,
};
use crate::stores::case::cases;
use crate::stores::records::second;
use crate::stores::{Opened, Place};

cases! { "threads":
    Place threads_claim_each_due_job_once,
    Place threads_on_several_handles_claim_each_due_job_once [Shared],
    Place threads_claim_every_fire_once,
    Place threads_on_several_handles_claim_every_fire_once [Shared],
    Place only_one_claimer_of_the_same_jobs_wins,
}

/// Runs `work` on several threads at once, each with one of the handles.
pub(super) fn in_threads<T: Send>(
    threads: usize,
    handles: &[Opened],
    work: impl Fn(usize, &dyn JobStore) -> T + Sync,
) -> Vec<T> {
    let (work, start) = (&work, &std::sync::Barrier::new(threads));
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|number| {
                let store = &*handles[number % handles.len()];
                scope.spawn(move || {
                    start.wait();
                    work(number, store)
                })
            })
            .collect();
        let ended = running.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
        });
        ended.collect()
    })
}

pub(super) fn open_handles(place: &Place<'_>, count: usize) -> Vec<Opened> {
    (0..count).map(|_| place.open()).collect()
}

fn threads_claim_each_due_job_once(place: &Place<'_>) {
    each_due_job_once(&open_handles(place, 1), place.scaled(10_000));
}

fn threads_on_several_handles_claim_each_due_job_once(place: &Place<'_>) {
    each_due_job_once(&open_handles(place, 8), place.scaled(10_000));
}

fn each_due_job_once(handles: &[Opened], count: usize) {
    let store = &*handles[0];
    add_many(store, count, |number| second(-i64::try_from(number % 100).expect("small")));
    let (now, later) = (second(0), second(1000));
    let limit = (count / 100).max(2);
    let parts = in_threads(8, handles, |_, store| {
        let mut claims = Vec::new();
        let patience = Patience::new("every due job is claimed");
        while store.next_run_time(None).expect("a time").is_some_and(|next| next <= now) {
            claims.extend(claim_all(store, now, limit, |record| take(record, NextRun::At(later))));
            patience.check();
        }
        claims
    });
    let claims: Vec<Claim> = parts.into_iter().flatten().collect();
    let names: BTreeSet<&str> = claimed(&claims).into_iter().collect();
    assert_eq!(claims.len(), count, "each job is claimed once");
    assert!(names.into_iter().eq((0..count).map(many_id)), "each job is claimed");
    assert!(list(store).iter().all(|record| record.next_run_time == Some(later)));
}

fn threads_claim_every_fire_once(place: &Place<'_>) {
    every_fire_once(&open_handles(place, 1), place.scaled(1000));
}

fn threads_on_several_handles_claim_every_fire_once(place: &Place<'_>) {
    every_fire_once(&open_handles(place, 4), place.scaled(1000));
}

/// A few jobs fire many times each, in small batches that overlap.
fn every_fire_once(handles: &[Opened], fires: usize) {
    const JOBS: usize = 20;
    let store = &*handles[0];
    let rounds = i64::try_from(fires / JOBS).expect("small").max(2);
    let step = TimeDelta::microseconds(1);
    let end: Timestamp = second(0) + TimeDelta::microseconds(rounds);
    add_many(store, JOBS, |_| second(0));
    let parts = in_threads(4, handles, |_, store| {
        let mut claims = Vec::new();
        let patience = Patience::new("every job finishes");
        while store.next_run_time(None).expect("a time").is_some() {
            let batch = claim(store, end, 7, |record| {
                let next = due_time(record) + step;
                take(record, if next < end { NextRun::At(next) } else { NextRun::Finished })
            });
            claims.extend(batch.won);
            patience.check();
        }
        claims
    });
    let mut fires: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for claim in parts.into_iter().flatten() {
        let times = claim.outcome.run_times.as_slice();
        fires.entry(claim.record.id.to_string()).or_default().extend(times);
    }
    let expected: Vec<Timestamp> =
        (0..rounds).map(|round| second(0) + TimeDelta::microseconds(round)).collect();
    assert_eq!(fires.len(), JOBS);
    for (id, mut times) in fires {
        times.sort_unstable();
        assert_eq!(times, expected, "the fires of {id}");
    }
    assert!(list(store).is_empty(), "every job has finished");
}

/// All threads claim the same few jobs repeatedly.
fn only_one_claimer_of_the_same_jobs_wins(place: &Place<'_>) {
    let shared = place.capabilities().shared;
    let handles = open_handles(place, if shared { 4 } else { 1 });
    add_many(&*handles[0], 3, |_| second(0));
    for round in 0..i64::try_from(place.scaled(200)).expect("small") {
        let (now, next) = (second(round), second(round + 1));
        let parts = in_threads(4, &handles, |_, store| {
            claim(store, now, 10, |record| take(record, NextRun::At(next))).won
        });
        let claims: Vec<Claim> = parts.into_iter().flatten().collect();
        let mut names = claimed(&claims);
        names.sort_unstable();
        assert_eq!(names, ["job-00000", "job-00001", "job-00002"], "in round {round}");
    }
}
