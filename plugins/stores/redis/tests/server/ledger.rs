//! The ledger: its format, its keys, and failures while it is written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apscheduler_core::ErrorKind;
use apscheduler_core::ledger::{
    Appended, Batch, OpenQuery, OpenRun, OpenState, OpenStep, Retention, RunLedger, RunQuery,
    RunRecord, RunState, Writes,
};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{
    Claim, ClaimOutcome, ClaimRequest, Claims, Decision, JobStore as _, NextRun,
};
use apscheduler_core::time::Timestamp;
use apscheduler_store_redis::RedisJobStore;
use apscheduler_testkit::stores::Proxy;
use chrono::TimeDelta;

use crate::{Keys, add, execute, keys, second, start_error, started};

const ME: OwnerId = OwnerId::from_u128(7);

fn ledger(store: &RedisJobStore) -> Arc<dyn RunLedger> {
    store.ledger().unwrap()
}

fn record(job: &str, time: Timestamp) -> RunRecord {
    RunRecord::new(RunId::new(time), job, time, ME, RunState::Ok)
}

fn append(store: &RedisJobStore, records: &[RunRecord]) {
    assert_eq!(
        ledger(store).append(ME, &Writes::new().records(records)).unwrap(),
        Appended::Written
    );
}

/// Claims what is due in a new batch.
fn claim(store: &RedisJobStore, mut before: impl FnMut()) -> apscheduler_core::Result<Claims> {
    let now = second(10);
    let batch = Batch::new(ME, now);
    let due = ClaimRequest::new(now, 100).batch(batch);
    store.claim_due(&due, &mut |record| {
        before();
        let next = NextRun::At(now + TimeDelta::seconds(60));
        let outcome = ClaimOutcome::new(record.next_run_time.unwrap(), next);
        Decision::Claim(outcome.first_run(RunId::new(now)).batch(batch.id))
    })
}

/// Returns the ids of the jobs with open runs, in each batch of the journal.
fn open_jobs(store: &RedisJobStore) -> Vec<Vec<String>> {
    let journal = ledger(store).journal(ME, 100).unwrap();
    let ids = journal
        .into_iter()
        .map(|journal| journal.entries.into_iter().map(|entry| entry.job_id.to_string()).collect());
    ids.collect()
}

fn any_exists(keys: &Keys, names: &[&str]) -> bool {
    let mut exists = redis::cmd("EXISTS");
    for name in names {
        exists.arg(keys.named(name));
    }
    exists.query::<usize>(&mut keys::connection()).unwrap() > 0
}

#[test]
fn a_newer_ledger_is_refused() {
    let keys = Keys::new();
    add(&keys.open(), "a", Some(second(1)));
    execute(&["HSET", &keys.named("jobs.meta"), "ledger", "2"]);
    let reader = RedisJobStore::with_options(keys.options()).unwrap();
    for error in [start_error(keys.options()), reader.start_read_only("default").unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Store);
        let expected = format!("the records of runs in `{}`", keys.named("jobs.runs"));
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(error.to_string().contains("have the format 2; this version knows 1"), "{error}");
    }
}

#[test]
fn jobs_of_a_release_without_a_ledger_are_recorded() {
    let keys = Keys::new();
    add(&keys.open(), "a", Some(second(1)));
    execute(&["HDEL", &keys.named("jobs.meta"), "ledger"]);
    let reader = RedisJobStore::with_options(keys.options()).unwrap();
    reader.start_read_only("default").unwrap();
    assert!(ledger(&reader).runs(&RunQuery::new()).unwrap().is_empty());
    let store = keys.open();
    claim(&store, || ()).unwrap();
    assert_eq!(open_jobs(&store), [["a"]]);
    assert_eq!(ledger(&reader).runs(&RunQuery::new()).unwrap().len(), 1);
}

#[test]
fn only_claims_that_were_won_are_in_the_journal() {
    let keys = Keys::new();
    let store = keys.open();
    for id in ["a", "b", "c"] {
        add(&store, id, Some(second(1)));
    }
    let other = keys.open();
    let mut is_first = true;
    let claims = claim(&store, || {
        if std::mem::take(&mut is_first) {
            other.remove_job("a").unwrap();
            other.remove_job("c").unwrap();
        }
    });
    assert_eq!(claims.unwrap().won.len(), 1);
    assert_eq!(open_jobs(&store), [["b"]]);
}

#[test]
fn a_claim_in_doubt_is_in_the_journal_once() {
    let keys = Keys::new();
    let (proxy, url) = Proxy::before(&keys::url());
    let store = started(keys.options().url(url));
    let other = keys.open();
    add(&other, "a", Some(second(1)));
    assert!(claim(&store, || proxy.lose_responses()).unwrap_err().is_retryable());
    proxy.mend();
    let settled = loop {
        // A connection may still be found broken.
        match claim(&store, || ()) {
            Err(error) => assert!(error.is_retryable(), "{}", error.chain()),
            Ok(claims) => break claims,
        }
    };
    let won = |claim: &Claim| claim.outcome.first_run.unwrap();
    let won: Vec<RunId> = settled.won.iter().map(won).collect();
    assert_eq!(open_jobs(&other), [["a"]]);
    let journal = ledger(&other).journal(ME, 100).unwrap();
    assert_eq!(won, [journal[0].entries[0].first_run]);
}

#[test]
fn a_claim_in_doubt_that_never_arrived_is_not_in_the_journal() {
    let keys = Keys::new();
    let (proxy, url) = Proxy::before(&keys::url());
    let store = started(keys.options().url(url));
    let other = keys.open();
    add(&other, "a", Some(second(1)));
    assert!(claim(&store, || proxy.cut()).unwrap_err().is_retryable());
    assert!(open_jobs(&other).is_empty());
    proxy.mend();
    let claims = loop {
        match claim(&store, || ()) {
            Err(error) => assert!(error.is_retryable(), "{}", error.chain()),
            Ok(claims) => break claims,
        }
    };
    assert_eq!(claims.won.len(), 1);
    assert_eq!(open_jobs(&other), [["a"]]);
}

#[test]
fn an_emptied_server_is_noticed_and_records_are_kept_again() {
    let keys = Keys::new();
    let store = keys.open();
    let kept = record("a", second(1));
    append(&store, std::slice::from_ref(&kept));
    keys::remove(&keys.0);
    let lost = record("a", second(2));
    let error =
        ledger(&store).append(ME, &Writes::new().records(std::slice::from_ref(&lost))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreReplaced, "{}", error.chain());
    append(&store, std::slice::from_ref(&lost));
    assert_eq!(ledger(&store).runs(&RunQuery::new()).unwrap(), [lost]);
    // The scheduler learns it as well.
    assert_eq!(claim(&store, || ()).unwrap_err().kind(), ErrorKind::StoreReplaced);
}

#[test]
fn a_user_who_may_only_read_lists_runs() {
    let keys = Keys::new();
    let store = keys.open();
    add(&store, "a", Some(second(1)));
    claim(&store, || ()).unwrap();
    append(&store, &[record("b", second(2))]);
    let reader = RedisJobStore::with_options(keys.user()).unwrap();
    execute(&["ACL", "SETUSER", &keys.0, "-@all", "+@read", "+@connection"]);
    reader.start_read_only("default").unwrap();
    let runs = ledger(&reader).runs(&RunQuery::new()).unwrap();
    let states: Vec<RunState> = runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Claimed, RunState::Ok]);
    assert!(ledger(&reader).journal(ME, 10).unwrap().len() == 1);
    assert!(ledger(&reader).owners().unwrap().is_empty());
    assert!(ledger(&reader).open_runs(&OpenQuery::new().job("a")).unwrap().is_empty());
    assert_eq!(ledger(&reader).next_open().unwrap(), None);
    assert!(ledger(&reader).append(ME, &Writes::new().records(&runs[1..])).is_err());
}

#[test]
fn any_text_is_the_id_of_a_job() {
    let keys = Keys::new();
    let store = keys.open();
    let ids = ["", " ", "a", "a ok ", "1:a", "ok", "a\0b", "two\nlines", "\u{1F4A5}!", "+", "a:1"];
    let records: Vec<RunRecord> =
        ids.iter().zip(0..).map(|(id, time)| record(id, second(time))).collect();
    append(&store, &records);
    for (id, record) in ids.iter().zip(&records) {
        let runs = ledger(&store).runs(&RunQuery::new().job(*id)).unwrap();
        assert_eq!(runs, std::slice::from_ref(record), "{id:?}");
    }
    let all = ledger(&store).runs(&RunQuery::new()).unwrap();
    assert!(all.iter().eq(records.iter().rev()));
    let none = Retention::default().keep_last(0);
    let removed = ledger(&store).prune(second(100 * 24 * 3600), &none, 100).unwrap();
    assert_eq!(removed, ids.len());
    let records = ["jobs.runs", "jobs.runs.by_state", "jobs.runs.by_job", "jobs.runs.kept"];
    assert!(!any_exists(&keys, &records));
}

/// Each row has entries in the index, which go with it.
#[test]
fn open_runs_leave_nothing_behind() {
    let keys = Keys::new();
    let store = keys.open();
    let ids = ["", "a", "a claimed ", "1:a", "a\0b", "two\nlines"];
    let runs: Vec<OpenRun> = ids
        .iter()
        .zip(0..)
        .map(|(id, time)| OpenRun::new(RunId::new(second(time)), *id, second(time), ME, "{}"))
        .collect();
    let carry_out = |steps: Vec<OpenStep>| {
        ledger(&store).append(ME, &Writes::new().steps(&steps)).unwrap();
    };
    let of_job = |run: &OpenRun, state| {
        let query = OpenQuery::new().job(Arc::clone(&run.job_id)).state(state);
        ledger(&store).open_runs(&query).unwrap()
    };
    carry_out(runs.iter().cloned().map(OpenStep::add).collect());
    assert!(runs.iter().all(|run| of_job(run, OpenState::Claimed) == std::slice::from_ref(run)));
    let waiting = |run: &OpenRun| run.clone().attempt(2).waiting(second(99));
    carry_out(runs.iter().map(|run| OpenStep::change(run.mark(), waiting(run))).collect());
    assert!(runs.iter().all(|run| of_job(run, OpenState::Claimed).is_empty()));
    assert!(runs.iter().all(|run| of_job(run, OpenState::Waiting) == [waiting(run)]));
    let other = OwnerId::random();
    let claimed = ledger(&store).claim_open(other, second(99), usize::MAX).unwrap();
    assert_eq!(claimed.len(), runs.len());
    assert!(ledger(&store).open_runs(&OpenQuery::new().owner(ME)).unwrap().is_empty());
    assert_eq!(ledger(&store).open_runs(&OpenQuery::new().owner(other)).unwrap(), claimed);
    carry_out(claimed.iter().map(|run| OpenStep::end(run.run_id, run.mark())).collect());
    assert!(!any_exists(&keys, &["jobs.open", "jobs.open.index", "jobs.open.due"]));
}

#[test]
fn large_results_and_many_records_are_appended_at_once() {
    let keys = Keys::new();
    let store = keys.open();
    let result = "x".repeat(64 * 1024);
    let records: Vec<RunRecord> =
        (0..300).map(|time| record("a", second(time)).result(result.as_str())).collect();
    append(&store, &records);
    let many: Vec<RunRecord> = (0..2500).map(|time| record("b", second(time))).collect();
    append(&store, &many);
    for (job, records) in [("a", &records), ("b", &many)] {
        let runs = ledger(&store).runs(&RunQuery::new().job(job).limit(5000)).unwrap();
        assert!(runs.iter().eq(records.iter().rev()), "{job}");
    }
    let runs = ledger(&store).runs(&RunQuery::new().run(records[7].run_id)).unwrap();
    assert_eq!(runs, records[7..8]);
}

/// Each call of the script looks at a part of the records only.
#[test]
fn records_of_many_idle_jobs_do_not_hide_old_ones() {
    let keys = Keys::new();
    let store = keys.open();
    let ids: Vec<String> = (0..2500).map(|number| format!("job {number:04}")).collect();
    let idle: Vec<RunRecord> = ids.iter().map(|id| record(id, second(1))).collect();
    append(&store, &idle);
    append(&store, &[2, 3, 4].map(|time| record("busy", second(time))));
    let retention = Retention::default().keep_last(1);
    let later = second(100 * 24 * 3600);
    let prune = |limit| ledger(&store).prune(later, &retention, limit).unwrap();
    assert_eq!((prune(1), prune(10), prune(10)), (1, 1, 0));
    // All idle jobs run again, and each call looks at some of them.
    let again: Vec<RunRecord> = ids.iter().map(|id| record(id, later)).collect();
    append(&store, &again);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut removed = 0;
    while removed < idle.len() {
        removed += prune(1000);
        assert!(Instant::now() < deadline, "only {removed} were removed");
    }
    let left = ledger(&store).runs(&RunQuery::new().limit(10_000)).unwrap();
    assert_eq!(left.len(), ids.len() + 1);
}
