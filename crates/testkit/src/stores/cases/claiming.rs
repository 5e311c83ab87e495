//! A single claim: which jobs are due, their order, and the effect of decisions.

use apscheduler_core::store::{ClaimOutcome, Decision, JobStore, NextRun};
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::actions::{add, claim, claimed, due_time, find, ids, list, take};
use crate::stores::case::cases;
use crate::stores::records::{same_state, second};

cases! { "claiming":
    Store nothing_is_due_in_an_empty_store,
    Store a_job_is_due_at_its_run_time_and_not_before,
    Store due_jobs_are_ordered_by_run_time,
    Store run_times_differ_by_microseconds,
    Store paused_jobs_are_never_due,
    Store each_due_job_is_decided_on_once,
    Store a_claim_returns_the_record_and_the_outcome,
    Store a_claimed_job_runs_next_at_the_decided_time,
    Store a_claimed_job_may_be_finished,
    Store a_job_that_is_left_is_unchanged,
    Store each_decision_applies_to_its_own_job,
    Store a_claim_leaves_the_state_alone,
    Store a_claim_raises_the_revision,
    Store a_fire_is_claimed_once,
    Store a_job_that_stays_due_is_claimed_again,
}

fn leave_all(store: &dyn JobStore, now: Timestamp) -> Vec<String> {
    let mut due = Vec::new();
    let claims = claim(store, now, 100, |record| {
        due.push(record.id.to_string());
        Decision::Leave
    });
    assert!(claims.won.is_empty(), "jobs that were left are not claims");
    due
}

fn nothing_is_due_in_an_empty_store(store: &dyn JobStore) {
    assert!(leave_all(store, second(0)).is_empty());
    let claims = claim(store, second(0), 10, |record| panic!("{} is due", record.id));
    assert!(claims.resume.is_none(), "there is nothing left to visit");
}

fn a_job_is_due_at_its_run_time_and_not_before(store: &dyn JobStore) {
    let tick = TimeDelta::microseconds(1);
    add(store, &[("a", Some(second(5)))]);
    assert!(leave_all(store, second(5) - tick).is_empty());
    assert_eq!(leave_all(store, second(5)), ["a"]);
    assert_eq!(leave_all(store, second(5) + tick), ["a"]);
}

fn due_jobs_are_ordered_by_run_time(store: &dyn JobStore) {
    add(
        store,
        &[
            ("a", Some(second(50))),
            ("b", Some(second(26))),
            ("c", Some(second(14))),
            ("d", None),
            ("e", Some(second(20))),
        ],
    );
    assert_eq!(leave_all(store, second(27)), ["c", "e", "b"]);
    assert!(leave_all(store, second(13)).is_empty());
    let claims =
        claim(store, second(60), 10, |record| take(record, NextRun::At(second(1_000_000))));
    assert_eq!(claimed(&claims.won), ["c", "e", "b", "a"]);
}

fn run_times_differ_by_microseconds(store: &dyn JobStore) {
    let at = |micros| Some(second(7) + TimeDelta::microseconds(micros));
    add(store, &[("job1", at(401)), ("job2", at(402)), ("job3", at(400))]);
    assert_eq!(leave_all(store, second(3600)), ["job3", "job1", "job2"]);
    assert_eq!(leave_all(store, second(7) + TimeDelta::microseconds(401)), ["job3", "job1"]);
}

fn paused_jobs_are_never_due(store: &dyn JobStore) {
    add(store, &[("a", None), ("b", None)]);
    assert!(leave_all(store, second(i64::from(u32::MAX))).is_empty());
}

fn each_due_job_is_decided_on_once(store: &dyn JobStore) {
    let names: Vec<String> = (0..50).map(|number| format!("job{number:02}")).collect();
    let jobs: Vec<_> = names.iter().map(|id| (id.as_str(), Some(second(1)))).collect();
    add(store, &jobs);
    let mut seen = leave_all(store, second(1));
    seen.sort_unstable();
    assert_eq!(seen, names);
}

fn a_claim_returns_the_record_and_the_outcome(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(2)))]);
    let before = ["a", "b"].map(|id| find(store, id));
    let outcomes = [
        ClaimOutcome::new(second(3), NextRun::At(second(10))),
        ClaimOutcome::new(vec![second(2), second(3), second(4)], NextRun::Finished),
    ];
    let mut left = outcomes.iter();
    let claims = claim(store, second(5), 10, |record| {
        let outcome = left.next().expect("two jobs are due");
        let before = before.iter().find(|before| before.id == record.id).expect("known");
        assert_eq!(record.next_run_time, before.next_run_time, "as it was stored");
        assert_eq!(record.revision, before.revision, "as it was stored");
        assert!(same_state(&record.payload, &before.payload), "as it was stored");
        Decision::Claim(outcome.clone())
    });
    assert_eq!(claimed(&claims.won), ["a", "b"]);
    for ((claim, before), outcome) in claims.won.iter().zip(&before).zip(&outcomes) {
        assert_eq!(claim.record.next_run_time, before.next_run_time, "as before the claim");
        assert_eq!(claim.record.revision, before.revision, "as before the claim");
        assert!(same_state(&claim.record.payload, &before.payload));
        assert_eq!(claim.outcome, *outcome);
    }
}

fn a_claimed_job_runs_next_at_the_decided_time(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(2)))]);
    let later = second(60) + TimeDelta::microseconds(1);
    claim(store, second(1), 10, |record| take(record, NextRun::At(later)));
    assert_eq!(find(store, "a").next_run_time, Some(later));
    assert_eq!(ids(&list(store)), ["b", "a"]);
    assert_eq!(store.next_run_time(None).expect("a time"), Some(second(2)));
    assert_eq!(leave_all(store, second(60)), ["b"]);
    assert_eq!(leave_all(store, later), ["b", "a"]);
}

fn a_claimed_job_may_be_finished(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(1)))]);
    claim(store, second(1), 10, |record| match &*record.id {
        "a" => take(record, NextRun::Finished),
        _ => Decision::Leave,
    });
    assert!(store.lookup_job("a").expect("no error").is_none());
    assert_eq!(ids(&list(store)), ["b"]);
    assert!(!store.remove_job("a").expect("no error"));
}

fn a_job_that_is_left_is_unchanged(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1)))]);
    let before = find(store, "a");
    assert_eq!(leave_all(store, second(2)), ["a"]);
    let after = find(store, "a");
    assert_eq!((after.revision, after.next_run_time), (before.revision, before.next_run_time));
    assert!(same_state(&after.payload, &before.payload));
    assert_eq!(leave_all(store, second(2)), ["a"], "it is still due");
}

fn each_decision_applies_to_its_own_job(store: &dyn JobStore) {
    let names = ["at", "finished", "left", "many", "moved"];
    // In reverse order, so that the position in the batch does not coincide with the id.
    let jobs: Vec<_> =
        names.iter().rev().zip(1..).map(|(id, at)| (*id, Some(second(at)))).collect();
    add(store, &jobs);
    let claims = claim(store, second(9), 10, |record| match &*record.id {
        "at" => take(record, NextRun::At(second(20))),
        "finished" => take(record, NextRun::Finished),
        "many" => Decision::Claim(ClaimOutcome::new(
            vec![due_time(record), second(9)],
            NextRun::At(second(30)),
        )),
        "moved" => take(record, NextRun::At(second(1_000_000))),
        _ => Decision::Leave,
    });
    assert_eq!(claimed(&claims.won), ["moved", "many", "finished", "at"]);
    for claim in &claims.won {
        let first = claim.outcome.run_times.as_slice()[0];
        assert_eq!(Some(first), claim.record.next_run_time, "{}", claim.record.id);
    }
    let listed: Vec<_> = list(store)
        .into_iter()
        .map(|record| (record.id.to_string(), record.next_run_time))
        .collect();
    let expected = [
        ("left".to_owned(), Some(second(3))),
        ("at".to_owned(), Some(second(20))),
        ("many".to_owned(), Some(second(30))),
        ("moved".to_owned(), Some(second(1_000_000))),
    ];
    assert_eq!(listed, expected);
}

fn a_claim_leaves_the_state_alone(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(1)))]);
    let before = ["a", "b"].map(|id| find(store, id));
    claim(store, second(1), 10, |record| match &*record.id {
        "a" => take(record, NextRun::At(second(2))),
        _ => take(record, NextRun::At(second(1_000_000))),
    });
    for before in before {
        assert!(same_state(&find(store, &before.id).payload, &before.payload));
    }
}

fn a_claim_raises_the_revision(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(1)))]);
    let before = ["a", "b"].map(|id| find(store, id));
    claim(store, second(1), 10, |record| match &*record.id {
        "a" => take(record, NextRun::At(second(2))),
        _ => take(record, NextRun::At(second(1_000_000))),
    });
    for before in before {
        assert!(find(store, &before.id).revision > before.revision, "{}", before.id);
    }
}

fn a_fire_is_claimed_once(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(2)))]);
    let first = claim(store, second(2), 10, |record| take(record, NextRun::At(second(10))));
    assert_eq!(claimed(&first.won), ["a", "b"]);
    assert!(leave_all(store, second(9)).is_empty(), "both were claimed already");
    assert_eq!(leave_all(store, second(10)).len(), 2);
}

fn a_job_that_stays_due_is_claimed_again(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(3)))]);
    let mut fires = Vec::new();
    // From the beginning each time: whether a batch meets a job that it has moved depends on the
    // store.
    for _ in 0..10 {
        let claims = claim(store, second(4), 1, |record| {
            take(record, NextRun::At(due_time(record) + TimeDelta::seconds(1)))
        });
        fires.extend(claims.won.iter().map(|claim| due_time(&claim.record)));
    }
    assert_eq!(fires, [1, 2, 3, 3, 4, 4].map(second));
}
