//! The ledger of a store: the journal of claims, and the records of runs.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::ledger::{
    Appended, Batch, OwnerRecord, OwnerState, Reason, Retention, RunLedger, RunQuery, RunRecord,
    RunState, Skipped, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{ClaimOutcome, ClaimRequest, Decision, JobStore, NextRun, RunTimes};
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp};

use super::actions::{add, find, list};
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::{Records, second};

cases! { "recording":
    Store a_record_is_read_as_it_was_written [Ledger],
    Store the_first_outcome_of_a_run_counts [Ledger],
    Store runs_are_listed_from_the_latest_to_the_earliest [Ledger],
    Store runs_are_filtered_by_job_and_state [Ledger],
    Store pages_of_runs_have_no_gaps_and_no_repetitions [Ledger],
    Store a_claim_is_in_the_journal_until_its_batch_is_closed [Journal],
    Store the_journal_is_read_in_pieces [Journal],
    Store only_claims_of_the_batch_are_in_the_journal [Journal],
    Store a_claim_that_wins_nothing_leaves_no_journal [Journal],
    Store what_a_claim_skips_is_in_the_journal [Journal],
    Store open_runs_are_listed_as_claimed [Journal],
    Store a_job_may_have_open_runs_in_several_batches [Journal],
    Store open_runs_outlive_their_job [Journal],
    Store old_records_are_removed_except_the_last_of_each_job [Journal],
    Store records_are_removed_in_pieces [Journal],
    Store records_that_are_kept_make_way_for_later_ones [Journal],
    Store surplus_records_of_success_are_removed [Journal],
    Store an_owner_is_alive_until_it_ends [Journal],
    Store only_an_owner_that_is_silent_since_then_is_condemned [Journal],
    Store a_dead_owner_stays_dead [Journal],
    Store outcomes_of_a_dead_owner_are_refused_and_noted [Journal],
    Store owners_with_open_runs_are_listed [Journal],
    Store owners_that_ended_long_ago_are_removed [Journal],
    Place records_and_journal_survive_a_restart [Durable, Journal],
    Place a_read_only_store_lists_runs [Durable, Journal],
}

const ME: OwnerId = OwnerId::from_u128(7);

fn ledger(store: &dyn JobStore) -> Arc<dyn RunLedger> {
    store.ledger().expect("the store has a ledger")
}

/// The run of a job that was claimed at this second.
fn ok(job: &str, claimed: i64) -> RunRecord {
    let time = second(claimed);
    RunRecord::new(RunId::new(time), job, time, ME, RunState::Ok).claimed(time)
}

fn append(store: &dyn JobStore, records: &[RunRecord]) {
    ledger(store).append(ME, &Writes::new().records(records)).expect("appended");
}

fn runs(store: &dyn JobStore, query: &RunQuery) -> Vec<RunRecord> {
    ledger(store).runs(query).expect("listed")
}

/// Claims all due jobs at this second. Those that are in `recorded` belong to the batch.
fn claim(store: &dyn JobStore, at: i64, recorded: &[&str]) -> Batch {
    claim_as(store, ME, at, recorded)
}

fn claim_as(store: &dyn JobStore, owner: OwnerId, at: i64, recorded: &[&str]) -> Batch {
    claim_until(store, owner, at, recorded, NextRun::At(second(at + 60)))
}

fn claim_until(
    store: &dyn JobStore,
    owner: OwnerId,
    at: i64,
    recorded: &[&str],
    next: NextRun,
) -> Batch {
    let batch = Batch::new(owner, second(at));
    let due = ClaimRequest::new(second(at), 100).batch(batch);
    let claims = store.claim_due(&due, &mut |record| {
        let times = RunTimes::Many(vec![record.next_run_time.expect("due"), second(at)]);
        let outcome = ClaimOutcome::new(times, next).first_run(RunId::reserve(second(at), 2));
        let is_recorded = recorded.contains(&&*record.id);
        Decision::Claim(outcome.batch(is_recorded.then_some(batch.id)))
    });
    assert!(!claims.expect("claimed").won.is_empty());
    batch
}

fn a_record_is_read_as_it_was_written(store: &dyn JobStore) {
    let plain = ok("tab\t\"quoted\" 'and' Tromsø", 1);
    let mut full =
        RunRecord::new(RunId::new(second(2)), "b", second(2), OwnerId::random(), RunState::Missed)
            .attempt(3)
            .until(second(9), 1 << 40)
            .reason(Reason::AllDown)
            .claimed(second(3))
            .started(second(4))
            .ended(second(5))
            .duration(Duration::from_micros(1_234_567))
            .result("{\"a\": [1, null]}");
    full = full.error("it broke\ncaused by: \u{1F4A5}");
    append(store, &[plain.clone(), full.clone()]);
    assert_eq!(runs(store, &RunQuery::new()), [full, plain]);
}

fn the_first_outcome_of_a_run_counts(store: &dyn JobStore) {
    let first = ok("a", 1);
    let mut second = first.clone().attempt(2);
    second.state = RunState::Failed;
    let mut again = first.clone();
    again.state = RunState::Lost;
    append(store, std::slice::from_ref(&first));
    append(store, &[again, second.clone()]);
    assert_eq!(runs(store, &RunQuery::new()), [second, first]);
}

fn runs_are_listed_from_the_latest_to_the_earliest(store: &dyn JobStore) {
    let [one, two, three] = [1, 2, 3].map(|claimed| ok("a", claimed));
    // They end in another order.
    append(store, &[two.clone(), three.clone()]);
    append(store, std::slice::from_ref(&one));
    assert_eq!(runs(store, &RunQuery::new()), [three.clone(), two.clone(), one]);
    assert_eq!(runs(store, &RunQuery::new().limit(2)), [three, two]);
    assert!(runs(store, &RunQuery::new().limit(0)).is_empty());
}

fn runs_are_filtered_by_job_and_state(store: &dyn JobStore) {
    let (one, mut two, three) = (ok("a", 1), ok("a", 2), ok("b", 3));
    two.state = RunState::TimedOut;
    append(store, &[one.clone(), two.clone(), three.clone()]);
    let listed_run = one.run_id;
    assert_eq!(runs(store, &RunQuery::new().job("a")), [two.clone(), one.clone()]);
    let query = RunQuery::new().state(RunState::TimedOut);
    assert_eq!(runs(store, &query), std::slice::from_ref(&two));
    assert!(runs(store, &query.clone().job("b")).is_empty());
    assert_eq!(runs(store, &query.state(RunState::Ok)), [three, two, one]);
    let query = RunQuery::new().run(listed_run);
    assert_eq!(runs(store, &query)[0].run_id, listed_run);
    assert!(runs(store, &query.job("b")).is_empty());
    assert!(runs(store, &RunQuery::new().job("' OR 1 = 1 --")).is_empty());
}

fn pages_of_runs_have_no_gaps_and_no_repetitions(store: &dyn JobStore) {
    let all: Vec<RunRecord> = (0..25).map(|claimed| ok("a", claimed)).collect();
    append(store, &all);
    let (mut listed, mut before) = (Vec::new(), None);
    loop {
        let page = runs(store, &RunQuery::new().before(before).limit(10));
        let Some(last) = page.last() else { break };
        before = Some(last.run_id);
        listed.extend(page);
        assert!(listed.len() <= all.len(), "a page repeats runs");
    }
    listed.reverse();
    assert_eq!(listed, all);
}

fn a_claim_is_in_the_journal_until_its_batch_is_closed(store: &dyn JobStore) {
    add(store, &[("a", Some(second(5)))]);
    let batch = claim(store, 10, &["a"]);
    let ledger = ledger(store);
    let journal = ledger.journal(batch.owner, 10).expect("read");
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0].batch, batch);
    let entry = &journal[0].entries[0];
    assert_eq!((&*entry.job_id, &*entry.run_times), ("a", &[second(5), second(10)][..]));
    assert!(ledger.journal(OwnerId::random(), 10).expect("read").is_empty(), "of another owner");
    let ended = entry.runs().map(|(run, time)| {
        RunRecord::new(run, "a", time, batch.owner, RunState::Ok).claimed(batch.claimed)
    });
    let (ended, closed) = (ended.collect::<Vec<_>>(), [batch.id]);
    let writes = Writes::new().records(&ended).closed(&closed);
    ledger.append(ME, &writes).expect("appended");
    assert!(ledger.journal(batch.owner, 10).expect("read").is_empty());
    assert_eq!(runs(store, &RunQuery::new().state(RunState::Ok)).len(), 2);
}

fn the_journal_is_read_in_pieces(store: &dyn JobStore) {
    add(store, &[("a", Some(second(5)))]);
    let batches = [10, 70, 130].map(|at| claim(store, at, &["a"]));
    let read = |limit| {
        let journal = ledger(store).journal(ME, limit).expect("read");
        journal.iter().map(|journal| journal.batch).collect::<Vec<_>>()
    };
    assert_eq!(read(2), batches[..2], "the oldest first");
    assert_eq!(read(3), batches);
}

fn only_claims_of_the_batch_are_in_the_journal(store: &dyn JobStore) {
    add(store, &[("a", Some(second(5))), ("b", Some(second(6)))]);
    let batch = claim(store, 10, &["b"]);
    let journal = ledger(store).journal(batch.owner, 10).expect("read");
    let ids: Vec<&str> = journal[0].entries.iter().map(|entry| &*entry.job_id).collect();
    assert_eq!(ids, ["b"]);
    // A batch without any is not written.
    let batch = claim(store, 80, &[]);
    let journal = ledger(store).journal(batch.owner, 10).expect("read");
    assert!(journal.iter().all(|journal| journal.batch != batch));
}

fn a_claim_that_wins_nothing_leaves_no_journal(store: &dyn JobStore) {
    add(store, &[("a", Some(second(5)))]);
    let batch = Batch::new(ME, second(10));
    let due = ClaimRequest::new(second(10), 100).batch(batch);
    store.claim_due(&due, &mut |_| Decision::Leave).expect("no error");
    let due = ClaimRequest::new(second(1), 100).batch(batch);
    store.claim_due(&due, &mut |_| panic!("nothing is due")).expect("no error");
    assert!(ledger(store).journal(batch.owner, 10).expect("read").is_empty());
}

fn what_a_claim_skips_is_in_the_journal(store: &dyn JobStore) {
    add(store, &[("a", Some(second(5)))]);
    let batch = Batch::new(ME, second(10));
    let due = ClaimRequest::new(second(10), 100).batch(batch);
    let first = RunId::reserve(second(10), 2);
    let skipped = Skipped::new(first, second(5), Reason::CatchUpLimit).until(second(8), 4);
    let claims = store.claim_due(&due, &mut |_| {
        let outcome = ClaimOutcome::new(RunTimes::One(second(9)), NextRun::At(second(60)));
        Decision::Claim(outcome.first_run(first.nth(1)).batch(batch.id).skipped(skipped))
    });
    assert_eq!(claims.expect("claimed").won.len(), 1);
    let journal = ledger(store).journal(ME, 10).expect("read");
    assert_eq!(journal[0].entries[0].skipped, Some(skipped));
    assert_eq!(journal[0].entries[0].runs().collect::<Vec<_>>(), [(first.nth(1), second(9))]);
}

fn open_runs_are_listed_as_claimed(store: &dyn JobStore) {
    add(store, &[("a", Some(second(5)))]);
    append(store, &[ok("b", 1), ok("b", 200)]);
    let batch = claim(store, 10, &["a"]);
    let listed = runs(store, &RunQuery::new());
    let short = |run: &RunRecord| (run.job_id.to_string(), run.state, run.scheduled_run_time);
    let expected = [
        ("b".to_owned(), RunState::Ok, second(200)),
        ("a".to_owned(), RunState::Claimed, second(10)),
        ("a".to_owned(), RunState::Claimed, second(5)),
        ("b".to_owned(), RunState::Ok, second(1)),
    ];
    assert_eq!(listed.iter().map(short).collect::<Vec<_>>(), expected);
    let open = RunQuery::new().state(RunState::Claimed);
    assert_eq!(runs(store, &open).len(), 2);
    assert!(runs(store, &open.clone().job("b")).is_empty());
    // One of the two ends.
    let ended = RunRecord::new(listed[2].run_id, "a", second(5), batch.owner, RunState::Failed);
    append(store, &[ended]);
    let open = runs(store, &open);
    assert_eq!(open.iter().map(|run| run.run_id).collect::<Vec<_>>(), [listed[1].run_id]);
}

/// Returns how many runs of each batch are open, the oldest batch first.
fn open_runs(store: &dyn JobStore) -> Vec<usize> {
    let journal = ledger(store).journal(ME, 10).expect("read");
    journal.iter().map(|journal| journal.records(RunState::Claimed).count()).collect()
}

fn close(store: &dyn JobStore, batch: Batch) {
    let journal = ledger(store).journal(ME, 10).expect("read");
    let journal = journal.iter().find(|journal| journal.batch == batch).expect("it is open");
    let records: Vec<RunRecord> = journal.records(RunState::Ok).collect();
    let writes = Writes::new().records(&records);
    ledger(store).append(ME, &writes.closed(&[batch.id])).expect("appended");
}

fn a_job_may_have_open_runs_in_several_batches(store: &dyn JobStore) {
    add(store, &[("a", Some(second(5))), ("b", Some(second(65)))]);
    let earlier = claim(store, 10, &["a"]);
    let later = claim(store, 70, &["a", "b"]);
    assert_eq!(open_runs(store), [2, 4]);
    close(store, later);
    assert_eq!(open_runs(store), [2]);
    assert_eq!(runs(store, &RunQuery::new().state(RunState::Claimed)).len(), 2);
    assert_eq!(runs(store, &RunQuery::new().state(RunState::Ok).job("a")).len(), 2);
    close(store, earlier);
    assert!(open_runs(store).is_empty());
    assert_eq!(runs(store, &RunQuery::new().state(RunState::Ok)).len(), 6);
    // The jobs are as they were.
    assert_eq!(find(store, "a").next_run_time, Some(second(130)));
}

fn open_runs_outlive_their_job(store: &dyn JobStore) {
    type End = fn(&dyn JobStore);
    let finishes: End = |store| {
        claim_until(store, ME, 70, &[], NextRun::Finished);
    };
    let is_removed: End = |store| assert!(store.remove_job("a").expect("no error"));
    let all_are_removed: End = |store| store.remove_all_jobs().expect("no error");
    for (number, end) in [finishes, is_removed, all_are_removed].into_iter().enumerate() {
        // Its place is free, with and without a job that replaces it.
        for replace in [false, true] {
            let record = Records::of(store).new_record("a", Some(second(5))).with_replace(replace);
            store.add_jobs(vec![record.clone()]).expect("added");
            let earlier = claim(store, 10, &["a"]);
            end(store);
            assert!(store.lookup_job("a").expect("no error").is_none(), "{number}");
            assert!(!store.remove_job("a").expect("no error"), "{number}");
            assert!(list(store).is_empty() && store.next_run_time(None).expect("none").is_none());
            assert_eq!(open_runs(store), [2], "{number}");
            store.add_jobs(vec![record]).expect("added again");
            let later = claim_until(store, ME, 71, &["a"], NextRun::Finished);
            assert_eq!(open_runs(store), [2, 2], "{number}");
            assert!(list(store).is_empty(), "{number}");
            close(store, earlier);
            assert_eq!(open_runs(store), [2], "{number}");
            close(store, later);
            assert!(open_runs(store).is_empty(), "{number}");
            assert!(list(store).is_empty(), "{number}");
        }
    }
    assert_eq!(runs(store, &RunQuery::new().state(RunState::Ok)).len(), 24);
}

const DAY: i64 = 24 * 60 * 60;

fn retention() -> Retention {
    let days = |days| Duration::from_secs(days * DAY.unsigned_abs());
    Retention::default().ok_age(days(3)).other_age(days(90)).keep_last(2)
}

fn prune(store: &dyn JobStore, now: Timestamp, retention: &Retention, limit: usize) -> usize {
    ledger(store).prune(now, retention, limit).expect("pruned")
}

/// Returns the days on which the runs that are left were claimed.
fn days(store: &dyn JobStore, job: &str) -> Vec<i64> {
    let left = runs(store, &RunQuery::new().job(job));
    let day = |run: &RunRecord| (run.scheduled_run_time - second(0)).num_days();
    left.iter().map(day).collect()
}

fn old_records_are_removed_except_the_last_of_each_job(store: &dyn JobStore) {
    let mut records: Vec<RunRecord> = (0..100).map(|day| ok("a", day * DAY)).collect();
    // Those of the other job did not succeed.
    records.extend((0..100).map(|day| {
        let mut record = ok("b", day * DAY);
        record.state = RunState::Failed;
        record
    }));
    records.extend((0..4).map(|day| ok("seldom", day * DAY)));
    append(store, &records);
    // At the end of the hundredth day.
    prune(store, second(100 * DAY), &retention(), 1000);
    assert_eq!(days(store, "a"), [99, 98, 97]);
    assert_eq!(days(store, "b"), (10..100).rev().collect::<Vec<_>>());
    assert_eq!(days(store, "seldom"), [3, 2]);
}

fn records_are_removed_in_pieces(store: &dyn JobStore) {
    append(store, &(0..10).map(|day| ok("a", day * DAY)).collect::<Vec<_>>());
    let now = second(100 * DAY);
    assert_eq!(prune(store, now, &retention(), 5), 5);
    assert_eq!(days(store, "a"), [9, 8, 7, 6, 5], "the oldest first");
    assert_eq!(prune(store, now, &retention(), 5), 3);
    assert_eq!(prune(store, now, &retention(), 5), 0);
}

fn records_that_are_kept_make_way_for_later_ones(store: &dyn JobStore) {
    append(store, &(0..3).map(|day| ok("a", day * DAY)).collect::<Vec<_>>());
    let mut failed = ok("b", 0);
    failed.state = RunState::Failed;
    append(store, &[failed, ok("b", DAY)]);
    let now = second(100 * DAY);
    assert_eq!(prune(store, now, &retention(), 100), 1);
    assert_eq!((days(store, "a"), days(store, "b")), (vec![2, 1], vec![1, 0]));
    // A late record of an old run.
    append(store, &[ok("a", 99 * DAY), ok("b", DAY / 2)]);
    assert_eq!(prune(store, now, &retention(), 100), 2);
    assert_eq!((days(store, "a"), days(store, "b")), (vec![99, 2], vec![1, 0]));
    assert_eq!(prune(store, now, &retention(), 100), 0);
}

fn surplus_records_of_success_are_removed(store: &dyn JobStore) {
    append(store, &(0..10).map(|claimed| ok("a", claimed)).collect::<Vec<_>>());
    let mut failed = ok("a", 0);
    failed.state = RunState::Failed;
    append(store, &[failed]);
    assert_eq!(prune(store, second(20), &retention().max_ok(4), 100), 6);
    assert_eq!(runs(store, &RunQuery::new().state(RunState::Ok)).len(), 4);
    assert_eq!(runs(store, &RunQuery::new()).len(), 5);
}

const LEASE: Duration = Duration::from_secs(60);

fn owner(store: &dyn JobStore) -> Owner {
    let owner = Owner::new("shop \"1\"", "host1", 4711);
    assert_eq!(ledger(store).heartbeat(&owner, LEASE).expect("noted"), OwnerState::Alive);
    owner
}

fn record_of(store: &dyn JobStore, owner: &Owner) -> Option<OwnerRecord> {
    let owners = ledger(store).owners().expect("listed");
    owners.into_iter().find(|record| record.owner.id == owner.id)
}

fn condemn(store: &dyn JobStore, owner: &Owner) -> bool {
    let record = record_of(store, owner).expect("it is alive");
    ledger(store).condemn(owner.id, record.heartbeat).expect("no error")
}

fn an_owner_is_alive_until_it_ends(store: &dyn JobStore) {
    let owner = owner(store);
    let first = record_of(store, &owner).expect("it is alive");
    assert_eq!((&first.owner, first.state, first.lease), (&owner, OwnerState::Alive, LEASE));
    std::thread::sleep(Duration::from_millis(5));
    let lease = LEASE * 2;
    assert_eq!(ledger(store).heartbeat(&owner, lease).expect("noted"), OwnerState::Alive);
    let next = record_of(store, &owner).expect("it is alive");
    assert!(next.heartbeat > first.heartbeat, "{next:?}");
    assert_eq!(next.lease, lease);
    ledger(store).end(owner.id).expect("noted");
    assert_eq!(record_of(store, &owner), None);
}

fn only_an_owner_that_is_silent_since_then_is_condemned(store: &dyn JobStore) {
    let owner = owner(store);
    let seen = record_of(store, &owner).expect("it is alive").heartbeat;
    std::thread::sleep(Duration::from_millis(5));
    ledger(store).heartbeat(&owner, LEASE).expect("noted");
    assert!(
        !ledger(store).condemn(owner.id, seen).expect("no error"),
        "it has given a sign of life"
    );
    assert!(condemn(store, &owner));
    assert!(!ledger(store).condemn(owner.id, seen).expect("no error"), "it is dead already");
    assert!(
        !ledger(store).condemn(OwnerId::random(), seen).expect("no error"),
        "nobody has this id"
    );
}

fn a_dead_owner_stays_dead(store: &dyn JobStore) {
    let owner = owner(store);
    assert!(condemn(store, &owner));
    let ledger = ledger(store);
    assert_eq!(ledger.heartbeat(&owner, LEASE).expect("no error"), OwnerState::Dead);
    ledger.end(owner.id).expect("no error");
    assert_eq!(ledger.heartbeat(&owner, LEASE).expect("no error"), OwnerState::Dead);
}

fn outcomes_of_a_dead_owner_are_refused_and_noted(store: &dyn JobStore) {
    let dead = owner(store);
    let mut run = ok("a", 1);
    run.owner = dead.id;
    let mut other = ok("a", 2);
    other.owner = dead.id;
    add(store, &[("b", Some(second(5)))]);
    let batch = claim_as(store, dead.id, 10, &["b"]);
    assert!(condemn(store, &dead));
    let mut lost = run.clone();
    lost.state = RunState::Lost;
    append(store, &[lost.clone()]);
    let (records, closed) = ([run, other], [batch.id]);
    let writes = Writes::new().records(&records).closed(&closed);
    let appended = ledger(store).append(dead.id, &writes).expect("no error");
    assert_eq!(appended, Appended::Fenced);
    lost.late = Some(RunState::Ok);
    assert_eq!(runs(store, &RunQuery::new().job("a")), [lost]);
    assert_eq!(ledger(store).journal(dead.id, 10).expect("read").len(), 1, "it is still open");
}

fn owners_with_open_runs_are_listed(store: &dyn JobStore) {
    add(store, &[("a", Some(second(5)))]);
    let owner = owner(store);
    let batch = claim_as(store, owner.id, 10, &["a"]);
    ledger(store).end(owner.id).expect("noted");
    assert_eq!(record_of(store, &owner).expect("it has open runs").state, OwnerState::Ended);
    // Another owner settles them.
    ledger(store).append(ME, &Writes::new().closed(&[batch.id])).expect("appended");
    assert_eq!(record_of(store, &owner), None);
}

fn owners_that_ended_long_ago_are_removed(store: &dyn JobStore) {
    add(store, &[("a", Some(second(5)))]);
    let (idle, busy) = (owner(store), owner(store));
    claim_as(store, busy.id, 10, &["a"]);
    let ledger = ledger(store);
    for owner in [&idle, &busy] {
        ledger.end(owner.id).expect("noted");
    }
    let state = |owner| ledger.heartbeat(owner, LEASE).expect("no error");
    // Signs of life have the time of the backend.
    let now = SystemClock.now();
    prune(store, now, &retention(), 100);
    assert_eq!(state(&idle), OwnerState::Ended);
    prune(store, now + chrono::TimeDelta::days(91), &retention(), 100);
    assert_eq!(state(&idle), OwnerState::Alive, "nobody remembers it");
    assert_eq!(state(&busy), OwnerState::Ended, "its runs have not been settled");
}

fn records_and_journal_survive_a_restart(place: &Place<'_>) {
    let store = place.open();
    add(&*store, &[("a", Some(second(5)))]);
    let batch = claim(&*store, 10, &["a"]);
    append(&*store, &[ok("b", 1)]);
    store.shutdown().expect("shut down");
    drop(store);
    let store = place.open();
    assert_eq!(ledger(&*store).journal(batch.owner, 10).expect("read").len(), 1);
    assert_eq!(runs(&*store, &RunQuery::new()).len(), 3);
}

fn a_read_only_store_lists_runs(place: &Place<'_>) {
    let store = place.open();
    add(&*store, &[("a", Some(second(5)))]);
    claim(&*store, 10, &["a"]);
    append(&*store, &[ok("b", 1)]);
    assert_eq!(runs(&*place.open_read_only(), &RunQuery::new()).len(), 3);
}
