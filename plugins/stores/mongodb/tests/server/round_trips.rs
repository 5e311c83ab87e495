//! The number of round trips to the server.

use std::sync::{Arc, Mutex};

use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenStep, RunState, Writes};
use apscheduler_core::run::OwnerId;
use apscheduler_core::store::{ClaimRequest, JobStore, NextRun};
use apscheduler_store_mongodb::MongoDbJobStore;
use apscheduler_testkit::stores::records::second;

use crate::calls::{Place, claim, claim_batch, claim_batch_with, ledger, new, open, started, take};
use crate::way::{command, proxy, through};
use crate::wire::{Pass, Proxy};

/// Logs the commands that pass a proxy. Returns a function that returns those since its last call.
fn log(proxy: &Proxy) -> impl Fn() -> Vec<String> + use<> {
    let sent: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&sent);
    proxy.on_requests(move |message| {
        // The driver also sends commands to monitor the server.
        if !["hello", "ismaster", "isMaster", ""].contains(&command(message)) {
            log.lock().unwrap().push(command(message).to_owned());
        }
        Pass::On
    });
    move || std::mem::take(&mut *sent.lock().unwrap())
}

fn add(store: &MongoDbJobStore, count: usize) {
    let records = (0..count).map(|number| new(&format!("job{number:03}"), Some(second(1)), false));
    store.add_jobs(records.collect()).unwrap();
}

#[test]
fn a_batch_takes_a_constant_number_of_round_trips() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    let commands = log(&proxy);
    for count in [5, 100] {
        add(&store, count);
        assert!(commands().len() <= 3, "one command, in a transaction");
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
        assert_eq!(commands(), ["listCollections", "find", "update"]);
        assert_eq!(claim(&store, second(2), NextRun::Finished).unwrap().won.len(), count);
        assert_eq!(commands(), ["listCollections", "find", "update", "delete"]);
        assert_eq!(store.next_run_time(None).unwrap(), None);
        assert_eq!(commands(), ["find"]);
    }
}

#[test]
fn records_of_a_batch_take_a_constant_number_of_round_trips() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    let (owner, commands) = (OwnerId::random(), log(&proxy));
    for count in [5, 100] {
        add(&store, count);
        commands();
        let (batch, _) = claim_batch(&store, owner, second(1), NextRun::Finished).unwrap();
        assert_eq!(commands(), ["listCollections", "find", "update"]);
        let records = open(&other, owner, RunState::Ok);
        assert_eq!(records.len(), count);
        ledger(&store).append(owner, &Writes::new().records(&records).closed(&[batch])).unwrap();
        assert_eq!(commands(), ["find", "insert", "delete", "update"]);
        assert!(open(&other, owner, RunState::Ok).is_empty());
        assert!(store.next_run_time(None).unwrap().is_none());
        commands();
    }
}

#[test]
fn open_runs_of_a_batch_take_a_constant_number_of_round_trips() {
    let (place, proxy) = (Place::new(), proxy());
    let store = started(through(&proxy, &place));
    let (owner, commands) = (OwnerId::random(), log(&proxy));
    for count in [5, 100] {
        add(&store, count);
        commands();
        let finished = NextRun::Finished;
        claim_batch_with(&store, owner, second(1), finished, Some("{}")).unwrap();
        assert_eq!(commands(), ["listCollections", "find", "insert", "update", "update"]);
        let runs = ledger(&store).open_runs(&OpenQuery::new()).unwrap();
        assert_eq!((runs.len(), commands()), (count, vec!["find".to_owned()]));
        let waiting =
            |run: &OpenRun| OpenStep::change(run.mark(), run.clone().attempt(2).waiting(second(9)));
        let steps: Vec<OpenStep> = runs.iter().map(waiting).collect();
        ledger(&store).append(owner, &Writes::new().steps(&steps)).unwrap();
        assert_eq!(commands(), ["find", "update"]);
        let claimed = ledger(&store).claim_open(owner, second(9), 1000).unwrap();
        assert_eq!((claimed.len(), commands().len()), (count, 3));
        let end = |run: &OpenRun| OpenStep::end(run.run_id, run.mark());
        let steps: Vec<OpenStep> = claimed.iter().map(end).collect();
        ledger(&store).append(owner, &Writes::new().steps(&steps)).unwrap();
        assert_eq!(commands(), ["find", "delete"]);
        assert!(ledger(&store).open_runs(&OpenQuery::new()).unwrap().is_empty());
        commands();
    }
}
