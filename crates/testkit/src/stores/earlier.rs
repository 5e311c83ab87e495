//! What an earlier release wrote into a database.

use apscheduler_core::ledger::{
    OpenQuery, OpenRun, OpenStep, OwnerState, RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::OwnerId;
use apscheduler_core::store::JobStore;

use super::records::second;

/// The scheduler that wrote it.
const OWNER: OwnerId = OwnerId::from_u128(7);

/// Checks a started store on a database that the release of commit 782c1ff wrote, whose ledger had no open runs. It has a job
/// that was claimed for two run times, of which one has a record, and a paused job.
///
/// # Panics
/// If something is missing, or if open runs can't be kept.
pub fn check_ledger_of_earlier_release(store: &dyn JobStore) {
    let jobs = store.get_jobs(None, 10).expect("listed");
    let jobs: Vec<_> = jobs.iter().map(|job| (&*job.id, job.next_run_time)).collect();
    assert_eq!(jobs, [("report", Some(second(60))), ("paused", None)]);

    let ledger = store.ledger().expect("the store has a ledger");
    let owners = ledger.owners().expect("listed");
    assert_eq!((owners[0].owner.id, owners[0].state), (OWNER, OwnerState::Alive));
    let runs = || ledger.runs(&RunQuery::new()).expect("listed");
    let states = |runs: &[RunRecord]| {
        let states = runs.iter().map(|run| (run.scheduled_run_time, run.state));
        states.collect::<Vec<_>>()
    };
    let before = runs();
    assert_eq!(
        states(&before),
        [(second(10), RunState::Claimed), (second(1), RunState::Ok)],
        "what was claimed and has no record is in the journal"
    );
    assert_eq!(before[1].result.as_deref(), Some("{\"sold\": 3}"));

    // What was open then may be tried again now.
    let open = || ledger.open_runs(&OpenQuery::new()).expect("listed");
    assert!(open().is_empty());
    let run = OpenRun::new(before[0].run_id, "report", second(10), OWNER, "{}").waiting(second(20));
    let steps = [OpenStep::add(run.clone())];
    ledger.append(OWNER, &Writes::new().steps(&steps)).expect("written");
    assert_eq!(ledger.next_open().expect("read"), Some(second(20)));
    let claimed = ledger.claim_open(OWNER, second(20), 10).expect("claimed");
    assert_eq!(claimed, [run.claimed_by(OWNER)]);
    assert_eq!(open(), claimed);

    let batch = ledger.journal(OWNER, 10).expect("read")[0].batch.id;
    let failed = RunRecord::new(claimed[0].run_id, "report", second(10), OWNER, RunState::Failed);
    let writes = Writes::new().records(std::slice::from_ref(&failed));
    let steps = [OpenStep::end(failed.run_id, claimed[0].mark())];
    ledger.append(OWNER, &writes.closed(&[batch]).steps(&steps)).expect("written");
    assert!(open().is_empty() && ledger.journal(OWNER, 10).expect("read").is_empty());
    assert_eq!(states(&runs()), [(second(10), RunState::Failed), (second(1), RunState::Ok)]);
}
