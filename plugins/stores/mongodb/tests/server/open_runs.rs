//! Open runs without transactions: the rows of a claim count if, and only if, it was won.

use std::time::Duration;

use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenStep, Retention, RunState, Writes};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{
    ClaimOutcome, ClaimRequest, Claims, Decision, JobRecord, JobStore, NextRun, RunTimes,
};
use apscheduler_core::time::{Clock as _, SystemClock};
use apscheduler_store_mongodb::MongoDbJobStore;
use apscheduler_testkit::stores::records::second;
use mongodb::bson::doc;

use crate::calls::{Place, add, claim_batch, claim_batch_with, ledger, open, started, wait_for};
use crate::place::with_collection;
use crate::way::{command, meanwhile, proxy, through};
use crate::wire::Pass;

const ME: OwnerId = OwnerId::from_u128(7);
const OTHER: OwnerId = OwnerId::from_u128(8);
const LEASE: Duration = Duration::from_secs(60);

/// Claims all due jobs with open runs. They run again.
fn claim(store: &MongoDbJobStore, owner: OwnerId) -> apscheduler_core::Result<Claims> {
    let next = NextRun::At(second(60));
    claim_batch_with(store, owner, second(1), next, Some("{}")).map(|(_, claims)| claims)
}

fn listed(store: &MongoDbJobStore) -> Vec<OpenRun> {
    ledger(store).open_runs(&OpenQuery::new()).unwrap()
}

/// Returns how many rows there are, whether they count or not.
fn rows(place: &Place) -> u64 {
    let name = format!("{}_open", place.0);
    with_collection(&name, async |rows| rows.count_documents(doc! {}).await)
}

fn prune(store: &MongoDbJobStore) {
    ledger(store).prune(SystemClock.now(), &Retention::default(), 100).unwrap();
}

#[test]
fn a_claim_in_doubt_has_open_runs_if_it_was_won() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    for (pass, won) in [(Pass::Cut, 0), (Pass::OnAndCut, 1)] {
        add(&store, "a", Some(second(1)));
        meanwhile(&proxy, "update", pass, || ());
        claim(&store, ME).unwrap_err();
        wait_for("the server has executed it", || listed(&other).len() == won);
        assert_eq!(rows(&place), 1);
        // The claims in doubt are settled; nothing else is due.
        let mut claims = None;
        wait_for("the store works again", || {
            claims = claim_batch(&store, ME, second(0), NextRun::Finished).ok();
            claims.is_some()
        });
        assert_eq!(claims.unwrap().1.won.len(), won);
        assert_eq!((listed(&other).len(), rows(&place)), (won, won as u64));
        store.remove_all_jobs().unwrap();
    }
}

#[test]
fn a_claim_that_is_lost_leaves_no_open_runs() {
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    add(&store, "lost", Some(second(1)));
    add(&store, "won", Some(second(1)));
    let batch = apscheduler_core::ledger::Batch::new(ME, second(1));
    let due = ClaimRequest::new(second(1), 100).batch(batch);
    let claims = store.claim_due(&due, &mut |record: &JobRecord| {
        if &*record.id == "lost" {
            assert!(other.update_job(record).unwrap());
        }
        let outcome = ClaimOutcome::new(RunTimes::One(second(1)), NextRun::At(second(60)));
        let outcome = outcome.first_run(RunId::new(second(1))).batch(batch.id);
        Decision::Claim(outcome.open(std::sync::Arc::from("{}")))
    });
    assert_eq!(claims.unwrap().won.len(), 1);
    let jobs: Vec<_> = listed(&other).into_iter().map(|run| run.job_id).collect();
    assert_eq!((jobs.as_slice(), rows(&place)), (&["won".into()][..], 1));
}

#[test]
fn a_process_that_ends_before_its_claim_leaves_rows_that_do_not_count() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    let owner = Owner::new("shop", "host1", 4711);
    ledger(&other).heartbeat(&owner, LEASE).unwrap();
    for id in ["a", "b", "c"] {
        add(&store, id, Some(second(1)));
    }
    meanwhile(&proxy, "update", Pass::Cut, || ());
    claim(&store, owner.id).unwrap_err();
    drop(store);
    assert_eq!((listed(&other).len(), rows(&place)), (0, 3));
    let page = OpenQuery::new().owner(owner.id).limit(2);
    assert!(ledger(&other).open_runs(&page).unwrap().is_empty());
    // Its claim might be on the way.
    prune(&other);
    assert_eq!(rows(&place), 3);
    ledger(&other).end(owner.id).unwrap();
    prune(&other);
    assert_eq!(rows(&place), 0);
    // The run times are claimed by another.
    assert_eq!(claim(&other, OTHER).unwrap().won.len(), 3);
    prune(&other);
    assert_eq!(listed(&other).len(), 3);
}

#[test]
fn open_runs_of_a_process_that_ended_after_its_claim_are_kept() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    for id in ["a", "b"] {
        add(&store, id, Some(second(1)));
    }
    // The second update would remove the marks of the rows.
    let mut updates = 0;
    proxy.on_requests(move |message| {
        updates += usize::from(command(message) == "update");
        if updates == 2 && command(message) == "update" { Pass::Cut } else { Pass::On }
    });
    let claims = claim(&store, ME).unwrap();
    drop(store);
    assert_eq!((claims.won.len(), listed(&other).len()), (2, 2));
    prune(&other);
    // Another scheduler settles its batches before it looks at its open runs.
    let batch = ledger(&other).journal(ME, 10).unwrap()[0].batch.id;
    let lost = open(&other, ME, RunState::Lost);
    ledger(&other).append(OTHER, &Writes::new().records(&lost).closed(&[batch])).unwrap();
    prune(&other);
    let left = listed(&other);
    assert_eq!(left.len(), 2);
    let again =
        |run: &OpenRun| OpenStep::change(run.mark(), run.clone().attempt(2).waiting(second(5)));
    let steps: Vec<OpenStep> = left.iter().map(again).collect();
    ledger(&other).append(OTHER, &Writes::new().steps(&steps)).unwrap();
    assert_eq!(ledger(&other).claim_open(OTHER, second(5), 10).unwrap().len(), 2);
}
