//! The number of round trips to the server.

use std::sync::{Arc, Mutex};

use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenStep, RunState, Writes};
use apscheduler_core::run::OwnerId;
use apscheduler_core::store::{ClaimRequest, JobStore as _, NextRun};
use apscheduler_store_rethinkdb::RethinkDbJobStore;
use apscheduler_testkit::stores::records::second;

use crate::calls::{Place, claim, claim_batch, ledger, new, open, started, take};
use crate::wire::{Pass, Proxy, kind};

/// Logs the queries that pass a proxy. Returns a function that returns those since its last call.
fn log(proxy: &Proxy) -> impl Fn() -> Vec<&'static str> + use<> {
    let sent: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let log = Arc::clone(&sent);
    proxy.on_queries(move |query| {
        // Not those for the next part of an answer.
        if query.starts_with("[1,") {
            let kind = kind(query);
            log.lock().unwrap().push(if kind.is_empty() { "read" } else { kind });
        }
        Pass::On
    });
    move || std::mem::take(&mut *sent.lock().unwrap())
}

fn add(store: &RethinkDbJobStore, count: usize) {
    let records = (0..count).map(|number| new(&format!("job{number:03}"), Some(second(1))));
    store.add_jobs(records.collect()).unwrap();
}

#[test]
fn a_batch_takes_a_constant_number_of_round_trips() {
    let (place, proxy) = (Place::new(), Proxy::new());
    let (store, other) = (started(proxy.options(&place)), place.open());
    let queries = log(&proxy);
    for count in [5, 100] {
        add(&store, count);
        assert_eq!(queries(), ["insert"]);
        let mut lost = 0;
        let due = ClaimRequest::new(second(1), 1000);
        let claims = store.claim_due(&due, &mut |record| {
            // Others claim some of them.
            if lost < 2 {
                lost += 1;
                assert!(other.update_job(record).unwrap());
            }
            take(record, NextRun::At(second(2)))
        });
        assert_eq!(claims.unwrap().won.len(), count - 2);
        assert_eq!(queries(), ["read", "read", "replace"]);
        assert_eq!(claim(&store, second(2), NextRun::Finished).unwrap().won.len(), count);
        assert_eq!(queries(), ["read", "read", "replace", "replace"]);
        assert_eq!(store.next_run_time(None).unwrap(), None);
        assert_eq!(queries(), ["read"]);
    }
}

#[test]
fn records_of_a_batch_take_a_constant_number_of_round_trips() {
    let (place, proxy) = (Place::new(), Proxy::new());
    let (store, other) = (started(proxy.options(&place)), place.open());
    let (owner, queries) = (OwnerId::random(), log(&proxy));
    for count in [5, 100] {
        add(&store, count);
        queries();
        let (batch, _) = claim_batch(&store, owner, second(1), NextRun::Finished, None).unwrap();
        assert_eq!(queries(), ["read", "read", "replace"]);
        let records = open(&other, owner, RunState::Ok);
        assert_eq!(records.len(), count);
        let closed = [batch.id];
        let writes = Writes::new().records(&records).closed(&closed);
        ledger(&store).append(owner, &writes).unwrap();
        assert_eq!(queries(), ["read", "insert", "replace"]);
        assert!(open(&other, owner, RunState::Ok).is_empty());
        assert!(store.next_run_time(None).unwrap().is_none());
        queries();
    }
}

#[test]
fn open_runs_of_a_batch_take_a_constant_number_of_round_trips() {
    let (place, proxy) = (Place::new(), Proxy::new());
    let store = started(proxy.options(&place));
    let (owner, queries) = (OwnerId::random(), log(&proxy));
    for count in [5, 100] {
        add(&store, count);
        queries();
        claim_batch(&store, owner, second(1), NextRun::Finished, Some("{}")).unwrap();
        assert_eq!(queries(), ["read", "read", "insert", "replace", "replace"]);
        let runs = ledger(&store).open_runs(&OpenQuery::new()).unwrap();
        assert_eq!((runs.len(), queries()), (count, vec!["read"]));
        let waiting =
            |run: &OpenRun| OpenStep::change(run.mark(), run.clone().attempt(2).waiting(second(9)));
        let steps: Vec<OpenStep> = runs.iter().map(waiting).collect();
        ledger(&store).append(owner, &Writes::new().steps(&steps)).unwrap();
        assert_eq!(queries(), ["read", "replace"]);
        let claimed = ledger(&store).claim_open(owner, second(9), 1000).unwrap();
        assert_eq!((claimed.len(), queries()), (count, vec!["read", "read", "replace"]));
        let end = |run: &OpenRun| OpenStep::end(run.run_id, run.mark());
        let steps: Vec<OpenStep> = claimed.iter().map(end).collect();
        ledger(&store).append(owner, &Writes::new().steps(&steps)).unwrap();
        assert_eq!(queries(), ["read", "replace"]);
        assert!(ledger(&store).open_runs(&OpenQuery::new()).unwrap().is_empty());
        queries();
    }
}
