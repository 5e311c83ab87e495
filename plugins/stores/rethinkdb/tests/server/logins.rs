//! Logins, on a server of the test's own, with a password and with its data in a file.

use apscheduler_core::ErrorKind;
use apscheduler_core::store::JobStore as _;
use apscheduler_store_rethinkdb::{RethinkDbJobStore, RethinkDbOptions};
use apscheduler_testkit::rethinkdb::{PeerOptions, RethinkDbPeer};
use apscheduler_testkit::stores::records::second;

use crate::calls::{add, started};

const PASSWORD: &str = "p@ss=wörd, with anything";

fn options(peer: &RethinkDbPeer) -> RethinkDbOptions {
    RethinkDbOptions::default().host("127.0.0.1").port(peer.address().port())
}

fn peer(options: &PeerOptions) -> RethinkDbPeer {
    RethinkDbPeer::start(options).unwrap()
}

#[test]
fn a_password_is_needed_and_in_no_error() {
    let peer = peer(&PeerOptions::default().password(PASSWORD));
    add(&started(options(&peer).login("admin", PASSWORD)), "a", None);
    for (user, password) in [("admin", "hunter2"), ("nobody", PASSWORD), ("admin", "")] {
        let store = RethinkDbJobStore::with_options(options(&peer).login(user, password)).unwrap();
        let error = store.start("default").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
        let texts = format!("{} {error:?} {store:?}", error.chain());
        assert!(
            !error.is_retryable() && texts.contains("refused this user or password"),
            "{texts}"
        );
        assert!(password.is_empty() || !texts.contains(password), "{texts}");
    }
}

#[test]
fn the_peer_keeps_its_data_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    let options_of_peer = || PeerOptions::default().data(&file);
    let first = peer(&options_of_peer());
    let store = started(options(&first));
    for id in ["a", "b"] {
        add(&store, id, Some(second(1)));
    }
    assert!(store.remove_job("b").unwrap());
    // A process that is killed may leave half a line.
    let mut text = std::fs::read(&file).unwrap();
    text.extend(b"{\"Docum");
    std::fs::write(&file, text).unwrap();
    for _ in 0..2 {
        let again = peer(&options_of_peer());
        let store = started(options(&again));
        let jobs = store.get_jobs(None, 10).unwrap();
        assert_eq!(jobs.iter().map(|job| &*job.id).collect::<Vec<_>>(), ["a"]);
        assert_eq!(store.next_run_time(None).unwrap(), Some(second(1)));
    }
}
