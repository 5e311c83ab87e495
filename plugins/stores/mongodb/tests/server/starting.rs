//! What a start encounters: no server, a server that refuses, other schemas, and data of other programs.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use apscheduler_core::store::JobStore;
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_mongodb::{MongoDbJobStore, MongoDbOptions};
use mongodb::bson::{Bson, doc};

use crate::calls::{Place, insert};
use crate::place::{META, with_collection};

fn start_error(options: MongoDbOptions) -> Error {
    MongoDbJobStore::with_options(options).unwrap().start("default").unwrap_err()
}

#[test]
fn an_unreachable_server_is_named_without_the_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("mongodb://ann:pass-word@127.0.0.1:{port}/");
    let options = MongoDbOptions::default()
        .url(url)
        .server_selection_timeout(std::time::Duration::from_millis(300));
    let store = MongoDbJobStore::with_options(options).unwrap();
    let error = store.start("default").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(error.is_retryable());
    assert!(error.to_string().contains(&format!("mongodb://127.0.0.1:{port}")), "{error}");
    let everything = format!("{error:?} {} {store:?}", error.chain());
    assert!(!everything.contains("pass-word"), "{everything}");
}

#[test]
fn a_wrong_password_is_refused_and_not_shown() {
    let place = Place::new();
    let error = start_error(place.options().login("nobody", "wrong-word"));
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(!format!("{error:?} {}", error.chain()).contains("wrong-word"), "{}", error.chain());
}

#[test]
fn an_unresponsive_server_does_not_hang_the_caller() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = MongoDbOptions::default()
        .host("127.0.0.1")
        .port(silent.local_addr().unwrap().port())
        .server_selection_timeout(std::time::Duration::from_secs(60))
        .timeout(std::time::Duration::from_millis(300));
    let begin = Instant::now();
    let error = start_error(options);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_version_of_any_type_is_read() {
    let place = Place::new();
    for version in [Bson::Int32(2), Bson::Int64(3), Bson::String("x".into())] {
        insert(META, doc! {"_id": &place.0, "version": &version});
        let error = start_error(place.options());
        assert_eq!(error.kind(), ErrorKind::Store);
        let expected = format!("has the schema version {version}");
        assert!(error.to_string().contains(&expected), "{error}");
        with_collection(META, async |meta| meta.delete_one(doc! {"_id": &place.0}).await);
    }
}

#[test]
fn indexes_and_version_are_created_again() {
    let place = Place::new();
    for _ in 0..2 {
        place.open().shutdown().unwrap();
        let indexes = with_collection(&place.0, async |jobs| jobs.list_index_names().await);
        assert!(indexes.contains(&"next_run_time_1__id_1".to_owned()), "{indexes:?}");
        let id = doc! {"_id": &place.0};
        let noted = with_collection(META, async |meta| meta.find_one(id).await).unwrap();
        assert_eq!(noted.get("version"), Some(&Bson::Int64(1)));
        // A manual drop that leaves the version.
        with_collection(&place.0, async |jobs| jobs.drop().await);
    }
}
