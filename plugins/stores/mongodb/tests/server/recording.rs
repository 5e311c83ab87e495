//! The ledger without transactions: what is left if a step fails, and what others do between two steps.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::ledger::{Appended, OwnerState, RunQuery, RunRecord, RunState, Writes};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::store::{Claims, JobStore, NextRun};
use apscheduler_core::time::Timestamp;
use apscheduler_store_mongodb::MongoDbJobStore;
use apscheduler_testkit::stores::records::second;

use crate::calls::{
    Place, add, claim, claim_batch, document, ledger, listed, open, started, wait_for, watch,
};
use crate::way::{meanwhile, proxy, through};
use crate::wire::Pass;

const ME: OwnerId = OwnerId::from_u128(7);
const OTHER: OwnerId = OwnerId::from_u128(8);
const LEASE: Duration = Duration::from_secs(60);

fn states(store: &MongoDbJobStore) -> Vec<(RunState, Option<RunState>)> {
    let runs = ledger(store).runs(&RunQuery::new()).unwrap();
    runs.iter().map(|run| (run.state, run.late)).collect()
}

/// Adds and claims a job with the id `a`, and returns the outcome of its run.
fn claimed(store: &MongoDbJobStore, owner: OwnerId, next: NextRun) -> RunRecord {
    add(store, "a", Some(second(1)));
    claim_batch(store, owner, second(1), next).unwrap();
    open(store, owner, RunState::Ok).remove(0)
}

/// Claims until the server is available again.
fn claim_at_last(store: &MongoDbJobStore, now: Timestamp) -> Claims {
    let mut claims = None;
    wait_for("the store works again", || {
        claims = claim_batch(store, ME, now, NextRun::Finished).ok();
        claims.is_some()
    });
    claims.unwrap().1
}

#[test]
fn a_finished_job_is_kept_until_its_runs_have_ended() {
    let place = Place::new();
    let store = place.open();
    for id in ["a", "b"] {
        add(&store, id, Some(second(1)));
    }
    let (first, _) = claim_batch(&store, ME, second(1), NextRun::At(second(2))).unwrap();
    let (last, _) = claim_batch(&store, ME, second(2), NextRun::Finished).unwrap();
    assert!(listed(&store).is_empty());
    let hidden = document(&place.0, "a").expect("it is kept");
    assert!(hidden.get_bool("finished").unwrap(), "no time at which the server removes it");
    ledger(&store).append(ME, &Writes::new().closed(&[last])).unwrap();
    assert_eq!(open(&store, ME, RunState::Ok).len(), 2);
    ledger(&store).append(ME, &Writes::new().closed(&[first])).unwrap();
    assert_eq!((document(&place.0, "a"), document(&place.0, "b")), (None, None));
}

#[test]
fn a_job_that_finishes_unrecorded_is_kept_until_earlier_runs_have_ended() {
    let place = Place::new();
    let store = place.open();
    add(&store, "a", Some(second(1)));
    let (batch, _) = claim_batch(&store, ME, second(1), NextRun::At(second(2))).unwrap();
    add(&store, "b", Some(second(2)));
    assert_eq!(claim(&store, second(2), NextRun::Finished).unwrap().won.len(), 2);
    assert_eq!(document(&place.0, "b"), None);
    assert!(document(&place.0, "a").unwrap().get_bool("finished").unwrap());
    ledger(&store).append(ME, &Writes::new().closed(&[batch])).unwrap();
    assert_eq!(document(&place.0, "a"), None);
}

#[test]
fn a_claim_in_doubt_has_a_journal_entry_if_it_was_won() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    for next in [NextRun::At(second(60)), NextRun::Finished] {
        for (pass, is_won) in [(Pass::Cut, false), (Pass::OnAndCut, true)] {
            add(&store, "a", Some(second(1)));
            meanwhile(&proxy, "update", pass, || ());
            claim_batch(&store, ME, second(1), next).unwrap_err();
            // The claims in doubt are settled; nothing else is due.
            let claims = claim_at_last(&store, second(0));
            assert_eq!(claims.won.len(), usize::from(is_won));
            let runs = open(&other, ME, RunState::Ok);
            assert_eq!(runs.len(), usize::from(is_won));
            if let Some(claim) = claims.won.first() {
                assert_eq!(Some(runs[0].run_id), claim.outcome.first_run);
                ledger(&store)
                    .append(
                        ME,
                        &Writes::new().records(&runs).closed(claim.outcome.batch.as_slice()),
                    )
                    .unwrap();
                assert!(open(&other, ME, RunState::Ok).is_empty());
            }
            store.remove_all_jobs().unwrap();
            assert_eq!(document(&place.0, "a"), None);
        }
    }
}

#[test]
fn a_claim_in_doubt_is_won_although_its_job_was_removed() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    add(&store, "a", Some(second(1)));
    meanwhile(&proxy, "update", Pass::OnAndCut, || ());
    claim_batch(&store, ME, second(1), NextRun::At(second(60))).unwrap_err();
    wait_for("the server has executed it", || {
        other.next_run_time(None).unwrap() == Some(second(60))
    });
    assert!(other.remove_job("a").unwrap());
    assert_eq!(claim_at_last(&store, second(1)).won.len(), 1);
    assert!(listed(&other).is_empty());
}

/// Each step is cut off before and after it reaches the server. The same call is then made again.
#[test]
fn an_interrupted_append_is_repeated_without_loss_and_doubles() {
    for step in ["find", "insert", "delete", "update"] {
        for pass in [Pass::Cut, Pass::OnAndCut] {
            let (place, proxy) = (Place::new(), proxy());
            let (store, other) = (started(through(&proxy, &place)), place.open());
            for id in ["a", "b"] {
                add(&store, id, Some(second(1)));
            }
            let (batch, _) = claim_batch(&store, ME, second(1), NextRun::Finished).unwrap();
            let records = open(&store, ME, RunState::Ok);
            assert_eq!(records.len(), 2);
            meanwhile(&proxy, step, pass, || ());
            wait_for("the records are written", || {
                // Each run is open or has its outcome.
                assert_eq!(ledger(&other).runs(&RunQuery::new()).unwrap().len(), 2);
                ledger(&store).append(ME, &Writes::new().records(&records).closed(&[batch])).is_ok()
            });
            assert_eq!(states(&other), [(RunState::Ok, None); 2], "{step}");
            assert!(open(&other, ME, RunState::Ok).is_empty(), "{step}");
            assert_eq!((document(&place.0, "a"), document(&place.0, "b")), (None, None), "{step}");
        }
    }
}

#[test]
fn an_owner_condemned_while_it_appends_leaves_one_record() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), Arc::new(place.open()));
    let owner = Owner::new("shop", "host1", 4711);
    ledger(&store).heartbeat(&owner, LEASE).unwrap();
    let run = claimed(&store, owner.id, NextRun::At(second(60)));
    let mut lost = run.clone();
    lost.state = RunState::Lost;
    let (judge, id) = (Arc::clone(&other), owner.id);
    meanwhile(&proxy, "insert", Pass::On, move || {
        let owners = ledger(&judge).owners().unwrap();
        let heartbeat = owners.iter().find(|it| it.owner.id == id).unwrap().heartbeat;
        assert!(ledger(&judge).condemn(id, heartbeat).unwrap());
        ledger(&judge).append(OTHER, &Writes::new().records(&[lost])).unwrap();
    });
    let append = |run: &RunRecord| {
        ledger(&store).append(owner.id, &Writes::new().records(std::slice::from_ref(run)))
    };
    assert_eq!(append(&run).unwrap(), Appended::Written);
    assert_eq!(states(&other), [(RunState::Lost, Some(RunState::Ok))]);
    // From now on it is refused, and the first note stays.
    let mut failed = run;
    failed.state = RunState::Failed;
    assert_eq!(append(&failed).unwrap(), Appended::Fenced);
    assert_eq!(states(&other), [(RunState::Lost, Some(RunState::Ok))]);
    assert_eq!(ledger(&store).heartbeat(&owner, LEASE).unwrap(), OwnerState::Dead);
}

#[test]
fn an_outcome_written_before_its_owner_is_settled_stays() {
    let place = Place::new();
    let store = place.open();
    let run = claimed(&store, ME, NextRun::At(second(60)));
    ledger(&store).append(ME, &Writes::new().records(std::slice::from_ref(&run))).unwrap();
    let lost = open(&store, ME, RunState::Lost);
    ledger(&store).append(OTHER, &Writes::new().records(&lost)).unwrap();
    assert_eq!(states(&store), [(RunState::Ok, None)]);
}

#[test]
fn a_job_removed_while_its_batch_is_closed_leaves_nothing_for_long() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    add(&store, "a", Some(second(1)));
    let (batch, _) = claim_batch(&store, ME, second(1), NextRun::At(second(60))).unwrap();
    // After the hidden jobs of the batch were removed, and before its entries are.
    meanwhile(&proxy, "update", Pass::On, move || assert!(other.remove_job("a").unwrap()));
    ledger(&store).append(ME, &Writes::new().closed(&[batch])).unwrap();
    let left = document(&place.0, "a").expect("the server removes it");
    assert!(left.get_datetime("finished").is_ok() && left.get("open").is_none(), "{left}");
    assert!(listed(&store).is_empty());
}

#[test]
fn a_watch_ignores_the_closing_of_batches() {
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    add(&store, "a", Some(second(1)));
    let (batch, _) = claim_batch(&other, ME, second(1), NextRun::At(second(60))).unwrap();
    let (watch, told) = watch(&store);
    ledger(&other).append(ME, &Writes::new().closed(&[batch])).unwrap();
    let silence = told.recv_timeout(Duration::from_millis(900));
    assert!(silence.is_err(), "no job has changed");
    assert!(other.remove_job("a").unwrap());
    told.recv_timeout(Duration::from_secs(5)).expect("a change is reported");
    drop(watch);
}
