//! Broken connections, and servers that are unreachable or slow.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apscheduler_core::store::{JobStore, NextRun};
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_mongodb::MongoDbJobStore;
use apscheduler_testkit::stores::records::second;

use crate::calls::{Place, add, claim, claimed, listed, new, started, wait_for, watch};
use crate::way::{command, parts, proxy, through};
use crate::wire::{Pass, Proxy};

/// The decisions to test.
fn nexts() -> [NextRun; 3] {
    [NextRun::At(second(60)), NextRun::At(second(90)), NextRun::Finished]
}

/// Applies `pass` to the next command with this name, and forwards all others.
fn once(proxy: &Proxy, name: &'static str, pass: Pass) {
    let mut is_done = false;
    proxy.on_requests(move |message| {
        if is_done || command(message) != name {
            return Pass::On;
        }
        is_done = true;
        pass
    });
}

fn assert_retryable(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(error.is_retryable());
}

/// Claims until the server is available again.
fn claim_at_last(store: &MongoDbJobStore, next: NextRun) -> Vec<String> {
    let mut ids = Vec::new();
    wait_for("the store works again", || match claim(store, second(1), next) {
        Ok(claims) => {
            ids = claimed(&claims).into_iter().map(str::to_owned).collect();
            true
        }
        Err(error) => {
            assert_retryable(&error);
            false
        }
    });
    ids
}

#[test]
fn a_claim_that_never_arrives_is_repeated() {
    let (place, proxy) = (Place::new(), proxy());
    let store = started(through(&proxy, &place));
    for next in nexts() {
        add(&store, "a", Some(second(1)));
        once(&proxy, "update", Pass::Cut);
        assert_retryable(&claim(&store, second(1), next).unwrap_err());
        assert_eq!(claim_at_last(&store, next), ["a"]);
        assert!(claim(&place.open(), second(1), next).unwrap().won.is_empty());
        store.remove_all_jobs().unwrap();
    }
}

#[test]
fn a_claim_with_a_lost_answer_is_returned_later() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    for next in nexts() {
        for id in ["a", "b", "c"] {
            add(&store, id, Some(second(1)));
        }
        once(&proxy, "update", Pass::OnAndCut);
        assert_retryable(&claim(&store, second(1), next).unwrap_err());
        wait_for("the server has executed it", || {
            other.next_run_time(None).unwrap() != Some(second(1))
        });
        assert!(claim(&other, second(1), next).unwrap().won.is_empty(), "it was claimed");
        assert_eq!(claim_at_last(&store, next), ["a", "b", "c"]);
        assert!(claim(&other, second(1), next).unwrap().won.is_empty());
        store.remove_all_jobs().unwrap();
    }
}

#[test]
fn changes_of_others_after_a_claim_in_doubt_are_kept() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    add(&store, "a", Some(second(1)));
    once(&proxy, "update", Pass::OnAndCut);
    assert_retryable(&claim(&store, second(1), NextRun::At(second(60))).unwrap_err());
    let moved = || other.lookup_job("a").unwrap().filter(|it| it.next_run_time == Some(second(60)));
    wait_for("the server has executed it", || moved().is_some());
    let changed = moved().unwrap().with_next_run_time(Some(second(90)));
    assert!(other.update_job(&changed).unwrap());
    assert_eq!(
        claim_at_last(&store, NextRun::At(second(1_000_000))),
        ["a"],
        "the fire was won already"
    );
    assert_eq!(listed(&other), [("a".to_owned(), Some(second(90)))]);
}

#[test]
fn a_late_claim_does_nothing() {
    let (place, proxy) = (Place::new(), proxy());
    let store = started(through(&proxy, &place));
    add(&store, "a", Some(second(1)));
    let late: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let kept = Arc::clone(&late);
    proxy.on_requests(move |message| {
        let mut kept = kept.lock().unwrap();
        if kept.is_some() || command(message) != "update" {
            return Pass::On;
        }
        *kept = Some(message.to_vec());
        Pass::Cut
    });
    assert_retryable(&claim(&store, second(1), NextRun::At(second(60))).unwrap_err());
    // Nothing is due yet, but the claims in doubt are settled.
    wait_for("the store works again", || {
        claim(&store, second(0), NextRun::At(second(1_000_000))).is_ok()
    });
    // It arrives late.
    let mut server = TcpStream::connect(parts().1).unwrap();
    server.write_all(late.lock().unwrap().as_deref().unwrap()).unwrap();
    assert!(server.read(&mut [0; 1000]).unwrap() > 0, "the server answers");
    assert_eq!(listed(&store), [("a".to_owned(), Some(second(1)))]);
    assert_eq!(claim_at_last(&store, NextRun::At(second(70))), ["a"]);
}

#[test]
fn a_claim_in_doubt_is_settled_after_its_job_is_added_again() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    for replace in [false, true] {
        add(&store, "a", Some(second(1)));
        once(&proxy, "update", Pass::OnAndCut);
        assert_retryable(&claim(&store, second(1), NextRun::Finished).unwrap_err());
        wait_for("the server has executed it", || other.lookup_job("a").unwrap().is_none());
        other.add_jobs(vec![new("a", Some(second(60)), replace)]).unwrap();
        assert_eq!(
            claim_at_last(&store, NextRun::At(second(1_000_000))),
            ["a"],
            "the fire of the earlier job"
        );
        assert_eq!(listed(&other), [("a".to_owned(), Some(second(60)))]);
        store.remove_all_jobs().unwrap();
    }
}

#[test]
fn a_claim_in_doubt_survives_many_claims_of_another_handle() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    add(&store, "a", Some(second(1)));
    once(&proxy, "update", Pass::OnAndCut);
    assert_retryable(&claim(&store, second(1), NextRun::At(second(2))).unwrap_err());
    wait_for("the server has executed it", || {
        other.next_run_time(None).unwrap() == Some(second(2))
    });
    // The store waits 30 s for an answer, and then 10 s before it tries again.
    for time in 2..=40 {
        let next = NextRun::At(second(time + 1));
        assert_eq!(claimed(&claim(&other, second(time), next).unwrap()), ["a"]);
    }
    assert_eq!(claim_at_last(&store, NextRun::At(second(1_000_000))), ["a"]);
}

#[test]
fn a_claim_unknown_to_a_router_is_returned_later() {
    let (place, proxy) = (Place::new(), proxy());
    let store = started(through(&proxy, &place));
    add(&store, "a", Some(second(1)));
    // The server executes the command for another connection. The store gets the answer of a router that has lost its
    // shard: `HostUnreachable`.
    let mut is_done = false;
    proxy.on_requests(move |message| {
        if !is_done && command(message) == "update" {
            is_done = true;
            let mut server = TcpStream::connect(parts().1).unwrap();
            server.write_all(message).unwrap();
            assert!(server.read(&mut [0; 1000]).unwrap() > 0, "the server answers");
        }
        Pass::On
    });
    proxy.on_answers(|message| {
        let lost = [b"\x10code\0", &66_i32.to_le_bytes()[..]].concat();
        if let Some(place) = message.windows(lost.len()).position(|bytes| bytes == lost) {
            message[place + 6..place + 10].copy_from_slice(&6_i32.to_le_bytes());
        }
        Pass::On
    });
    assert_retryable(&claim(&store, second(1), NextRun::At(second(60))).unwrap_err());
    assert_eq!(claim_at_last(&store, NextRun::At(second(1_000_000))), ["a"]);
    assert_eq!(listed(&store), [("a".to_owned(), Some(second(60)))]);
}

#[test]
fn a_slow_server_neither_loses_nor_doubles_runs() {
    let (place, proxy) = (Place::new(), proxy());
    let store = started(through(&proxy, &place).timeout(std::time::Duration::from_secs(1)));
    let other = place.open();
    add(&store, "a", Some(second(1)));
    once(&proxy, "update", Pass::Wait);
    let begin = Instant::now();
    assert_retryable(&claim(&store, second(1), NextRun::Finished).unwrap_err());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    proxy.silence(false);
    let mine = claim_at_last(&store, NextRun::Finished);
    assert_eq!(mine, ["a"]);
    assert!(claim(&other, second(1), NextRun::Finished).unwrap().won.is_empty());
    assert!(listed(&other).is_empty());
}

#[test]
fn a_store_reconnects_after_an_outage() {
    let (place, proxy) = (Place::new(), proxy());
    let store = started(through(&proxy, &place));
    let other = place.open();
    add(&store, "a", Some(second(1)));
    let (watch, told) = watch(&store);
    proxy.stop();
    let begin = Instant::now();
    for _ in 0..2 {
        assert_retryable(&store.lookup_job("a").unwrap_err());
        assert_retryable(&claim(&store, second(1), NextRun::Finished).unwrap_err());
        assert_retryable(&store.add_jobs(vec![new("b", None, false)]).unwrap_err());
    }
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    add(&other, "c", Some(second(1)));
    while told.try_recv().is_ok() {}
    proxy.start();
    told.recv_timeout(Duration::from_secs(15)).expect("a change may have been missed");
    assert_eq!(claim_at_last(&store, NextRun::Finished), ["a", "c"]);
    assert!(listed(&other).is_empty());
    drop(watch);
}
