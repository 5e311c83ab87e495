//! Jobs are added, changed and removed while they are claimed: no write is lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::ErrorKind;
use apscheduler_core::store::NextRun;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::actions::{Patience, add_many, claim, due_time, find, ids, list, many_id, take};
use super::threads::{in_threads, open_handles};
use crate::stores::case::cases;
use crate::stores::records::{Records, second, state_number};
use crate::stores::{Opened, Place};

cases! { "contention":
    Place updates_and_claims_lose_nothing,
    Place updates_and_claims_on_several_handles_lose_nothing [Shared],
    Place only_one_of_many_adds_an_id,
    Place only_one_of_many_adds_its_batch,
    Place only_one_of_many_removes_a_job,
    Place a_claim_does_not_bring_a_removed_job_back,
}

fn handles(place: &Place<'_>) -> Vec<Opened> {
    let count = if place.capabilities().shared { 4 } else { 1 };
    open_handles(place, count)
}

fn updates_and_claims_lose_nothing(place: &Place<'_>) {
    no_write_is_lost(&open_handles(place, 1), place.scaled(400));
}

fn updates_and_claims_on_several_handles_lose_nothing(place: &Place<'_>) {
    no_write_is_lost(&open_handles(place, 4), place.scaled(400));
}

/// Two threads increment the states of a few jobs, two claim them. A lost update would show in the
/// state, a lost claim in a run time that was claimed twice.
fn no_write_is_lost(handles: &[Opened], rounds: usize) {
    const JOBS: usize = 3;
    let store = &*handles[0];
    let step = TimeDelta::microseconds(1);
    add_many(store, JOBS, |_| second(0));
    let parts = in_threads(4, handles, |thread, store| {
        let (mut updates, mut fires) = (BTreeMap::<String, u64>::new(), Vec::new());
        let records = Records::of(store);
        for round in 0..rounds {
            if thread < 2 {
                let id = many_id(round % JOBS);
                let patience = Patience::new("an update gets through");
                loop {
                    let record = find(store, &id);
                    let state = records.state(state_number(&record.payload) + 1);
                    if store.update_job(&record.with_payload(state)).expect("the job is there") {
                        break;
                    }
                    patience.check();
                }
                *updates.entry(id).or_default() += 1;
            } else {
                let batch = claim(store, second(1000), JOBS, |record| {
                    take(record, NextRun::At(due_time(record) + step))
                });
                let claims = batch.won.into_iter();
                fires.extend(claims.map(|claim| {
                    (claim.record.id.to_string(), claim.outcome.run_times.as_slice()[0])
                }));
            }
        }
        (updates, fires)
    });
    let mut fires: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for (id, time) in parts.iter().flat_map(|(_, fires)| fires) {
        fires.entry(id.clone()).or_default().push(*time);
    }
    for number in 0..JOBS {
        let id = many_id(number);
        let updates: u64 = parts.iter().filter_map(|(updates, _)| updates.get(&id)).sum();
        let record = find(store, &id);
        assert_eq!(state_number(&record.payload), updates, "updates of {id} were lost");
        let mut times = fires.remove(&id).unwrap_or_default();
        times.sort_unstable();
        let expected: Vec<Timestamp> =
            (0..).map(|tick| second(0) + step * tick).take(times.len()).collect();
        assert!(times == expected, "the fires of {id} are not each claimed once");
        let next = second(0) + step * i32::try_from(times.len()).expect("small");
        assert_eq!(record.next_run_time, Some(next), "the last claim of {id} was lost");
        assert!(!times.is_empty(), "{id} was claimed");
    }
}

fn only_one_of_many_adds_an_id(place: &Place<'_>) {
    let handles = handles(place);
    let count = place.scaled(100);
    let parts = in_threads(8, &handles, |_, store| {
        let records = Records::of(store);
        let mut added = Vec::new();
        for number in 0..count {
            match store.add_jobs(vec![records.new_record(many_id(number), Some(second(1)))]) {
                Ok(()) => added.push(many_id(number)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConflictingId, "{error}"),
            }
        }
        added
    });
    let mut added: Vec<String> = parts.into_iter().flatten().collect();
    added.sort_unstable();
    assert_eq!(added, (0..count).map(many_id).collect::<Vec<_>>());
    assert_eq!(ids(&list(&*handles[0])), added);
}

fn only_one_of_many_adds_its_batch(place: &Place<'_>) {
    let handles = handles(place);
    let parts = in_threads(8, &handles, |thread, store| {
        let records = Records::of(store);
        // The id that all threads use is at a different position in each batch.
        let mut names: Vec<String> = (0..8).map(|number| format!("{thread}-{number}")).collect();
        names.insert(thread, "wanted".to_owned());
        let new = names.iter().map(|id| records.new_record(id.as_str(), Some(second(1))));
        store.add_jobs(new.collect()).is_ok().then_some(names)
    });
    let mut winners: Vec<Vec<String>> = parts.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "one batch was added");
    winners[0].sort_unstable();
    assert_eq!(ids(&list(&*handles[0])), winners[0], "nothing was added from the other batches");
}

fn only_one_of_many_removes_a_job(place: &Place<'_>) {
    let handles = handles(place);
    let count = place.scaled(100);
    add_many(&*handles[0], count, |_| second(1));
    let parts = in_threads(8, &handles, |_, store| {
        (0..count).filter(|number| store.remove_job(&many_id(*number)).expect("no error")).count()
    });
    assert_eq!(parts.into_iter().sum::<usize>(), count, "each job was removed once");
    assert!(list(&*handles[0]).is_empty());
}

fn a_claim_does_not_bring_a_removed_job_back(place: &Place<'_>) {
    let handles = handles(place);
    let count = place.scaled(400);
    add_many(&*handles[0], count, |_| second(0));
    let removers = AtomicUsize::new(2);
    let patience = Patience::new("the thread that removes jobs makes progress");
    in_threads(4, &handles, |thread, store| {
        if thread < 2 {
            for number in (thread..count).step_by(2) {
                assert!(store.remove_job(&many_id(number)).expect("no error"));
            }
            removers.fetch_sub(1, Ordering::SeqCst);
        }
        while thread >= 2 && removers.load(Ordering::SeqCst) > 0 {
            patience.check();
            // The jobs stay due, so that every job is claimed repeatedly.
            claim(store, second(1000), count, |record| {
                take(record, NextRun::At(due_time(record) + TimeDelta::microseconds(1)))
            });
        }
    });
    assert!(list(&*handles[0]).is_empty(), "every job was removed");
    assert_eq!(handles[0].next_run_time(None).expect("no error"), None);
}
