//! Runs that two releases record.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::ledger::{
    Appended, Batch, OpenQuery, OpenStep, OwnerState, Reason, Retention, RunLedger, RunQuery,
    RunRecord, RunState, Skipped, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{ClaimOutcome, ClaimRequest, Decision, JobStore, NextRun};
use apscheduler_core::time::{Clock as _, SystemClock};
use chrono::TimeDelta;

use crate::stores::cases::actions::add;
use crate::stores::records::second;

const LEASE: Duration = Duration::from_secs(60);

type Ledger = Arc<dyn RunLedger>;

/// Returns the ledgers, and an owner of each, which is alive.
fn start(earlier: &dyn JobStore, present: &dyn JobStore) -> [(Ledger, Owner); 2] {
    [("earlier", earlier), ("present", present)].map(|(name, store)| {
        let ledger = store.ledger().expect("the store has a ledger");
        let owner = Owner::new(name, "host1", 4711);
        assert_eq!(ledger.heartbeat(&owner, LEASE).expect("noted"), OwnerState::Alive);
        (ledger, owner)
    })
}

/// Adds two jobs, and claims a run time of each.
fn claim(store: &dyn JobStore, owner: OwnerId, open: Option<&str>) -> Batch {
    add(store, &[("a", Some(second(5))), ("b", Some(second(6)))]);
    let batch = Batch::new(owner, second(10));
    let due = ClaimRequest::new(second(10), 10).batch(batch);
    let claims = store.claim_due(&due, &mut |record| {
        let time = record.next_run_time.expect("it is due");
        let outcome = ClaimOutcome::new(time, NextRun::Finished).first_run(RunId::new(second(10)));
        Decision::Claim(outcome.batch(batch.id).open(open.map(Arc::from)))
    });
    assert_eq!(claims.expect("claimed").won.len(), 2);
    batch
}

fn runs(ledger: &Ledger) -> Vec<RunRecord> {
    ledger.runs(&RunQuery::new()).expect("listed")
}

/// Returns the records of all runs, of which both must have the same view, from the first to the last.
fn runs_of_both(ledgers: [&Ledger; 2]) -> Vec<RunRecord> {
    let [mut found, others] = ledgers.map(runs);
    assert_eq!(found, others);
    found.reverse();
    found
}

fn states(runs: &[RunRecord]) -> Vec<(&str, u32, RunState)> {
    runs.iter().map(|run| (&*run.job_id, run.attempt, run.state)).collect()
}

fn condemn(ledger: &Ledger, owner: &Owner) {
    let owners = ledger.owners().expect("listed");
    let found = owners.iter().find(|record| record.owner == *owner).expect("it is alive");
    assert_eq!((found.state, found.lease), (OwnerState::Alive, LEASE));
    assert!(ledger.condemn(owner.id, found.heartbeat).expect("no error"));
}

fn is_listed(ledger: &Ledger, owner: &Owner) -> bool {
    ledger.owners().expect("listed").iter().any(|record| record.owner.id == owner.id)
}

/// Checks that this release lists, settles and removes what the earlier one has claimed and recorded.
///
/// # Panics
/// If that is not so.
pub fn runs_of_the_earlier_release_are_settled(earlier: &dyn JobStore, present: &dyn JobStore) {
    let [(theirs, old), (mine, new)] = start(earlier, present);
    let batch = claim(earlier, old.id, None);
    let open = runs_of_both([&mine, &theirs]);
    assert_eq!(states(&open), [("a", 1, RunState::Claimed), ("b", 1, RunState::Claimed)]);
    let journal = mine.journal(old.id, 10).expect("read");
    assert_eq!(journal, theirs.journal(old.id, 10).expect("read"));
    assert_eq!(journal[0].batch, batch);

    let ended = |run: &RunRecord, state| {
        let mut record = run.clone().started(second(10)).ended(second(11)).result("{\"sold\": 3}");
        record.state = state;
        record
    };
    let first = ended(&open[0], RunState::Ok);
    theirs.append(old.id, &Writes::new().records(std::slice::from_ref(&first))).expect("written");
    assert_eq!(runs_of_both([&mine, &theirs])[0], first);

    // It dies. Its outcomes come late.
    condemn(&mine, &old);
    assert_eq!(theirs.heartbeat(&old, LEASE).expect("no error"), OwnerState::Dead);
    let lost: Vec<RunRecord> = open.iter().map(|run| ended(run, RunState::Lost)).collect();
    let writes = Writes::new().records(&lost);
    assert_eq!(
        mine.append(new.id, &writes.closed(&[batch.id])).expect("written"),
        Appended::Written
    );
    let late = [ended(&open[1], RunState::Failed)];
    let appended = theirs.append(old.id, &Writes::new().records(&late)).expect("no error");
    assert_eq!(appended, Appended::Fenced);
    let settled = runs_of_both([&mine, &theirs]);
    assert_eq!(states(&settled), [("a", 1, RunState::Ok), ("b", 1, RunState::Lost)]);
    assert_eq!(settled[1].late, Some(RunState::Failed));
    for ledger in [&mine, &theirs] {
        assert!(ledger.journal(old.id, 10).expect("read").is_empty());
        assert!(!is_listed(ledger, &old) && is_listed(ledger, &new));
    }

    let later = SystemClock.now() + TimeDelta::days(1000);
    let retention = Retention::default().keep_last(0);
    assert_eq!(mine.prune(later, &retention, 10).expect("pruned"), 2);
    assert_eq!(theirs.heartbeat(&old, LEASE).expect("noted"), OwnerState::Alive, "nobody knows it");
}

/// Checks that the earlier release lists and settles what this one has claimed, and that this one still knows what it may
/// try again.
///
/// # Panics
/// If that is not so.
pub fn runs_of_the_present_release_are_settled(earlier: &dyn JobStore, present: &dyn JobStore) {
    let [(theirs, old), (mine, new)] = start(earlier, present);
    let batch = claim(present, new.id, Some("{}"));
    let open = runs_of_both([&mine, &theirs]);
    assert_eq!(states(&open), [("a", 1, RunState::Claimed), ("b", 1, RunState::Claimed)]);

    // The earlier release knows nothing of open runs: it records all of them as lost.
    condemn(&theirs, &new);
    assert_eq!(mine.heartbeat(&new, LEASE).expect("no error"), OwnerState::Dead);
    let journal = theirs.journal(new.id, 10).expect("read");
    let lost: Vec<RunRecord> = journal[0].records(RunState::Lost).collect();
    theirs.append(old.id, &Writes::new().records(&lost).closed(&[batch.id])).expect("written");
    let rows = mine.open_runs(&OpenQuery::new().owner(new.id)).expect("listed");
    assert_eq!(
        rows.iter().map(|row| row.run_id).collect::<Vec<_>>(),
        [open[0].run_id, open[1].run_id]
    );
    assert!(is_listed(&mine, &new), "somebody has to settle these");

    // One is tried again, the other is not.
    let next = Owner::new("present", "host2", 4711);
    let waiting = rows[0].clone().attempt(2).waiting(second(20));
    let steps =
        [OpenStep::change(rows[0].mark(), waiting), OpenStep::end(rows[1].run_id, rows[1].mark())];
    mine.append(next.id, &Writes::new().steps(&steps)).expect("written");
    let again = mine.claim_open(next.id, second(20), 10).expect("claimed");
    assert_eq!((again.len(), again[0].attempt), (1, 2));
    let record = RunRecord::new(again[0].run_id, "a", second(5), next.id, RunState::Ok).attempt(2);
    let steps = [OpenStep::end(again[0].run_id, again[0].mark())];
    let writes = Writes::new().records(std::slice::from_ref(&record));
    mine.append(next.id, &writes.steps(&steps)).expect("written");
    let lost = RunState::Lost;
    let expected = [("a", 1, lost), ("a", 2, RunState::Ok), ("b", 1, lost)];
    assert_eq!(states(&runs_of_both([&mine, &theirs])), expected);
    assert!(mine.open_runs(&OpenQuery::new()).expect("listed").is_empty());

    let later = SystemClock.now() + TimeDelta::days(1000);
    let retention = Retention::default().keep_last(0);
    assert_eq!(theirs.prune(later, &retention, 10).expect("pruned"), 3);
    assert!(runs_of_both([&mine, &theirs]).is_empty());
}

/// Checks that the earlier release refuses a journal entry with run times that a claim skips, and that it reads the runs again
/// when the batch is closed.
///
/// # Panics
/// If that is not so.
pub fn entries_with_skipped_run_times_are_refused(earlier: &dyn JobStore, present: &dyn JobStore) {
    let [(theirs, _), (mine, new)] = start(earlier, present);
    add(present, &[("a", Some(second(5)))]);
    let batch = Batch::new(new.id, second(10));
    let first = RunId::reserve(second(10), 2);
    let skipped = Skipped::new(first, second(5), Reason::Coalesced);
    let claims = present.claim_due(&ClaimRequest::new(second(10), 10).batch(batch), &mut |_| {
        let outcome = ClaimOutcome::new(second(9), NextRun::At(second(60))).skipped(skipped);
        Decision::Claim(outcome.first_run(first.nth(1)).batch(batch.id))
    });
    assert_eq!(claims.expect("claimed").won.len(), 1);
    let refusals = [
        theirs.journal(new.id, 10).expect_err("it is later than the release"),
        theirs.runs(&RunQuery::new()).expect_err("it is later than the release"),
    ];
    for refusal in refusals {
        assert_eq!(refusal.kind(), ErrorKind::Store);
        assert!(refusal.to_string().contains("is damaged"), "{refusal}");
    }
    let ended = theirs.runs(&RunQuery::new().state(RunState::Ok)).expect("it needs no journal");
    assert!(ended.is_empty());

    let journal = mine.journal(new.id, 10).expect("read");
    let records: Vec<RunRecord> =
        journal[0].records(RunState::Ok).chain(journal[0].skipped()).collect();
    mine.append(new.id, &Writes::new().records(&records).closed(&[batch.id])).expect("written");
    let mut read = runs(&theirs);
    read.reverse();
    assert_eq!(states(&read), states(&runs_in_order(&mine)));
}

fn runs_in_order(ledger: &Ledger) -> Vec<RunRecord> {
    let mut found = runs(ledger);
    found.reverse();
    found
}
