//! The ledger: large batches, many records, damaged records.

use apscheduler_core::ledger::{
    Batch, OpenQuery, Retention, RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{ClaimOutcome, ClaimRequest, Decision, JobStore as _, NextRun};

use crate::{Place, many, place, second};

const ME: OwnerId = OwnerId::from_u128(7);

fn ok(job: &str, at: i64) -> RunRecord {
    RunRecord::new(RunId::new(second(at)), job, second(at), ME, RunState::Ok)
}

/// The journal of a batch is in several nodes, and is one.
#[test]
fn a_large_batch_is_one_in_the_journal() {
    let place = Place::new();
    let store = place.open();
    store.add_jobs(many(1000, |_| Some(second(1)))).unwrap();
    let batch = Batch::new(ME, second(2));
    let first = RunId::reserve(second(2), 1000);
    let mut count = 0;
    let claims = store.claim_due(&ClaimRequest::new(second(2), 2000).batch(batch), &mut |_| {
        let outcome = ClaimOutcome::new(second(1), NextRun::At(second(60)));
        count += 1;
        let outcome = outcome.first_run(first.nth(count - 1)).batch(batch.id);
        // Every tenth has a row.
        let data = (count % 10 == 0).then(|| "{}".into());
        Decision::Claim(outcome.open(data))
    });
    assert_eq!(claims.unwrap().won.len(), 1000);
    let ledger = store.ledger().unwrap();
    let journal = ledger.journal(ME, 10).unwrap();
    assert_eq!((journal.len(), journal[0].batch, journal[0].entries.len()), (1, batch, 1000));
    assert_eq!(ledger.open_runs(&OpenQuery::new()).unwrap().len(), 100);
    let open = RunQuery::new().state(RunState::Claimed).limit(2000);
    assert_eq!(ledger.runs(&open).unwrap().len(), 1000);
    let records: Vec<RunRecord> = journal[0].records(RunState::Failed).collect();
    let (some, rest) = records.split_at(500);
    let append = |records: &[RunRecord], closed: &[_]| {
        ledger.append(ME, &Writes::new().records(records).closed(closed)).unwrap();
    };
    append(some, &[]);
    assert_eq!(ledger.runs(&open).unwrap().len(), 500);
    for _ in 0..2 {
        // The call is repeated if its answer was lost.
        append(rest, &[batch.id]);
        assert!(ledger.journal(ME, 10).unwrap().is_empty());
        let failed = RunQuery::new().state(RunState::Failed).limit(2000);
        assert_eq!(ledger.runs(&failed).unwrap().len(), 1000);
    }
}

#[test]
fn records_are_found_by_job_among_many() {
    let place = Place::new();
    let store = place.open();
    let ledger = store.ledger().unwrap();
    let mut records: Vec<RunRecord> =
        (0..5000).map(|number| ok(&format!("job{}", number % 500), number * 60)).collect();
    records.push(ok("seldom", 30));
    ledger.append(ME, &Writes::new().records(&records)).unwrap();
    assert_eq!(ledger.runs(&RunQuery::new().job("seldom")).unwrap(), records[5000..]);
    let of_job: Vec<_> =
        records.iter().rev().filter(|record| &*record.job_id == "job7").cloned().collect();
    assert_eq!(ledger.runs(&RunQuery::new().job("job7")).unwrap(), of_job);
    assert_eq!(ledger.runs(&RunQuery::new().run(records[77].run_id)).unwrap(), records[77..78]);
    let latest: Vec<_> = records[..5000].iter().rev().take(100).cloned().collect();
    assert_eq!(ledger.runs(&RunQuery::new()).unwrap(), latest);
    // All are old, and of each job two are kept.
    let retention = Retention::default().keep_last(2).max_ok(10);
    let now = second(400 * 86_400);
    let mut removed = 0;
    loop {
        let count = ledger.prune(now, &retention, 700).unwrap();
        removed += count;
        if count == 0 {
            break;
        }
    }
    assert_eq!(removed, 4000);
    assert_eq!(ledger.runs(&RunQuery::new().job("job7")).unwrap(), of_job[..2]);
}

#[test]
fn a_damaged_record_is_set_aside() {
    let place = Place::new();
    let store = place.open();
    let ledger = store.ledger().unwrap();
    let records = [ok("a", 1), ok("b", 2)];
    ledger.append(ME, &Writes::new().records(&records)).unwrap();
    place::with_client(async |client| {
        let runs = format!("{}/runs", place::base(client, &place.0).await);
        let run = records[0].run_id.to_string();
        let all = place::all(client, &runs).await;
        let node = all.into_iter().find(|node| node.contains(&run)).unwrap();
        client.set_data(&node, b"oops", None).await.unwrap();
    });
    assert_eq!(ledger.runs(&RunQuery::new()).unwrap(), records[1..]);
    // It still counts as the record of its run.
    ledger.append(ME, &Writes::new().records(&records)).unwrap();
    assert_eq!(ledger.runs(&RunQuery::new()).unwrap(), records[1..]);
}
