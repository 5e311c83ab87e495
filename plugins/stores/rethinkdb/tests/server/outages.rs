//! Lost connections, and servers that hang.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apscheduler_core::ErrorKind;
use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenStep, RunQuery, RunState, Writes};
use apscheduler_core::run::OwnerId;
use apscheduler_core::store::{JobStore, NextRun};
use apscheduler_store_rethinkdb::RethinkDbJobStore;
use apscheduler_testkit::eventually;
use apscheduler_testkit::stores::records::second;

use crate::calls::{Place, add, claim, claim_batch, claimed, ledger, open, started};
use crate::place;
use crate::wire::{Pass, Proxy, kind};

/// Cuts the connection at the write with this number, from 0.
fn cut_at_write(proxy: &Proxy, number: usize, pass: Pass) {
    let mut writes = 0;
    proxy.on_queries(move |query| {
        if kind(query).is_empty() {
            return Pass::On;
        }
        writes += 1;
        if writes == number + 1 { pass } else { Pass::On }
    });
}

/// Claims until something was won, or for a few times.
fn claim_at_last(store: &dyn JobStore, owner: OwnerId) -> Vec<String> {
    for _ in 0..5 {
        let next = NextRun::At(second(1_000_000));
        match claim_batch(store, owner, second(1), next, Some("{}")) {
            Ok((_, claims)) if !claims.won.is_empty() => {
                return claimed(&claims).into_iter().map(str::to_owned).collect();
            }
            Ok(_) => {}
            Err(error) => assert!(error.is_retryable(), "{}", error.chain()),
        }
    }
    Vec::new()
}

/// Wherever the connection is cut, each fire is won once, and has one row.
#[test]
fn a_claim_survives_a_cut_before_and_after_each_of_its_writes() {
    for pass in [Pass::Cut, Pass::OnAndCut] {
        for number in 0..3 {
            for next in [NextRun::At(second(60)), NextRun::Finished] {
                let (place, proxy) = (Place::new(), Proxy::new());
                let (store, other) = (started(proxy.options(&place)), place.open());
                let owner = OwnerId::random();
                for id in ["a", "b", "c"] {
                    add(&other, id, Some(second(1)));
                }
                cut_at_write(&proxy, number, pass);
                let what = format!("{pass:?} at {number} with {next:?}");
                let mut won = match claim_batch(&store, owner, second(1), next, Some("{}")) {
                    Ok((_, claims)) => claimed(&claims).into_iter().map(str::to_owned).collect(),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
                        Vec::new()
                    }
                };
                proxy.pass_all();
                if won.is_empty() {
                    won = claim_at_last(&store, owner);
                }
                won.sort();
                assert_eq!(won, ["a", "b", "c"], "{what}");
                let rest = claim(&other, second(1), NextRun::Finished).unwrap();
                assert!(rest.won.is_empty(), "{what}");
                assert_eq!(open(&other, owner, RunState::Ok).len(), 3, "{what}");
                let rows = ledger(&other).open_runs(&OpenQuery::new()).unwrap();
                assert_eq!(rows.len(), 3, "{what}");
            }
        }
    }
}

/// Wherever the connection is cut, the record of an attempt and its step are there in the end, once.
#[test]
fn an_append_survives_a_cut_before_and_after_each_of_its_writes() {
    for pass in [Pass::Cut, Pass::OnAndCut] {
        for number in 0..4 {
            let (place, proxy) = (Place::new(), Proxy::new());
            let (store, other) = (started(proxy.options(&place)), place.open());
            let owner = OwnerId::random();
            for id in ["a", "b"] {
                add(&other, id, Some(second(1)));
            }
            let next = NextRun::At(second(60));
            let (batch, _) = claim_batch(&other, owner, second(1), next, Some("{}")).unwrap();
            let rows = ledger(&other).open_runs(&OpenQuery::new()).unwrap();
            let records = open(&other, owner, RunState::Failed);
            let again = |run: &OpenRun| run.clone().attempt(2).waiting(second(30));
            let steps = [
                OpenStep::end(rows[0].run_id, rows[0].mark()),
                OpenStep::change(rows[1].mark(), again(&rows[1])),
            ];
            let closed = [batch.id];
            let writes = Writes::new().records(&records).steps(&steps).closed(&closed);
            cut_at_write(&proxy, number, pass);
            let cut = ledger(&store).append(owner, &writes);
            proxy.pass_all();
            let what = format!("{pass:?} at {number}");
            if cut.is_err() {
                // Another scheduler that looks first does what was left undone, as far as it can.
                ledger(&other).journal(owner, 10).unwrap();
                ledger(&store).append(owner, &writes).unwrap();
            }
            let rows = ledger(&other).open_runs(&OpenQuery::new()).unwrap();
            assert_eq!(rows.iter().map(|run| run.attempt).collect::<Vec<_>>(), [2], "{what}");
            let ended = ledger(&other).runs(&RunQuery::new()).unwrap();
            let states: Vec<RunState> = ended.iter().map(|run| run.state).collect();
            assert_eq!(states, [RunState::Failed; 2], "{what}");
            assert!(open(&other, owner, RunState::Ok).is_empty(), "{what}");
        }
    }
}

#[test]
fn a_claim_that_arrives_late_does_nothing() {
    let (place, proxy) = (Place::new(), Proxy::new());
    let store = started(proxy.options(&place));
    add(&store, "a", Some(second(1)));
    let late: Arc<Mutex<Option<String>>> = Arc::default();
    let kept = Arc::clone(&late);
    proxy.on_queries(move |query| {
        let mut kept = kept.lock().unwrap();
        if kept.is_some() || kind(query) != "replace" {
            return Pass::On;
        }
        *kept = Some(query.to_owned());
        Pass::Cut
    });
    let lost = claim(&store, second(1), NextRun::At(second(60))).unwrap_err();
    assert!(lost.is_retryable(), "{}", lost.chain());
    // Nothing is due yet, but the claims in doubt are settled.
    assert!(claim(&store, second(0), NextRun::Finished).unwrap().won.is_empty());
    // It arrives late.
    let query: serde_json::Value =
        serde_json::from_str(late.lock().unwrap().as_deref().unwrap()).unwrap();
    let answer = place::run(&place::raw(&query[1]));
    assert_eq!(answer["keys"], serde_json::json!([]), "{answer}");
    let job = store.lookup_job("a").unwrap().unwrap();
    assert_eq!(job.next_run_time, Some(second(1)));
    let claims = claim(&store, second(1), NextRun::At(second(70))).unwrap();
    assert_eq!(claimed(&claims), ["a"]);
}

#[test]
fn a_claim_in_doubt_is_settled_after_others_have_used_the_job() {
    for replace in [false, true] {
        let (place, proxy) = (Place::new(), Proxy::new());
        let (store, other) = (started(proxy.options(&place)), place.open());
        add(&store, "a", Some(second(1)));
        cut_at_write(&proxy, 0, Pass::OnAndCut);
        assert!(claim(&store, second(1), NextRun::Finished).unwrap_err().is_retryable());
        proxy.pass_all();
        eventually("the server has carried it out", || other.lookup_job("a").unwrap().is_none());
        let again = crate::calls::new("a", Some(second(60))).with_replace(replace);
        other.add_jobs(vec![again]).unwrap();
        for time in 60..=90 {
            let next = NextRun::At(second(time + 1));
            assert_eq!(claimed(&claim(&other, second(time), next).unwrap()), ["a"]);
        }
        let claims = claim(&store, second(1), NextRun::Finished).unwrap();
        assert_eq!(claimed(&claims), ["a"], "the fire of the earlier job");
        assert_eq!(other.lookup_job("a").unwrap().unwrap().next_run_time, Some(second(91)));
    }
}

/// Accepts connections, answers with this, and then never again.
fn hanging(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("rethinkdb://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // The client may be gone.
                let _ = client.write_all(answer);
                while let Ok(1..) = client.read(&mut [0; 100]) {}
            });
        }
    });
    url
}

#[test]
fn no_server_keeps_a_start_for_ever() {
    const OTHER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n\0";
    static LONG: &[u8] = &[b'x'; 100_000];
    const VERSIONS: &[u8] =
        b"{\"success\":true,\"min_protocol_version\":0,\"max_protocol_version\":0}\0";
    for (answer, kind) in [
        (&b""[..], ErrorKind::Unavailable),
        (VERSIONS, ErrorKind::Unavailable),
        (OTHER, ErrorKind::Store),
        (LONG, ErrorKind::Store),
    ] {
        let options = place::options("hanging").url(hanging(answer));
        let options = options.timeout(Duration::from_millis(500));
        let store = RethinkDbJobStore::with_options(options).unwrap();
        let begin = Instant::now();
        let error = store.start("default").unwrap_err();
        assert_eq!(error.kind(), kind, "{}", error.chain());
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    }
}

#[test]
fn a_query_takes_no_longer_than_its_timeout() {
    let (place, proxy) = (Place::new(), Proxy::new());
    // A busy server takes a while to create the tables.
    let store = started(proxy.options(&place).query_timeout(Duration::from_secs(5)));
    add(&store, "a", Some(second(1)));
    let (release, released) = std::sync::mpsc::channel::<()>();
    proxy.on_queries(move |query| {
        // Nobody answers a query that is not sent.
        if query.starts_with("[1,") {
            let _ = released.recv();
        }
        Pass::Cut
    });
    // The query hangs for as long as this thread waits for it.
    let error = store.lookup_job("a").unwrap_err();
    drop(release);
    assert!(error.is_retryable() && error.chain().contains("in time"), "{}", error.chain());
}
