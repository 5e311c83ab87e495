//! The ledger: its keys, its limits, and records that somebody has edited.

use std::sync::Arc;

use apscheduler_core::ledger::{
    Appended, Batch, OpenQuery, OpenStep, Retention, RunLedger, RunQuery, RunRecord, RunState,
    Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{ClaimOutcome, ClaimRequest, Decision, JobStore as _, NextRun};
use apscheduler_core::time::Timestamp;
use apscheduler_store_etcd::EtcdJobStore;
use chrono::TimeDelta;

use crate::{Path, add, second};

const ME: OwnerId = OwnerId::from_u128(7);

fn ledger(store: &EtcdJobStore) -> Arc<dyn RunLedger> {
    store.ledger().unwrap()
}

fn record(job: &str, time: Timestamp) -> RunRecord {
    RunRecord::new(RunId::new(time), job, time, ME, RunState::Ok)
}

fn append(store: &EtcdJobStore, writes: &Writes<'_>) {
    assert_eq!(ledger(store).append(ME, writes).unwrap(), Appended::Written);
}

/// Claims all due jobs in a batch, with `times` run times and this data of open runs.
fn claim(store: &EtcdJobStore, times: usize, data: Option<&str>) -> (Batch, RunId) {
    let (now, data) = (second(10), data.map(Arc::<str>::from));
    let (batch, first) = (Batch::new(ME, now), RunId::reserve(now, times));
    let due = ClaimRequest::new(now, 100).batch(batch);
    let claims = store.claim_due(&due, &mut |record| {
        let times = vec![record.next_run_time.unwrap(); times];
        let outcome = ClaimOutcome::new(times, NextRun::At(second(60))).first_run(first);
        Decision::Claim(outcome.batch(batch.id).open(data.clone()))
    });
    assert_eq!(claims.unwrap().won.len(), 1);
    (batch, first)
}

#[test]
fn the_rows_of_a_claim_share_large_data() {
    let path = Path::new();
    let store = path.open();
    add(&store, "a", Some(second(1)));
    let data = format!("{{\"text\":\"{}\"}}", "x".repeat(100_000));
    claim(&store, 300, Some(&data));
    assert_eq!(path.keys("open-data/").len(), 1);
    let rows = ledger(&store).open_runs(&OpenQuery::new()).unwrap();
    assert_eq!(rows.len(), 300);
    assert!(rows.iter().all(|row| &*row.data == data.as_str()));
    let (now, retention) = (second(20), Retention::default());
    ledger(&store).prune(now, &retention, 100).unwrap();
    assert_eq!(path.keys("open-data/").len(), 1, "it is still needed");
    let steps: Vec<OpenStep> =
        rows.iter().map(|row| OpenStep::end(row.run_id, row.mark())).collect();
    append(&store, &Writes::new().steps(&steps));
    ledger(&store).prune(now, &retention, 100).unwrap();
    assert_eq!(path.keys("open-data/"), []);
    assert_eq!(path.keys("open"), []);
}

#[test]
fn a_long_result_is_cut() {
    let path = Path::new();
    let store = path.open();
    let long = record("a", second(1)).result("\u{e9}".repeat(1024 * 1024));
    append(&store, &Writes::new().records(&[long]));
    let found = ledger(&store).runs(&RunQuery::new()).unwrap();
    assert_eq!(found[0].result.as_ref().unwrap().len(), 512 * 1024);
}

#[test]
fn many_records_are_written_and_removed() {
    let path = Path::new();
    let store = path.open();
    let records: Vec<RunRecord> = (0..2500)
        .map(|number| {
            let at = second(number);
            let mut record = record(&format!("job{}", number % 3), at).claimed(at);
            if number % 5 == 0 {
                record.state = RunState::Failed;
            }
            record
        })
        .collect();
    append(&store, &Writes::new().records(&records));
    let listed = ledger(&store).runs(&RunQuery::new().limit(3000)).unwrap();
    assert!(listed.iter().eq(records.iter().rev()));
    let failed = RunQuery::new().state(RunState::Failed).job("job1").limit(3000);
    assert_eq!(ledger(&store).runs(&failed).unwrap().len(), 166);
    let later = second(0) + TimeDelta::days(1000);
    let retention = Retention::default().keep_last(5);
    let mut removed = 0;
    while removed < 2485 {
        let piece = ledger(&store).prune(later, &retention, 700).unwrap();
        assert!(piece > 0 && piece <= 700, "{piece}");
        removed += piece;
    }
    assert_eq!(ledger(&store).runs(&RunQuery::new()).unwrap().len(), 15);
    assert_eq!(ledger(&store).prune(later, &retention, 700).unwrap(), 0);
    assert_eq!(path.keys("record").len(), 30, "each has two keys");
}

/// The end of a long range is found by halving it.
#[test]
fn the_oldest_of_many_records_are_removed_first() {
    let path = Path::new();
    let store = path.open();
    let records: Vec<RunRecord> = (0..6000).map(|number| record("a", second(number))).collect();
    append(&store, &Writes::new().records(&records));
    let later = second(0) + TimeDelta::days(1000);
    assert_eq!(ledger(&store).prune(later, &Retention::default(), 100).unwrap(), 100);
    let left = ledger(&store).runs(&RunQuery::new().limit(10_000)).unwrap();
    assert!(left.iter().eq(records[100..].iter().rev()));
}

#[test]
fn a_closed_batch_leaves_nothing() {
    let path = Path::new();
    let store = path.open();
    add(&store, "a", Some(second(1)));
    let (batch, run) = claim(&store, 1, None);
    assert_eq!((path.keys("journal/").len(), path.keys("busy/").len()), (1, 1));
    let ended = RunRecord::new(run, "a", second(1), ME, RunState::Ok);
    append(&store, &Writes::new().records(&[ended]).closed(&[batch.id]));
    assert_eq!((path.keys("journal/").len(), path.keys("busy/").len()), (0, 0));
}

#[test]
fn a_batch_that_wins_nothing_leaves_nothing() {
    let path = Path::new();
    let (store, other) = (path.open(), path.open());
    add(&store, "a", Some(second(1)));
    let batch = Batch::new(ME, second(10));
    let due = ClaimRequest::new(second(10), 100).batch(batch);
    let claims = store.claim_due(&due, &mut |record| {
        other.remove_job("a").unwrap();
        let outcome = ClaimOutcome::new(record.next_run_time.unwrap(), NextRun::At(second(60)));
        Decision::Claim(outcome.first_run(RunId::new(second(10))).batch(batch.id))
    });
    assert!(claims.unwrap().won.is_empty());
    assert_eq!((path.keys("journal/").len(), path.keys("busy/").len()), (0, 0));
}

#[test]
fn a_sign_of_life_is_later_than_the_last_whatever_the_clock_says() {
    let path = Path::new();
    let store = path.open();
    let owner = Owner::new("shop", "host1", 1);
    let far = "alive 9000000000000000 1000000 {\"name\":\"shop\",\"host\":\"host1\",\"pid\":1}";
    path.put(&format!("owner/{}", owner.id), far);
    ledger(&store).heartbeat(&owner, std::time::Duration::from_secs(1)).unwrap();
    let owners = ledger(&store).owners().unwrap();
    assert_eq!(owners[0].heartbeat.timestamp_micros(), 9_000_000_000_000_001);
}

#[test]
fn damaged_records_are_left_out() {
    let path = Path::new();
    let store = path.open();
    append(&store, &Writes::new().records(&[record("a", second(1)), record("a", second(2))]));
    let key = path.keys("record/").remove(0).0;
    path.put(&key, "oops");
    path.put("record/ok/oops", "oops");
    path.put("open/oops", "oops");
    path.put("owner/oops", "oops");
    assert_eq!(ledger(&store).runs(&RunQuery::new()).unwrap().len(), 1);
    assert!(ledger(&store).open_runs(&OpenQuery::new()).unwrap().is_empty());
    assert!(ledger(&store).owners().unwrap().is_empty());
    ledger(&store).prune(second(5), &Retention::default(), 10).unwrap();
    assert!(path.keys("record/").iter().any(|(_, value)| value == "oops"), "nothing is removed");
}
