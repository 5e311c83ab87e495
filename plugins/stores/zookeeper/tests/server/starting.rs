//! What a start finds: other servers, logins, nodes that exist.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use apscheduler_core::store::JobStore as _;
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_zookeeper::{ZooKeeperJobStore, ZooKeeperOptions};

use crate::{Place, ids, place, record, started};

fn start_error(options: ZooKeeperOptions) -> Error {
    let store = ZooKeeperJobStore::with_options(options).unwrap();
    store.start("default").unwrap_err()
}

#[test]
fn an_unreachable_server_is_named_without_the_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("zookeeper://ann:pass-word@127.0.0.1:{port}");
    let options = ZooKeeperOptions::default().url(url);
    let error = start_error(options.clone());
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(error.to_string().contains(&format!("zookeeper://127.0.0.1:{port}")), "{error}");
    let store = ZooKeeperJobStore::with_options(options.clone()).unwrap();
    let everything = format!("{error:?} {} {store:?} {options:?}", error.chain());
    assert!(!everything.contains("pass-word"), "{everything}");
}

#[test]
fn an_unresponsive_server_does_not_hang_the_caller() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hosts = format!("127.0.0.1:{}", silent.local_addr().unwrap().port());
    let options = ZooKeeperOptions::default().hosts(hosts).timeout(Duration::from_millis(500));
    let begin = Instant::now();
    let error = start_error(options);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_nodes_of_a_login_are_its_own() {
    let place = Place::new();
    let store = started(place.options().login("ann", "pass-word"));
    store.add_jobs(vec![record("a", None)]).unwrap();
    assert_eq!(ids(&started(place.options().login("ann", "pass-word"))), ["a"]);
    for options in [place.options(), place.options().login("ann", "wrong-word")] {
        let error = start_error(options);
        assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
        assert!(error.to_string().contains("refused this user or password"), "{error}");
        assert!(!format!("{error:?} {}", error.chain()).contains("wrong-word"));
    }
    store.remove_all_jobs().unwrap();
}

#[test]
fn an_empty_node_is_used() {
    let place = Place::new();
    place::with_client(async |client| place::create(client, &place.0, b"").await);
    let store = place.open();
    store.add_jobs(vec![record("a", None)]).unwrap();
    assert_eq!(ids(&place.open()), ["a"]);
}

#[test]
fn a_store_and_the_hosts_may_share_a_path() {
    let place = Place::new();
    place.open().add_jobs(vec![record("a", None)]).unwrap();
    let (root, rest) = place.0.rsplit_once('/').unwrap();
    let options = ZooKeeperOptions::default()
        .hosts(format!("{}{root}", place::hosts()))
        .path(format!("/{rest}"));
    assert_eq!(ids(&started(options)), ["a"]);
}
