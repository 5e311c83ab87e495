//! Encrypted connections, to the TLS port of the server.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod place;

use apscheduler_core::store::{JobPayload, JobStore, NewRecord};
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_etcd::{EtcdJobStore, EtcdOptions};
use apscheduler_testkit::stores::server_url;

/// Returns the URL of the TLS port, with the host name in its certificate.
fn tls_url() -> String {
    server_url("APSCHEDULER_TEST_ETCD_TLS")
}

fn trusting(path: &str, url: impl Into<String>) -> EtcdOptions {
    place::options(path).endpoints([url]).ca_cert(server_url("APSCHEDULER_TEST_CA"))
}

fn refused(options: EtcdOptions) -> Error {
    EtcdJobStore::with_options(options).unwrap().start("default").unwrap_err()
}

#[test]
fn a_store_keeps_its_jobs_over_tls() {
    let path = place::new_path();
    let store = EtcdJobStore::with_options(trusting(&path, tls_url())).unwrap();
    store.start("default").unwrap();
    let state = JobPayload::Encoded(r#"{"version":1}"#.into());
    store.add_jobs(vec![NewRecord::new("a", None, state)]).unwrap();
    // The port without TLS has the same jobs.
    let plain = EtcdJobStore::with_options(place::options(&path)).unwrap();
    plain.start("default").unwrap();
    assert!(plain.lookup_job("a").unwrap().is_some());
    place::remove(&path);
}

#[test]
fn an_untrusted_certificate_is_refused() {
    let error = refused(place::options("/test_tls").endpoints([tls_url()]));
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(error.chain().contains("certificate"), "{}", error.chain());
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let error = refused(trusting("/test_tls", tls_url().replace("localhost", "127.0.0.1")));
    assert!(error.chain().contains("certificate"), "{}", error.chain());
}

#[test]
fn a_server_without_tls_is_an_error() {
    let plain = place::url().replacen("http://", "https://", 1);
    let error = refused(trusting("/test_tls", plain));
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
}

#[test]
fn a_missing_file_is_named() {
    let error = refused(place::options("/test_tls").endpoints([tls_url()]).ca_cert("no/ca.pem"));
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("ca_cert: can't read no/ca.pem"), "{error}");
}
