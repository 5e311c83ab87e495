//! The open runs of a ledger: rows that are changed by compare-and-set.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::ledger::{
    Appended, Batch, OpenMark, OpenQuery, OpenRun, OpenState, OpenStep, OwnerState, Retention,
    RunLedger, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{ClaimOutcome, ClaimRequest, Decision, JobStore, NextRun, RunTimes};
use apscheduler_core::time::{Clock as _, SystemClock};

use super::actions::add;
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::second;

cases! { "open_runs":
    Store an_open_run_is_read_as_it_was_written [OpenRuns],
    Store an_open_run_that_exists_is_not_added_again [OpenRuns],
    Store a_step_needs_the_row_that_it_expects [OpenRuns],
    Store a_change_writes_every_value [OpenRuns],
    Store steps_of_one_run_are_carried_out_in_their_order [OpenRuns],
    Store an_attempt_and_its_record_end_together [OpenRuns],
    Store open_runs_are_filtered_and_paged [OpenRuns],
    Store waiting_runs_are_claimed_when_they_are_due [OpenRuns],
    Store a_run_without_a_due_time_is_not_claimed [OpenRuns],
    Store the_first_run_that_is_due_is_known [OpenRuns],
    Store a_claim_writes_the_open_runs_of_its_batch [OpenRuns],
    Store a_finished_job_leaves_its_open_runs [OpenRuns],
    Store a_dead_owner_changes_and_claims_no_open_runs [OpenRuns, Journal],
    Store owners_of_claimed_open_runs_are_listed [OpenRuns, Journal],
    Store owners_of_claimed_open_runs_are_not_forgotten [OpenRuns, Journal],
    Place many_steps_are_carried_out_at_once [OpenRuns],
    Place each_waiting_run_is_claimed_once [OpenRuns, Shared],
    Place open_runs_survive_a_restart [OpenRuns, Durable],
    Place a_read_only_store_lists_open_runs [OpenRuns, Durable],
}

const ME: OwnerId = OwnerId::from_u128(7);
const OTHER: OwnerId = OwnerId::from_u128(8);
const LEASE: Duration = Duration::from_secs(60);

fn ledger(store: &dyn JobStore) -> Arc<dyn RunLedger> {
    store.ledger().expect("the store has a ledger")
}

/// A claimed run of a job, with the identifier of this second.
fn run(job: &str, claimed: i64) -> OpenRun {
    let time = second(claimed);
    OpenRun::new(RunId::new(time), job, time, ME, "{}")
}

fn carry_out(store: &dyn JobStore, steps: &[OpenStep]) -> Appended {
    ledger(store).append(ME, &Writes::new().steps(steps)).expect("written")
}

fn open(store: &dyn JobStore, runs: &[OpenRun]) {
    carry_out(store, &runs.iter().cloned().map(OpenStep::add).collect::<Vec<_>>());
}

fn list(store: &dyn JobStore, query: &OpenQuery) -> Vec<OpenRun> {
    ledger(store).open_runs(query).expect("listed")
}

fn all(store: &dyn JobStore) -> Vec<OpenRun> {
    list(store, &OpenQuery::new())
}

fn claim(store: &dyn JobStore, owner: OwnerId, at: i64, limit: usize) -> Vec<OpenRun> {
    ledger(store).claim_open(owner, second(at), limit).expect("claimed")
}

fn an_open_run_is_read_as_it_was_written(store: &dyn JobStore) {
    let plain = run("tab\t\"quoted\" 'and' Troms\u{f8}", 1);
    let text = format!("{{\"text\": \"it's \\\\ {}\"}}", "x".repeat(100_000));
    let mut full =
        OpenRun::new(RunId::new(second(2)), "b", second(-5), OTHER, text).attempt(3).cancel(true);
    full = full.waiting(second(9));
    open(store, &[full.clone(), plain.clone()]);
    assert_eq!(all(store), [plain, full]);
}

fn an_open_run_that_exists_is_not_added_again(store: &dyn JobStore) {
    let first = run("a", 1);
    open(store, std::slice::from_ref(&first));
    open(store, &[first.clone().attempt(2), run("b", 2)]);
    assert_eq!(all(store)[0], first);
    assert_eq!(all(store).len(), 2, "the other step of the call was carried out");
}

fn a_step_needs_the_row_that_it_expects(store: &dyn JobStore) {
    let claimed = run("a", 1);
    open(store, std::slice::from_ref(&claimed));
    let waiting = claimed.clone().attempt(2).waiting(second(9));
    let wrong = [
        OpenMark::claimed(2, ME),
        OpenMark::claimed(1, OTHER),
        claimed.clone().waiting(None).mark(),
    ];
    for mark in wrong {
        carry_out(store, &[OpenStep::change(mark, waiting.clone())]);
        carry_out(store, &[OpenStep::end(claimed.run_id, mark)]);
        assert_eq!(all(store), std::slice::from_ref(&claimed), "{mark:?}");
    }
    carry_out(store, &[OpenStep::change(claimed.mark(), waiting.clone())]);
    assert_eq!(all(store), std::slice::from_ref(&waiting));
    carry_out(store, &[OpenStep::end(claimed.run_id, claimed.mark())]);
    assert_eq!(all(store).len(), 1, "the row has left that state");
    carry_out(store, &[OpenStep::end(claimed.run_id, waiting.mark())]);
    assert!(all(store).is_empty());
    carry_out(store, &[OpenStep::change(waiting.mark(), waiting.clone())]);
    assert!(all(store).is_empty(), "a row that does not exist is not changed");
}

fn a_change_writes_every_value(store: &dyn JobStore) {
    let mut row = run("a", 1);
    open(store, std::slice::from_ref(&row));
    let waiting = row.clone().attempt(2).waiting(second(9));
    let mut other = waiting.clone();
    other.data = "{\"text\": \"it's 'quoted'\"}".into();
    let asked = other.clone().claimed_by(OTHER).cancel(true);
    for next in [waiting, other, asked.clone(), asked.cancel(false).waiting(None)] {
        carry_out(store, &[OpenStep::change(row.mark(), next.clone())]);
        assert_eq!(all(store), std::slice::from_ref(&next));
        row = next;
    }
}

fn steps_of_one_run_are_carried_out_in_their_order(store: &dyn JobStore) {
    let [retried, ended] = [run("a", 1), run("b", 2)];
    let waiting = retried.clone().attempt(2).waiting(second(9));
    let again = waiting.clone().claimed_by(OTHER);
    let changed = ended.clone().attempt(3);
    let steps = [
        OpenStep::add(ended.clone()),
        OpenStep::add(retried.clone()),
        OpenStep::change(retried.mark(), waiting.clone()),
        OpenStep::change(ended.mark(), changed.clone()),
        OpenStep::end(ended.run_id, changed.mark()),
        OpenStep::change(waiting.mark(), again.clone()),
        OpenStep::change(waiting.mark(), waiting.clone().attempt(7)),
    ];
    for _ in 0..2 {
        // The second time, `a` has a row that no step expects.
        carry_out(store, &steps);
        assert_eq!(all(store), std::slice::from_ref(&again));
    }
}

fn an_attempt_and_its_record_end_together(store: &dyn JobStore) {
    let [ended, retried] = [run("a", 1), run("b", 2)];
    open(store, &[ended.clone(), retried.clone()]);
    let records = [&ended, &retried].map(|run| {
        RunRecord::new(run.run_id, Arc::clone(&run.job_id), second(1), ME, RunState::Failed)
    });
    let again = retried.clone().attempt(2).waiting(second(30));
    let steps = [
        OpenStep::end(ended.run_id, ended.mark()),
        OpenStep::change(retried.mark(), again.clone()),
    ];
    let writes = Writes::new().records(&records).steps(&steps);
    for _ in 0..2 {
        // The call is repeated if its answer was lost.
        assert_eq!(ledger(store).append(ME, &writes).expect("written"), Appended::Written);
        assert_eq!(all(store), std::slice::from_ref(&again));
    }
    let query = apscheduler_core::ledger::RunQuery::new().state(RunState::Failed);
    assert_eq!(ledger(store).runs(&query).expect("listed").len(), 2);
}

fn open_runs_are_filtered_and_paged(store: &dyn JobStore) {
    let runs: Vec<OpenRun> = (0..25)
        .map(|second| run(if second % 2 == 0 { "even" } else { "odd" }, second))
        .map(|run| if &*run.job_id == "odd" { run.waiting(second(99)) } else { run })
        .collect();
    open(store, &runs);
    assert_eq!(all(store), runs);
    assert_eq!(list(store, &OpenQuery::new().job("even")).len(), 13);
    assert_eq!(list(store, &OpenQuery::new().job("odd").state(OpenState::Waiting)).len(), 12);
    assert!(list(store, &OpenQuery::new().job("odd").state(OpenState::Claimed)).is_empty());
    assert_eq!(list(store, &OpenQuery::new().state(OpenState::Claimed)).len(), 13);
    assert_eq!(list(store, &OpenQuery::new().owner(ME)).len(), 25);
    assert!(list(store, &OpenQuery::new().owner(OTHER)).is_empty());
    assert_eq!(list(store, &OpenQuery::new().run(runs[3].run_id)), runs[3..4]);
    assert_eq!(list(store, &OpenQuery::new().limit(4)), runs[..4]);
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = list(store, &OpenQuery::new().after(after).limit(10));
        let Some(last) = page.last() else { break };
        after = Some(last.run_id);
        listed.extend(page);
        assert!(listed.len() <= runs.len(), "a page repeats runs");
    }
    assert_eq!(listed, runs);
}

fn waiting_runs_are_claimed_when_they_are_due(store: &dyn JobStore) {
    use OpenState::{Claimed, Waiting};
    let runs = [
        run("claimed", 1),
        run("last", 2).waiting(second(30)),
        run("first", 3).waiting(second(10)).attempt(2),
        run("later", 4).waiting(second(31)),
    ];
    open(store, &runs);
    assert!(claim(store, OTHER, 9, 10).is_empty());
    let first = runs[2].clone().claimed_by(OTHER);
    assert_eq!(
        claim(store, OTHER, 30, 1),
        std::slice::from_ref(&first),
        "the one that was due first"
    );
    assert_eq!(claim(store, ME, 30, 10), [runs[1].clone().claimed_by(ME)]);
    assert!(claim(store, ME, 30, 10).is_empty());
    let states: Vec<OpenState> = all(store).iter().map(|run| run.state).collect();
    assert_eq!(states, [Claimed, Claimed, Claimed, Waiting]);
    assert_eq!(all(store)[2], first);
}

fn a_run_without_a_due_time_is_not_claimed(store: &dyn JobStore) {
    let held = run("a", 1).waiting(None);
    open(store, std::slice::from_ref(&held));
    assert!(claim(store, ME, 1_000_000, 10).is_empty());
    assert_eq!(ledger(store).next_open().expect("read"), None);
    // It is released.
    carry_out(store, &[OpenStep::change(held.mark(), held.clone().waiting(second(5)))]);
    assert_eq!(claim(store, ME, 5, 10).len(), 1);
}

fn the_first_run_that_is_due_is_known(store: &dyn JobStore) {
    let next = || ledger(store).next_open().expect("read");
    assert_eq!(next(), None);
    open(
        store,
        &[run("claimed", 1), run("b", 2).waiting(second(30)), run("a", 3).waiting(second(20))],
    );
    assert_eq!(next(), Some(second(20)));
    claim(store, ME, 20, 10);
    assert_eq!(next(), Some(second(30)));
}

/// Claims a job that is due, with open runs. Returns the batch and the claimed runs.
fn claim_job(store: &dyn JobStore, owner: OwnerId, next: NextRun) -> (Batch, Vec<OpenRun>) {
    add(store, &[("a", Some(second(5))), ("plain", Some(second(6)))]);
    let batch = Batch::new(owner, second(10));
    let due = ClaimRequest::new(second(10), 100).batch(batch);
    let first = RunId::reserve(second(10), 3);
    let claims = store.claim_due(&due, &mut |record| {
        let is_open = &*record.id == "a";
        let (times, first) = if is_open {
            (vec![second(5), second(10)], first)
        } else {
            (vec![second(6)], first.nth(2))
        };
        let outcome = ClaimOutcome::new(RunTimes::Many(times), next).first_run(first);
        let data = is_open.then(|| Arc::from("{\"a\": 1}"));
        Decision::Claim(outcome.batch(batch.id).open(data))
    });
    assert_eq!(claims.expect("claimed").won.len(), 2);
    let run = |index, time| OpenRun::new(first.nth(index), "a", time, owner, "{\"a\": 1}");
    (batch, vec![run(0, second(5)), run(1, second(10))])
}

fn a_claim_writes_the_open_runs_of_its_batch(store: &dyn JobStore) {
    let (_, runs) = claim_job(store, ME, NextRun::At(second(60)));
    assert_eq!(all(store), runs);
}

fn a_finished_job_leaves_its_open_runs(store: &dyn JobStore) {
    let (_, runs) = claim_job(store, ME, NextRun::Finished);
    assert_eq!(all(store), runs);
    assert!(store.lookup_job("a").expect("read").is_none());
}

fn dead_owner(store: &dyn JobStore) -> Owner {
    let owner = Owner::new("shop", "host1", 4711);
    let ledger = ledger(store);
    ledger.heartbeat(&owner, LEASE).expect("noted");
    let owners = ledger.owners().expect("listed");
    let record = owners.iter().find(|record| record.owner.id == owner.id).expect("it is alive");
    assert!(ledger.condemn(owner.id, record.heartbeat).expect("no error"));
    owner
}

fn a_dead_owner_changes_and_claims_no_open_runs(store: &dyn JobStore) {
    let dead = dead_owner(store).id;
    let mut mine = run("a", 1);
    mine.owner = dead;
    let waiting = run("b", 2).waiting(second(3));
    open(store, &[mine.clone(), waiting.clone()]);
    let steps = [OpenStep::end(mine.run_id, mine.mark()), OpenStep::add(run("c", 3))];
    let appended = ledger(store).append(dead, &Writes::new().steps(&steps)).expect("no error");
    assert_eq!(appended, Appended::Fenced);
    assert!(claim(store, dead, 10, 10).is_empty());
    assert_eq!(all(store), [mine, waiting]);
}

fn owners_of_claimed_open_runs_are_listed(store: &dyn JobStore) {
    let owner = Owner::new("shop", "host1", 4711);
    let ledger = ledger(store);
    assert_eq!(ledger.heartbeat(&owner, LEASE).expect("noted"), OwnerState::Alive);
    ledger.end(owner.id).expect("noted");
    let is_listed = || {
        let owners = ledger.owners().expect("listed");
        owners.iter().any(|record| record.owner.id == owner.id)
    };
    assert!(!is_listed());
    let claimed = run("a", 1).claimed_by(owner.id);
    open(store, std::slice::from_ref(&claimed));
    assert!(is_listed());
    let waiting = claimed.clone().waiting(second(9));
    carry_out(store, &[OpenStep::change(claimed.mark(), waiting)]);
    assert!(!is_listed(), "nobody has to settle a run that waits");
}

fn owners_of_claimed_open_runs_are_not_forgotten(store: &dyn JobStore) {
    let [idle, busy] = [dead_owner(store), dead_owner(store)];
    open(store, &[run("a", 1).claimed_by(busy.id)]);
    let ledger = ledger(store);
    let later = SystemClock.now() + chrono::TimeDelta::days(91);
    ledger.prune(later, &Retention::default(), 10).expect("pruned");
    let state = |owner| ledger.heartbeat(owner, LEASE).expect("no error");
    assert_eq!(state(&idle), OwnerState::Alive, "nobody remembers it");
    assert_eq!(state(&busy), OwnerState::Dead, "its run has not been settled");
}

fn many_steps_are_carried_out_at_once(place: &Place<'_>) {
    let store = place.open();
    let count = place.scaled(2500);
    let data = format!("{{\"text\": \"{}\"}}", "x".repeat(1000));
    let ids = RunId::reserve(second(1), count);
    let runs: Vec<OpenRun> = (0..count)
        .map(|index| {
            let job = format!("job {index}");
            OpenRun::new(ids.nth(index), job, second(1), ME, data.as_str())
        })
        .collect();
    open(&*store, &runs);
    let listed = || list(&*store, &OpenQuery::new().limit(count + 1));
    assert_eq!(listed(), runs);
    let waits = |run: &OpenRun| run.run_id.as_u128().is_multiple_of(2);
    let waiting = |run: &OpenRun| run.clone().attempt(2).waiting(second(9));
    let steps = runs.iter().map(|run| {
        if waits(run) {
            OpenStep::change(run.mark(), waiting(run))
        } else {
            OpenStep::end(run.run_id, run.mark())
        }
    });
    carry_out(&*store, &steps.collect::<Vec<_>>());
    let left: Vec<OpenRun> = runs.iter().filter(|run| waits(run)).map(waiting).collect();
    assert_eq!(listed(), left);
    let claimed: Vec<OpenRun> = left.into_iter().map(|run| run.claimed_by(OTHER)).collect();
    assert_eq!(claim(&*store, OTHER, 9, count), claimed);
    assert_eq!(listed(), claimed);
}

fn each_waiting_run_is_claimed_once(place: &Place<'_>) {
    let store = place.open();
    let runs: Vec<OpenRun> = (0..200).map(|at| run("a", at).waiting(second(500))).collect();
    open(&*store, &runs);
    let claimed: Vec<RunId> = std::thread::scope(|scope| {
        let claimers: Vec<_> = [ME, OTHER, OwnerId::from_u128(9)]
            .into_iter()
            .map(|owner| {
                let store = place.open();
                scope.spawn(move || {
                    let mut claimed = Vec::new();
                    // A claim may find all rows locked, so it goes on until nothing waits.
                    while !list(&*store, &OpenQuery::new().state(OpenState::Waiting)).is_empty() {
                        let runs = claim(&*store, owner, 500, 7);
                        assert!(runs.iter().all(|run| run.owner == owner), "{runs:?}");
                        claimed.extend(runs.iter().map(|run| run.run_id));
                    }
                    claimed
                })
            })
            .collect();
        claimers.into_iter().flat_map(|claimer| claimer.join().expect("claimed")).collect()
    });
    let mut sorted = claimed;
    sorted.sort_unstable();
    assert_eq!(sorted, runs.iter().map(|run| run.run_id).collect::<Vec<_>>());
}

fn open_runs_survive_a_restart(place: &Place<'_>) {
    let store = place.open();
    let (_, runs) = claim_job(&*store, ME, NextRun::Finished);
    store.shutdown().expect("shut down");
    drop(store);
    let store = place.open();
    assert_eq!(all(&*store), runs);
}

fn a_read_only_store_lists_open_runs(place: &Place<'_>) {
    let store = place.open();
    let (_, runs) = claim_job(&*store, ME, NextRun::At(second(60)));
    let read_only = place.open_read_only();
    assert_eq!(all(&*read_only), runs);
    assert_eq!(ledger(&*read_only).next_open().expect("read"), None);
}
