//! Consecutive batches: limits, and cursors to continue after jobs that were left.

use std::collections::BTreeMap;

use apscheduler_core::store::{ClaimCursor, ClaimRequest, Decision, JobRecord, JobStore, NextRun};
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::actions::{add, claim, claim_all, claimed, due_time, list, take};
use crate::stores::case::cases;
use crate::stores::records::second;

cases! { "batches":
    Store a_batch_decides_on_at_most_its_limit,
    Store a_batch_takes_the_earliest,
    Store the_last_batch_has_no_cursor,
    Store jobs_that_were_left_do_not_block_later_ones,
    Store equal_run_times_are_not_skipped_at_the_edge_of_a_batch,
    Store claims_at_the_edge_of_a_batch_skip_nothing,
    Store batches_are_ordered_by_run_time,
    Store a_batch_continues_after_a_removed_job,
    Store a_cursor_does_not_make_jobs_due,
    Store a_job_that_stays_due_hides_no_other,
}

const LIMITS: [usize; 7] = [1, 2, 3, 10, 24, 25, 26];
const COUNT: usize = 25;

/// Adds 25 jobs, some with equal run times: all of them, or groups of `group`.
fn add_groups(store: &dyn JobStore, group: usize) -> Vec<String> {
    store.remove_all_jobs().expect("removed");
    let names: Vec<String> =
        (0..COUNT).map(|number| format!("job{:02}", number * 7 % COUNT)).collect();
    let jobs: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(number, id)| {
            (id.as_str(), Some(second(i64::try_from(number / group).expect("small"))))
        })
        .collect();
    add(store, &jobs);
    names
}

/// Claims all batches, and counts how often each job was decided on.
fn visit(
    store: &dyn JobStore,
    limit: usize,
    mut decide: impl FnMut(&JobRecord) -> Decision,
) -> BTreeMap<String, usize> {
    let mut visits = BTreeMap::new();
    claim_all(store, second(100), limit, |record| {
        *visits.entry(record.id.to_string()).or_default() += 1;
        decide(record)
    });
    visits
}

fn assert_each_once(visits: &BTreeMap<String, usize>, context: &str) {
    assert_eq!(visits.len(), COUNT, "jobs were skipped, {context}: {visits:?}");
    assert!(visits.values().all(|times| *times == 1), "twice, {context}: {visits:?}");
}

fn a_batch_decides_on_at_most_its_limit(store: &dyn JobStore) {
    for limit in LIMITS {
        add_groups(store, 5);
        let mut looked = 0;
        let claims = claim(store, second(100), limit, |record| {
            looked += 1;
            take(record, NextRun::Finished)
        });
        assert_eq!(looked, limit.min(COUNT));
        assert_eq!(claims.won.len(), looked);
        assert_eq!(list(store).len(), COUNT - looked);
    }
}

fn a_batch_takes_the_earliest(store: &dyn JobStore) {
    let names = add_groups(store, 1);
    let claims = claim(store, second(100), 10, |record| take(record, NextRun::Finished));
    assert_eq!(claimed(&claims.won), names[..10]);
}

fn the_last_batch_has_no_cursor(store: &dyn JobStore) {
    for (limit, is_last) in [(COUNT - 1, false), (COUNT + 1, true), (usize::MAX, true)] {
        add_groups(store, 5);
        let claims = claim(store, second(100), limit, |_| Decision::Leave);
        assert_eq!(claims.resume.is_none(), is_last, "with the limit {limit}");
    }
}

fn jobs_that_were_left_do_not_block_later_ones(store: &dyn JobStore) {
    for group in [1, 4, COUNT] {
        for limit in LIMITS {
            add_groups(store, group);
            let context = format!("by {limit} with groups of {group}");
            let visits = visit(store, limit, |_| Decision::Leave);
            assert_each_once(&visits, &context);
            let again = visit(store, limit, |_| Decision::Leave);
            assert_each_once(&again, &context);
        }
    }
}

fn equal_run_times_are_not_skipped_at_the_edge_of_a_batch(store: &dyn JobStore) {
    for limit in LIMITS {
        add_groups(store, COUNT);
        let visits = visit(store, limit, |record| take(record, NextRun::At(second(200))));
        assert_each_once(&visits, &format!("by {limit}"));
    }
}

fn claims_at_the_edge_of_a_batch_skip_nothing(store: &dyn JobStore) {
    for group in [1, 4, COUNT] {
        for limit in LIMITS {
            for leave_every in [2, 3] {
                add_groups(store, group);
                let mut number = 0;
                let visits = visit(store, limit, |record| {
                    number += 1;
                    if number % leave_every == 0 {
                        return Decision::Leave;
                    }
                    match number % 4 {
                        0 => take(record, NextRun::Finished),
                        1 => take(record, NextRun::At(second(1_000_000))),
                        _ => take(record, NextRun::At(second(200))),
                    }
                });
                assert_each_once(&visits, &format!("by {limit} with groups of {group}"));
            }
        }
    }
}

fn batches_are_ordered_by_run_time(store: &dyn JobStore) {
    for limit in LIMITS {
        add_groups(store, 4);
        let mut last: Option<Timestamp> = None;
        visit(store, limit, |record| {
            let time = due_time(record);
            assert!(last <= Some(time), "{time} after {last:?}, by {limit}");
            last = Some(time);
            Decision::Leave
        });
    }
}

fn a_batch_continues_after_a_removed_job(store: &dyn JobStore) {
    for group in [1, COUNT] {
        add_groups(store, group);
        let mut seen = Vec::new();
        let first = claim(store, second(100), 10, |record| {
            seen.push(record.id.to_string());
            Decision::Leave
        });
        for id in &seen[5..] {
            assert!(store.remove_job(id).expect("removed"));
        }
        let due = ClaimRequest::new(second(100), 100).after(first.resume);
        let mut later = 0;
        let rest = store.claim_due(&due, &mut |record| {
            assert!(!seen.contains(&record.id.to_string()), "{} was visited again", record.id);
            later += 1;
            Decision::Leave
        });
        rest.expect("the rest is visited");
        assert_eq!(later, COUNT - 10, "with groups of {group}");
    }
}

fn a_cursor_does_not_make_jobs_due(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(1))), ("c", Some(second(3)))]);
    let resume: Option<ClaimCursor> = claim(store, second(2), 1, |_| Decision::Leave).resume;
    let due = ClaimRequest::new(second(2), 10).after(resume.expect("one is left"));
    let mut seen = Vec::new();
    let claims = store.claim_due(&due, &mut |record| {
        seen.push(record.id.to_string());
        Decision::Leave
    });
    assert!(claims.expect("the rest is visited").resume.is_none());
    assert_eq!(seen.len(), 1, "one of `a` and `b` is after the cursor: {seen:?}");
    assert_ne!(seen, ["c"]);
}

/// A job that catches up runs again in the same pass and is then left, as in the engine.
fn a_job_that_stays_due_hides_no_other(store: &dyn JobStore) {
    for group in [1, 4, COUNT] {
        for limit in LIMITS {
            add_groups(store, group);
            let step = TimeDelta::microseconds(1);
            let mut catching_up = BTreeMap::new();
            claim_all(store, second(100), limit, |record| {
                let visits: &mut usize = catching_up.entry(record.id.to_string()).or_default();
                *visits += 1;
                if *visits > 1 {
                    return Decision::Leave;
                }
                take(record, NextRun::At(due_time(record) + step))
            });
            let context = format!("by {limit} with groups of {group}");
            assert_eq!(catching_up.len(), COUNT, "jobs were skipped, {context}: {catching_up:?}");
            assert!(
                list(store)
                    .iter()
                    .all(|record| { due_time(record).timestamp_subsec_micros() == 1 }),
                "each moved once, {context}"
            );
        }
    }
}
