//! Many jobs: whatever does not fit into one request is split.

use std::time::{Duration, Instant};

use apscheduler_core::ErrorKind;
use apscheduler_core::store::{ClaimRequest, JobPayload, JobStore as _, NextRun};
use apscheduler_testkit::eventually;

use crate::{Place, claim, claim_all, ids, many, record, second};

const COUNT: usize = 20_000;

fn small(number: usize) -> i64 {
    number.try_into().unwrap()
}

#[test]
fn twenty_thousand_jobs_are_added_listed_claimed_and_removed() {
    let place = Place::new();
    let store = place.open();
    let time = |number: usize| (number % 4 != 3).then(|| second(small(number % 5000)));
    store.add_jobs(many(COUNT, time)).unwrap();
    let mut listed = ids(&store);
    assert_eq!(listed.len(), COUNT);
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(listed.len(), COUNT, "each once");
    let later = NextRun::At(second(100_000));
    assert_eq!(claim_all(&store, second(5000), later), COUNT / 4 * 3);
    assert_eq!(claim_all(&store, second(5000), later), 0, "each once");
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(100_000)));
    assert_eq!(claim_all(&store, second(100_000), NextRun::Finished), COUNT / 4 * 3);
    assert_eq!(ids(&store).len(), COUNT / 4, "the paused ones");
    store.remove_all_jobs().unwrap();
    assert!(ids(&store).is_empty());
    assert_eq!(store.next_run_time(None).unwrap(), None);
}

#[test]
fn a_wake_up_reads_what_is_due() {
    let place = Place::new();
    let store = place.open();
    // Hourly, daily and weekly jobs, and one that is due.
    let period = |number: usize| [3600, 86_400, 604_800][number % 3];
    let time = |number: usize| Some(second(60 + small(number) * 977 % period(number)));
    store.add_jobs(many(COUNT, time)).unwrap();
    let mut times = Vec::new();
    for round in 0..20 {
        store.add_jobs(vec![record("due", Some(second(round)))]).unwrap();
        let begin = Instant::now();
        let due = ClaimRequest::new(second(round), 1000);
        assert_eq!(claim(&store, &due, NextRun::Finished).won.len(), 1);
        assert_eq!(store.next_run_time(Some(second(round))).unwrap(), Some(second(60)));
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    // Reading all jobs takes seconds. The machine may be busy.
    assert!(times[0] < Duration::from_millis(200), "{times:?}");
}

#[test]
fn a_job_beyond_the_limit_of_the_server_is_refused() {
    let place = Place::new();
    let store = place.open();
    let large = JobPayload::Encoded(
        format!("{{\"version\":1,\"x\":\"{}\"}}", "x".repeat(1_100_000)).into(),
    );
    let error = store.add_jobs(vec![record("a", None).with_payload(large.clone())]).unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::Unsupported, Some("a")));
    assert!(error.to_string().contains("accepts up to 1000000"), "{error}");
    store.add_jobs(vec![record("a", None)]).unwrap();
    let found = store.lookup_job("a").unwrap().unwrap();
    let error = store.update_job(&found.with_payload(large)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // Nothing was sent, so the connection is as it was.
    assert_eq!(ids(&store), ["a"]);
}

#[test]
fn empty_folders_are_removed() {
    let place = Place::new();
    let store = place.open();
    let past = "2020-01-01T00:00:00Z".parse().unwrap();
    store.add_jobs(vec![record("a", Some(past))]).unwrap();
    store.remove_all_jobs().unwrap();
    let ledger = store.ledger().unwrap();
    eventually("the folders of the run time are removed", || {
        ledger.prune(second(0), &apscheduler_core::ledger::Retention::default(), 100).unwrap();
        crate::place::with_client(async |client| {
            let due = format!("{}/due", crate::place::base(client, &place.0).await);
            client.list_children(&due).await.unwrap().is_empty()
        })
    });
}
