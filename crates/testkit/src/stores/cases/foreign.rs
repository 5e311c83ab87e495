//! Foreign code never runs under a lock of the store: stored values may call it when they are
//! dropped, and so may `decide`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::job::JobBuilder;
use apscheduler_core::store::{ClaimRequest, Decision, JobPayload, JobStore, NewRecord, NextRun};
use apscheduler_engine::schedulers::BackgroundScheduler;

use super::actions::{add, claim, find, ids, list, take};
use crate::CallsWhenDropped;
use crate::patience::in_time;
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::{Records, second};

cases! { "foreign":
    Place a_job_that_is_dropped_may_call_the_store [KeepsLiveJobs],
    Place a_decision_may_call_the_store [KeepsLiveJobs],
}

/// Returns a job with a closure that calls the store when it is dropped.
fn state(store: &Arc<dyn JobStore>, dropped: &Arc<AtomicUsize>) -> JobPayload {
    let (store, dropped) = (Arc::downgrade(store), Arc::clone(dropped));
    let guard = CallsWhenDropped::new(move || {
        if let Some(store) = store.upgrade() {
            store.lookup_job("other").expect("it is looked up");
            store.next_run_time(None).expect("a time");
        }
        dropped.fetch_add(1, Ordering::SeqCst);
    });
    let scheduler: BackgroundScheduler = BackgroundScheduler::new();
    let job = scheduler.add_job(JobBuilder::new(move || {
        let _held = &guard;
    }));
    let job = job.expect("a valid job");
    JobPayload::Live(Arc::clone(job.spec().expect("a job that waits is not broken")))
}

fn a_job_that_is_dropped_may_call_the_store(place: &Place<'_>) {
    type Action = fn(&Arc<dyn JobStore>);
    let actions: [(&str, Action); 7] = [
        ("removed", |store| assert!(store.remove_job("a").expect("removed"))),
        ("removed with all", |store| store.remove_all_jobs().expect("removed")),
        ("changed", |store| {
            let mut record = find(&**store, "a");
            record.payload = Records::of(&**store).state(1);
            assert!(store.update_job(&record).expect("changed"));
        }),
        ("replaced", |store| {
            let mut record = Records::of(&**store).new_record("a", None);
            record.replace = true;
            store.add_jobs(vec![record]).expect("replaced");
        }),
        ("finished", |store| {
            let claims = claim(&**store, second(1), 10, |record| take(record, NextRun::Finished));
            assert_eq!(claims.won.len(), 1);
        }),
        ("changed while it is decided on", |store| {
            let claims = claim(&**store, second(1), 10, |record| {
                store.remove_job("a").expect("removed");
                take(record, NextRun::Finished)
            });
            assert!(claims.won.is_empty(), "it was removed before it was claimed");
        }),
        ("shut down", |store| {
            store.remove_all_jobs().expect("removed");
            store.shutdown().expect("shut down");
        }),
    ];
    for (what, action) in actions {
        let (store, dropped) = (place.open().shared(), Arc::new(AtomicUsize::new(0)));
        let record =
            |id: &str, dropped| NewRecord::new(id, Some(second(0)), state(&store, dropped));
        store.add_jobs(vec![record("a", &dropped)]).expect("a new job");
        let acting = Arc::clone(&store);
        in_time(what, move || action(&acting));
        assert_eq!(dropped.load(Ordering::SeqCst), 1, "{what}");
    }
    let (store, dropped) = (place.open().shared(), Arc::new(AtomicUsize::new(0)));
    add(&*store, &[("a", None)]);
    let records = ["x", "a", "y"].map(|id| NewRecord::new(id, None, state(&store, &dropped)));
    let acting = Arc::clone(&store);
    in_time("refused", move || acting.add_jobs(records.into()).expect_err("`a` is there"));
    assert_eq!(dropped.load(Ordering::SeqCst), 3, "refused");
    assert_eq!(ids(&list(&*store)), ["a"]);
}

fn a_decision_may_call_the_store(place: &Place<'_>) {
    let store = place.open().shared();
    add(&*store, &[("a", Some(second(0))), ("b", Some(second(0))), ("c", Some(second(0)))]);
    let acting = Arc::clone(&store);
    let claims = in_time("a decision that calls the store", move || {
        let due = ClaimRequest::new(second(1), 10);
        acting.claim_due(&due, &mut |record| {
            assert_eq!(find(&*acting, &record.id).revision, record.revision);
            let new = format!("{} again", record.id);
            add(&*acting, &[(&new, Some(second(100)))]);
            match &*record.id {
                "a" => Decision::Leave,
                "b" => {
                    let mut changed = find(&*acting, "b");
                    changed.next_run_time = Some(second(50));
                    assert!(acting.update_job(&changed).expect("changed"));
                    take(record, NextRun::At(second(60)))
                }
                _ => take(record, NextRun::At(second(60))),
            }
        })
    });
    let claims = claims.expect("due jobs are claimed").won;
    assert_eq!(claims.len(), 1, "`b` was changed before it was claimed");
    assert_eq!(&*claims[0].record.id, "c");
    assert_eq!(find(&*store, "b").next_run_time, Some(second(50)));
    assert_eq!(find(&*store, "c").next_run_time, Some(second(60)));
    assert_eq!(list(&*store).len(), 6);
}
