//! Encrypted connections, to the TLS port of the server.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod place;

use apscheduler_core::store::{JobPayload, JobStore, NewRecord};
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_rethinkdb::{RethinkDbJobStore, RethinkDbOptions};
use apscheduler_testkit::stores::server_url;

/// Returns the URL of the TLS port, with the host name in its certificate.
fn tls_url() -> String {
    server_url("APSCHEDULER_TEST_RETHINKDB_TLS")
}

fn trusting(table: &str, url: impl Into<String>) -> RethinkDbOptions {
    place::options(table).url(url).ca_certs(server_url("APSCHEDULER_TEST_CA"))
}

fn refused(options: RethinkDbOptions) -> Error {
    RethinkDbJobStore::with_options(options).unwrap().start("default").unwrap_err()
}

#[test]
fn a_store_keeps_its_jobs_over_tls() {
    let table = place::new_table();
    let store = RethinkDbJobStore::with_options(trusting(&table, tls_url())).unwrap();
    store.start("default").unwrap();
    let state = JobPayload::Encoded(r#"{"version":1}"#.into());
    store.add_jobs(vec![NewRecord::new("a", None, state)]).unwrap();
    // The port without TLS has the same jobs.
    let plain = RethinkDbJobStore::with_options(place::options(&table)).unwrap();
    plain.start("default").unwrap();
    assert!(plain.lookup_job("a").unwrap().is_some());
    place::remove(&table);
}

#[test]
fn an_untrusted_certificate_is_refused() {
    let error = refused(place::options("tls").url(tls_url()).ssl());
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(error.chain().contains("certificate"), "{}", error.chain());
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let error = refused(trusting("tls", tls_url().replace("localhost", "127.0.0.1")));
    assert!(error.chain().contains("certificate"), "{}", error.chain());
}

#[test]
fn a_server_without_tls_is_an_error() {
    let error = refused(trusting("tls", place::url()));
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
}

#[test]
fn a_missing_file_of_certificates_is_named() {
    let error = refused(place::options("tls").url(tls_url()).ca_certs("no/such.pem"));
    assert_eq!(error.kind(), ErrorKind::Config, "{}", error.chain());
    assert!(error.chain().contains("no/such.pem"), "{}", error.chain());
}
