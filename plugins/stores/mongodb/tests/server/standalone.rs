//! Servers that are not a replica set.

use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::ledger::{RunQuery, RunState, Writes};
use apscheduler_core::run::OwnerId;
use apscheduler_core::store::{JobStore, NextRun};
use apscheduler_core::time::Clock as _;
use apscheduler_testkit::stores::records::second;

use crate::calls::{Place, add, claim_batch, ledger, listed, new, open, started, watch};
use crate::way::{command, proxy, through};
use crate::wire::{Pass, Proxy};

/// Makes the server look like one that is not a replica set, and has neither transactions nor change streams.
fn standalone() -> Proxy {
    let proxy = proxy();
    proxy.on_answers(|message| {
        let name = b"setName\0";
        let places: Vec<usize> = (0..message.len().saturating_sub(name.len()))
            .filter(|place| message[*place..].starts_with(name))
            .collect();
        for place in places {
            message[place..place + 7].copy_from_slice(b"setNone");
        }
        Pass::On
    });
    proxy.on_requests(|message| {
        let stream = b"$changeStream";
        let forbidden = command(message) == "commitTransaction"
            || message.windows(stream.len()).any(|bytes| bytes == stream);
        assert!(!forbidden, "{} to a standalone server", command(message));
        Pass::On
    });
    proxy
}

#[test]
fn a_standalone_server_adds_all_or_none() {
    let (place, proxy) = (Place::new(), standalone());
    let store = started(through(&proxy, &place));
    add(&store, "old", Some(second(1)));
    add(&store, "taken", Some(second(2)));
    let before = listed(&store);
    let batch = |id| vec![new("new", None, false), new("old", None, true), new(id, None, false)];
    let error = store.add_jobs(batch("taken")).unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::ConflictingId, Some("taken")));
    assert_eq!(listed(&store), before);
    store.add_jobs(batch("free")).unwrap();
    let ids: Vec<String> = listed(&store).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["taken", "free", "new", "old"]);
}

#[test]
fn a_standalone_server_keeps_a_ledger() {
    let (place, proxy) = (Place::new(), standalone());
    let store = started(through(&proxy, &place));
    let owner = OwnerId::random();
    add(&store, "a", Some(second(1)));
    let (batch, _) = claim_batch(&store, owner, second(1), NextRun::Finished).unwrap();
    let state = || {
        let runs = ledger(&store).runs(&RunQuery::new()).unwrap();
        runs.iter().map(|run| run.state).collect::<Vec<_>>()
    };
    assert_eq!(state(), [RunState::Claimed]);
    let records = open(&store, owner, RunState::Ok);
    ledger(&store).append(owner, &Writes::new().records(&records).closed(&[batch])).unwrap();
    assert_eq!(state(), [RunState::Ok]);
    assert!(open(&store, owner, RunState::Ok).is_empty());
}

#[test]
fn a_standalone_server_is_polled_for_changes() {
    let (place, proxy) = (Place::new(), standalone());
    let store =
        started(through(&proxy, &place).poll_interval(std::time::Duration::from_millis(100)));
    let other = place.open();
    add(&store, "later", Some(second(9)));
    let (watch, told) = watch(&store);
    let silence = told.recv_timeout(Duration::from_millis(900));
    assert!(silence.is_err(), "nothing has changed");
    add(&other, "sooner", Some(second(1)));
    told.recv_timeout(Duration::from_secs(5)).expect("a new earliest job is reported");
    while told.try_recv().is_ok() {}
    assert!(other.remove_job("sooner").unwrap());
    told.recv_timeout(Duration::from_secs(5)).expect("its removal is reported");
    drop(watch);
}

/// The machine's clock may be before or after 2027; both kinds of jobs are after the one that was set aside.
#[test]
fn a_change_after_a_job_that_was_set_aside_is_reported() {
    let (place, proxy) = (Place::new(), standalone());
    let store =
        started(through(&proxy, &place).poll_interval(std::time::Duration::from_millis(100)));
    let other = place.open();
    let past = apscheduler_testkit::stores::records::instant("2001-01-01T00:00:00Z");
    let far = apscheduler_testkit::stores::records::instant("2090-01-01T00:00:00Z");
    add(&store, "set aside", Some(past));
    add(&store, "far", Some(far));
    let (watch, told) = watch(&store);
    assert!(told.recv_timeout(Duration::from_millis(900)).is_err(), "nothing has changed");
    let record = other.lookup_job("far").unwrap().unwrap();
    let now = apscheduler_core::time::SystemClock.now();
    let run = record.with_next_run_time(Some(now));
    assert!(other.update_job(&run).unwrap());
    told.recv_timeout(Duration::from_secs(5)).expect("a job that is due now is reported");
    drop(watch);
}
