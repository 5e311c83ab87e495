//! The connection to the server fails at critical moments.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::ledger::{Batch, OpenQuery};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{ClaimRequest, Claims, Decision, JobRecord, JobStore, NextRun};
use apscheduler_core::{Error, ErrorKind, Result};

use super::actions::{Patience, add, claim_all, claimed, find, ids, list, take, try_claim_all};
use crate::stores::case::cases;
use crate::stores::records::{Records, second};
use crate::stores::{Place, Proxy};

cases! { "outages":
    Place calls_work_again_when_the_server_is_back [Server],
    Place a_claim_that_never_arrived_claims_nothing [Server],
    Place a_claim_with_a_lost_response_is_not_lost [Server],
    Place a_claim_with_a_lost_response_waits_for_room [Server],
    Place a_claim_that_never_arrived_opens_no_runs [Server, OpenRuns],
    Place a_claim_with_a_lost_response_opens_its_runs_once [Server, OpenRuns],
    Place an_added_job_with_a_lost_response_is_an_error_and_may_exist [Server],
    Place an_unreachable_server_is_reported_once [Server],
}

fn claim(store: &dyn JobStore, mut decide: impl FnMut(&JobRecord) -> Decision) -> Result<Claims> {
    store.claim_due(&ClaimRequest::new(second(10), 100), &mut decide)
}

/// Returns the result of `call` once the server is reachable again: a pool may have to detect that
/// first.
fn when_it_is_back<T>(mut call: impl FnMut() -> Result<T>) -> T {
    let patience = Patience::new("the store works again");
    loop {
        match call() {
            Ok(value) => return value,
            Err(error) => assert_retryable(&error),
        }
        patience.check();
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn assert_retryable(error: &Error) {
    assert!(error.is_retryable(), "it must be retryable: {}", error.chain());
    assert_no_cause_is_repeated(error);
}

/// Asserts that no cause is repeated: some clients include their causes in their own messages, or
/// are their own cause.
fn assert_no_cause_is_repeated(error: &Error) {
    let first: &(dyn std::error::Error + 'static) = error;
    let texts: Vec<String> = std::iter::successors(Some(first), |error| error.source())
        .map(|error| error.to_string().to_lowercase())
        .collect();
    for (place, text) in texts.iter().enumerate() {
        let others = texts.iter().enumerate().filter(|(other, _)| *other != place);
        for (_, other) in others {
            assert!(!text.contains(other.as_str()), "{other:?} is repeated: {}", error.chain());
        }
    }
}

fn calls_work_again_when_the_server_is_back(place: &Place<'_>) {
    let (store, proxy) = place.open_through_proxy();
    add(&*store, &[("a", Some(second(1)))]);
    for _ in 0..2 {
        proxy.cut();
        assert_retryable(&store.lookup_job("a").expect_err("the server is unreachable"));
        assert_retryable(&claim(&*store, |_| panic!("nothing is seen")).expect_err("unreachable"));
        proxy.mend();
        assert!(when_it_is_back(|| store.lookup_job("a")).is_some());
    }
    // Idle connections that died are detected, and no call has to be repeated for them.
    proxy.cut();
    proxy.mend();
    assert_eq!(ids(&store.get_jobs(None, 10).expect("listed")), ["a"]);
}

fn a_claim_that_never_arrived_claims_nothing(place: &Place<'_>) {
    let (store, proxy) = place.open_through_proxy();
    let other = place.open();
    add(&*other, &[("a", Some(second(1))), ("b", Some(second(2)))]);
    let lost = claim(&*store, |record| {
        proxy.cut();
        take(record, NextRun::At(second(60)))
    });
    assert_retryable(&lost.expect_err("the claim can't have been written"));
    assert_eq!(find(&*other, "a").next_run_time, Some(second(1)));
    // Another process claims the one, and this one the rest.
    let first = when_it_is_back(|| {
        // The server may still hold the locks of the lost connection.
        let batch = claim_all(&*other, second(1), 1, |record| take(record, NextRun::Finished));
        if batch.is_empty() { Err(still_locked()) } else { Ok(batch) }
    });
    assert_eq!(claimed(&first), ["a"]);
    proxy.mend();
    let claims = when_it_is_back(|| {
        let batch = claim(&*store, |record| take(record, NextRun::Finished))?;
        if batch.won.is_empty() { Err(still_locked()) } else { Ok(batch.won) }
    });
    assert_eq!(claimed(&claims), ["b"]);
    assert!(list(&*other).is_empty());
}

fn still_locked() -> Error {
    Error::new(ErrorKind::Unavailable, "still locked")
}

/// Claims `a`, which runs again, and `b`, which has finished, and loses the response: only the
/// server knows the outcome.
fn lose_next_response(store: &dyn JobStore, other: &dyn JobStore, proxy: &Proxy) {
    add(other, &[("a", Some(second(1))), ("b", Some(second(2)))]);
    let lost = claim(store, |record| {
        proxy.lose_responses();
        let next = if &*record.id == "a" { NextRun::At(second(60)) } else { NextRun::Finished };
        take(record, next)
    });
    assert_retryable(&lost.expect_err("the response was lost"));
    let patience = Patience::new("the server has written the claim");
    while !list(other).iter().map(|record| record.next_run_time).eq([Some(second(60))]) {
        patience.check();
        std::thread::sleep(Duration::from_millis(5));
    }
    // For other handles, the claim is valid.
    let claims = claim_all(other, second(10), 100, |record| panic!("{} is due", record.id));
    assert!(claims.is_empty());
}

fn a_claim_with_a_lost_response_is_not_lost(place: &Place<'_>) {
    let (store, proxy) = place.open_through_proxy();
    let other = place.open();
    lose_next_response(&*store, &*other, &proxy);
    // As long as the server is unreachable, the outcome is unknown, and nothing is forgotten.
    for _ in 0..2 {
        assert_retryable(&claim(&*store, |_| panic!("nothing is seen")).expect_err("unreachable"));
    }
    proxy.mend();
    let claims = when_it_is_back(|| {
        try_claim_all(&*store, second(10), 100, |record| {
            take(record, NextRun::At(second(1_000_000)))
        })
    });
    assert_eq!(claimed(&claims), ["a", "b"]);
    assert_eq!(claims[0].record.next_run_time, Some(second(1)), "the fire that was claimed");
    assert_eq!(claims[0].outcome.run_times.as_slice(), [second(1)]);
    assert_eq!(claims[0].outcome.next, NextRun::At(second(60)), "what was written");
    assert_eq!(claims[1].outcome.next, NextRun::Finished);
    let again = claim_all(&*store, second(10), 100, |record| panic!("{} is due", record.id));
    assert!(again.is_empty(), "they are handed out once");
    assert_eq!(find(&*other, "a").next_run_time, Some(second(60)));
}

fn a_claim_with_a_lost_response_waits_for_room(place: &Place<'_>) {
    let (store, proxy) = place.open_through_proxy();
    let other = place.open();
    lose_next_response(&*store, &*other, &proxy);
    proxy.mend();
    let none = when_it_is_back(|| claim(&*store, |_| Decision::Leave));
    assert!(none.won.is_empty());
    // Now another job is due as well.
    add(&*other, &[("c", Some(second(3)))]);
    let claims =
        claim_all(&*store, second(10), 100, |record| take(record, NextRun::At(second(1_000_000))));
    assert_eq!(claimed(&claims), ["a", "b", "c"]);
}

/// Claims the job `a` for a batch, with an open run, whose identifier is returned. `interrupt` is called before the claim is
/// written.
fn claim_open(
    store: &dyn JobStore,
    owner: OwnerId,
    interrupt: impl Fn(),
) -> (RunId, Result<Claims>) {
    let (batch, run) = (Batch::new(owner, second(10)), RunId::new(second(10)));
    let due = ClaimRequest::new(second(10), 100).batch(batch);
    let claims = store.claim_due(&due, &mut |record| {
        interrupt();
        match take(record, NextRun::At(second(60))) {
            Decision::Claim(outcome) => {
                Decision::Claim(outcome.first_run(run).batch(batch.id).open(Arc::from("{}")))
            }
            Decision::Leave => Decision::Leave,
        }
    });
    (run, claims)
}

/// Returns the open runs, and how many batches of this owner are in the journal.
fn recorded(store: &dyn JobStore, owner: OwnerId) -> (Vec<RunId>, usize) {
    let ledger = store.ledger().expect("the store has a ledger");
    let open = ledger.open_runs(&OpenQuery::new()).expect("listed");
    let journal = ledger.journal(owner, 10).expect("read");
    (open.iter().map(|run| run.run_id).collect(), journal.len())
}

fn a_claim_that_never_arrived_opens_no_runs(place: &Place<'_>) {
    let (store, proxy) = place.open_through_proxy();
    let (other, owner) = (place.open(), OwnerId::random());
    add(&*other, &[("a", Some(second(1)))]);
    let (_, lost) = claim_open(&*store, owner, || proxy.cut());
    assert_retryable(&lost.expect_err("the claim can't have been written"));
    assert_eq!(recorded(&*other, owner), (vec![], 0));
    proxy.mend();
    let run = when_it_is_back(|| {
        let (run, claims) = claim_open(&*store, owner, || ());
        if claims?.won.is_empty() { Err(still_locked()) } else { Ok(run) }
    });
    assert_eq!(recorded(&*other, owner), (vec![run], 1));
}

fn a_claim_with_a_lost_response_opens_its_runs_once(place: &Place<'_>) {
    let (store, proxy) = place.open_through_proxy();
    let (other, owner) = (place.open(), OwnerId::random());
    add(&*other, &[("a", Some(second(1)))]);
    let (run, lost) = claim_open(&*store, owner, || proxy.lose_responses());
    assert_retryable(&lost.expect_err("the response was lost"));
    let is_written = !place.harness().announces_open_runs();
    if is_written {
        let patience = Patience::new("the server has written the claim");
        while find(&*other, "a").next_run_time != Some(second(60)) {
            patience.check();
            std::thread::sleep(Duration::from_millis(5));
        }
        // They are written with the claim, although its caller does not know yet that it has won.
        assert_eq!(recorded(&*other, owner), (vec![run], 1));
    } else {
        assert_eq!(recorded(&*other, owner), (vec![], 0));
    }
    proxy.mend();
    let claims = when_it_is_back(|| claim_open(&*store, owner, || ()).1).won;
    assert_eq!(claimed(&claims), ["a"]);
    let won = claims[0].outcome.first_run.expect("as it was decided");
    assert_eq!(won == run, is_written);
    assert_eq!(recorded(&*other, owner), (vec![won], 1));
}

fn an_added_job_with_a_lost_response_is_an_error_and_may_exist(place: &Place<'_>) {
    let (store, proxy) = place.open_through_proxy();
    let other = place.open();
    add(&*store, &[("a", Some(second(1)))]);
    proxy.lose_responses();
    let records = Records::of(&*store);
    let error = store
        .add_jobs(vec![records.new_record("b", Some(second(2)))])
        .expect_err("the response was lost");
    assert_retryable(&error);
    proxy.mend();
    // Adding it again shows whether it exists.
    let again = when_it_is_back(|| match store.add_jobs(vec![records.new_record("b", None)]) {
        Err(error) if error.is_retryable() => Err(error),
        done => Ok(done),
    });
    assert_eq!(ids(&list(&*other)), ["a", "b"]);
    if let Err(error) = again {
        assert_eq!(error.kind(), ErrorKind::ConflictingId, "{error}");
    }
}

fn an_unreachable_server_is_reported_once(place: &Place<'_>) {
    let url = place.harness().url().expect("checked before the case was run");
    let (proxy, url) = Proxy::before(&url);
    proxy.cut();
    let store = place.harness().open_at(place.address(), &url);
    let error = store.start("default").expect_err("the server is unreachable");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert_retryable(&error);
}
