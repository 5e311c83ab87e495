//! Encrypted connections, to the TLS port of the server.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod keys;

use apscheduler_core::store::{JobPayload, JobStore, NewRecord};
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_redis::{RedisJobStore, RedisOptions};
use apscheduler_testkit::stores::server_url;

/// Returns the URL of the TLS port, with the host name in its certificate.
fn tls_url() -> String {
    server_url("APSCHEDULER_TEST_REDIS_TLS")
}

fn trusting(keys: &str, url: impl Into<String>) -> RedisOptions {
    keys::options(keys).url(url).ssl_ca_certs(server_url("APSCHEDULER_TEST_CA"))
}

fn refused(options: RedisOptions) -> Error {
    RedisJobStore::with_options(options).unwrap().start("default").unwrap_err()
}

#[test]
fn a_store_keeps_its_jobs_over_tls() {
    let keys = keys::new_keys();
    let store = RedisJobStore::with_options(trusting(&keys, tls_url())).unwrap();
    store.start("default").unwrap();
    let state = JobPayload::Encoded(r#"{"version":1}"#.into());
    let record = NewRecord::new("a", None, state);
    store.add_jobs(vec![record]).unwrap();
    // The port without TLS has the same jobs.
    let plain = RedisJobStore::with_options(keys::options(&keys)).unwrap();
    plain.start("default").unwrap();
    assert!(plain.lookup_job("a").unwrap().is_some());
    keys::remove(&keys);
}

#[test]
fn an_untrusted_certificate_is_refused() {
    let error = refused(keys::options("test.tls").url(tls_url()));
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(error.chain().contains("certificate"), "{}", error.chain());
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let error = refused(trusting("test.tls", tls_url().replace("localhost", "127.0.0.1")));
    assert!(error.chain().contains("certificate"), "{}", error.chain());
}

#[test]
fn a_server_without_tls_is_an_error() {
    let plain = keys::url().replacen("redis://", "rediss://", 1);
    let error = refused(trusting("test.tls", plain));
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
}
