//! Open runs without transactions: the rows of a claim count if, and only if, it was won.

use std::time::Duration;

use apscheduler_core::ledger::{
    OpenQuery, OpenRun, OpenState, OpenStep, Retention, RunQuery, RunRecord, RunState, Writes,
};
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
use crate::way::{cut_at_write, meanwhile, proxy, through};
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
    // The third write would remove the marks of the rows.
    cut_at_write(&proxy, 2, Pass::Cut);
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

/// Whether the record of an attempt is there, and what has become of its row.
type Ending = (bool, Option<OpenState>);

/// Ends a run and lets another wait, with their records, and cuts the connection at a write. Then the process ends, and
/// another looks. Returns what it finds of both runs.
fn endings_after(write: usize, pass: Pass) -> [Ending; 2] {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    for id in ["a", "b"] {
        add(&store, id, Some(second(1)));
    }
    claim(&store, ME).unwrap();
    let runs = listed(&store);
    let records = open(&store, ME, RunState::Failed);
    let steps = [
        OpenStep::end(runs[0].run_id, runs[0].mark()),
        OpenStep::change(runs[1].mark(), runs[1].clone().attempt(2).waiting(second(9))),
    ];
    cut_at_write(&proxy, write, pass);
    let writes = Writes::new().records(&records).steps(&steps);
    let appended = ledger(&store).append(ME, &writes);
    assert_eq!(appended.is_ok(), write > 3, "{appended:?}");
    drop(store);
    if (write, pass) != (0, Pass::Cut) {
        wait_for("the server has executed the steps", || listed(&other).len() == 1);
    }
    // Whoever settles runs reads the rows and then the journal.
    let left = listed(&other);
    assert_eq!(ledger(&other).journal(ME, 10).unwrap()[0].entries.len(), 2);
    let recorded = ledger(&other).runs(&RunQuery::new().state(RunState::Failed)).unwrap();
    if recorded.len() == 2 {
        assert_eq!(rows(&place), 1, "what has been recorded is not kept twice");
    }
    [0, 1].map(|number: usize| {
        let id = runs[number].run_id;
        let row = left.iter().find(|row| row.run_id == id);
        (recorded.iter().any(|record| record.run_id == id), row.map(|row| row.state))
    })
}

#[test]
fn a_process_that_ends_leaves_no_step_without_its_record() {
    let none = [(false, Some(OpenState::Claimed)); 2];
    let both = [(true, None), (true, Some(OpenState::Waiting))];
    assert_eq!(endings_after(0, Pass::Cut), none);
    assert_eq!(endings_after(0, Pass::OnAndCut), both);
    for write in 1..=4 {
        for pass in [Pass::Cut, Pass::OnAndCut] {
            assert_eq!(endings_after(write, pass), both, "{write} {pass:?}");
        }
    }
}

#[test]
fn an_append_that_is_repeated_makes_each_step_once() {
    for write in 0..=3 {
        for pass in [Pass::Cut, Pass::OnAndCut] {
            let (place, proxy) = (Place::new(), proxy());
            let (store, other) = (started(through(&proxy, &place)), place.open());
            for id in ["a", "b"] {
                add(&store, id, Some(second(1)));
            }
            claim(&store, ME).unwrap();
            let runs = listed(&store);
            let records = open(&store, ME, RunState::Failed);
            let waiting = runs[1].clone().attempt(2).waiting(second(9));
            let steps = [
                OpenStep::end(runs[0].run_id, runs[0].mark()),
                OpenStep::change(runs[1].mark(), waiting.clone()),
            ];
            cut_at_write(&proxy, write, pass);
            let writes = Writes::new().records(&records).steps(&steps);
            wait_for("the steps are made", || ledger(&store).append(ME, &writes).is_ok());
            assert_eq!(listed(&other), std::slice::from_ref(&waiting), "{write} {pass:?}");
            assert_eq!(rows(&place), 1, "{write} {pass:?}");
            let failed = RunQuery::new().state(RunState::Failed);
            assert_eq!(ledger(&other).runs(&failed).unwrap().len(), 2, "{write} {pass:?}");
        }
    }
}

/// The outcome of the attempt before is still in the row.
#[test]
fn a_run_that_is_claimed_again_keeps_the_outcome_that_was_not_recorded() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    add(&store, "a", Some(second(1)));
    claim(&store, ME).unwrap();
    let run = listed(&store).remove(0);
    let failed = open(&store, ME, RunState::Failed);
    let steps = [OpenStep::change(run.mark(), run.clone().attempt(2).waiting(second(9)))];
    cut_at_write(&proxy, 1, Pass::Cut);
    ledger(&store).append(ME, &Writes::new().records(&failed).steps(&steps)).unwrap_err();
    drop(store);
    let again = ledger(&other).claim_open(OTHER, second(9), 10).unwrap().remove(0);
    let ok = RunRecord::new(run.run_id, "a", second(1), OTHER, RunState::Ok).attempt(2);
    let steps = [OpenStep::end(run.run_id, again.mark())];
    let writes = Writes::new().records(std::slice::from_ref(&ok));
    ledger(&other).append(OTHER, &writes.steps(&steps)).unwrap();
    assert_eq!((listed(&other).len(), rows(&place)), (0, 1));
    prune(&other);
    assert_eq!(rows(&place), 0);
    let runs = ledger(&other).runs(&RunQuery::new().run(run.run_id)).unwrap();
    let states: Vec<(u32, RunState)> = runs.iter().map(|run| (run.attempt, run.state)).collect();
    assert_eq!(states, [(2, RunState::Ok), (1, RunState::Failed)]);
}
