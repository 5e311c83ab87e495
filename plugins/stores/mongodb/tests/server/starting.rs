//! What a start encounters: no server, a server that refuses, other schemas, and data of other programs.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use apscheduler_core::ledger::RunQuery;
use apscheduler_core::store::JobStore;
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_mongodb::{MongoDbJobStore, MongoDbOptions};
use apscheduler_testkit::stores::records::second;
use mongodb::bson::{Bson, doc};

use crate::calls::{Place, add, insert, listed};
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
    for version in [Bson::Int32(3), Bson::Int64(4), Bson::String("x".into())] {
        insert(META, doc! {"_id": &place.0, "version": &version});
        let error = start_error(place.options());
        assert_eq!(error.kind(), ErrorKind::Store);
        let expected = format!("has the schema version {version}");
        assert!(error.to_string().contains(&expected), "{error}");
        with_collection(META, async |meta| meta.delete_one(doc! {"_id": &place.0}).await);
    }
}

fn indexes(collection: &str) -> Vec<String> {
    with_collection(collection, async |it| it.list_index_names().await)
}

#[test]
fn jobs_of_version_1_are_migrated_and_read() {
    let place = Place::new();
    let store = place.open();
    add(&store, "a", Some(second(1)));
    store.shutdown().unwrap();
    with_collection(&place.0, async |jobs| {
        for name in ["open.batch_1", "open.owner_1", "open.runs_1"] {
            jobs.drop_index(name).await?;
        }
        Ok(())
    });
    let id = doc! {"_id": &place.0};
    let version = doc! {"$set": {"version": 1_i64}};
    with_collection(META, async |meta| meta.update_one(id.clone(), version).await);
    let runs = format!("{}_runs", place.0);
    with_collection(&runs, async |runs| runs.drop().await);
    // A program that only reads changes nothing.
    let reader = MongoDbJobStore::with_options(place.options()).unwrap();
    reader.start_read_only("default").unwrap();
    assert_eq!(listed(&reader).len(), 1);
    assert!(reader.ledger().unwrap().runs(&RunQuery::new()).unwrap().is_empty());
    assert!(!indexes(&place.0).contains(&"open.batch_1".to_owned()));
    let store = place.open();
    assert_eq!(listed(&store), [("a".to_owned(), Some(second(1)))]);
    assert!(indexes(&place.0).contains(&"open.batch_1".to_owned()));
    assert!(indexes(&runs).contains(&"job_1__id_-1".to_owned()));
    let noted = with_collection(META, async |meta| meta.find_one(id).await).unwrap();
    assert_eq!(noted.get("version"), Some(&Bson::Int64(2)));
}

#[test]
fn indexes_and_version_are_created_again() {
    let place = Place::new();
    for _ in 0..2 {
        place.open().shutdown().unwrap();
        assert!(indexes(&place.0).contains(&"next_run_time_1__id_1".to_owned()));
        let id = doc! {"_id": &place.0};
        let noted = with_collection(META, async |meta| meta.find_one(id).await).unwrap();
        assert_eq!(noted.get("version"), Some(&Bson::Int64(2)));
        // A manual drop that leaves the version.
        with_collection(&place.0, async |jobs| jobs.drop().await);
    }
}
