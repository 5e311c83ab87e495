//! The number of round trips to the server.

use std::sync::{Arc, Mutex};

use apscheduler_core::store::{ClaimRequest, JobStore, NextRun};
use apscheduler_testkit::stores::records::second;

use crate::calls::{Place, claim, new, started, take};
use crate::way::{command, proxy, through};
use crate::wire::Pass;

#[test]
fn a_batch_takes_a_constant_number_of_round_trips() {
    let (place, proxy) = (Place::new(), proxy());
    let (store, other) = (started(through(&proxy, &place)), place.open());
    let sent: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&sent);
    proxy.on_requests(move |message| {
        // The driver also sends commands to monitor the server.
        if !["hello", "ismaster", "isMaster", ""].contains(&command(message)) {
            log.lock().unwrap().push(command(message).to_owned());
        }
        Pass::On
    });
    let commands = || std::mem::take(&mut *sent.lock().unwrap());
    for count in [5, 100] {
        let records =
            (0..count).map(|number| new(&format!("job{number:03}"), Some(second(1)), false));
        store.add_jobs(records.collect()).unwrap();
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
