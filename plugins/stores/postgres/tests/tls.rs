//! Encrypted connections, as configured by `sslmode`.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod database;

use apscheduler_core::Error;
use apscheduler_core::store::JobStore;
use apscheduler_store_postgres::{PostgresJobStore, PostgresOptions};
use apscheduler_testkit::stores::{new_name, server_url};

/// Returns the options for the server under this name, with these parameters and the authority that signed its
/// certificate.
fn options(host: &str, parameters: &str) -> PostgresOptions {
    let url = database::url().replacen("127.0.0.1", host, 1);
    let authority = server_url("APSCHEDULER_TEST_CA").replace('/', "%2F");
    PostgresOptions::new(format!("{url}?sslrootcert={authority}&{parameters}"))
        .tablename("test_tls")
}

fn start(options: PostgresOptions) -> Result<PostgresJobStore, Error> {
    let store = PostgresJobStore::with_options(options)?;
    store.start("default")?;
    Ok(store)
}

/// Returns whether the connections of this application are encrypted.
fn encrypted(application: &str) -> Vec<bool> {
    let query =
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $1";
    let rows = database::connected(async |client| client.query(query, &[&application]).await);
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn connections_are_encrypted_and_the_server_is_checked() {
    for (host, mode) in
        [("localhost", "require"), ("127.0.0.1", "verify-ca"), ("localhost", "verify-full")]
    {
        let name = new_name();
        let parameters = format!("sslmode={mode}&application_name={name}");
        let store = start(options(host, &parameters)).unwrap();
        let connections = encrypted(&name);
        assert!(!connections.is_empty() && connections.iter().all(|ssl| *ssl), "{mode}");
        store.shutdown().unwrap();
    }
    let name = new_name();
    let parameters = format!("sslmode=disable&application_name={name}");
    let url = format!("{}?{parameters}", database::url());
    let _plain = start(PostgresOptions::new(url).tablename("test_tls")).unwrap();
    assert!(encrypted(&name).iter().all(|ssl| !*ssl));
    database::drop_tables("test_tls");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let error = start(options("127.0.0.1", "sslmode=verify-full")).unwrap_err();
    assert!(error.chain().contains("certificate"), "{}", error.chain());
}

#[test]
fn an_untrusted_certificate_is_refused() {
    let url = database::url().replacen("127.0.0.1", "localhost", 1);
    let options = PostgresOptions::new(format!("{url}?sslmode=verify-full"));
    let error = start(options.tablename("test_tls")).unwrap_err();
    assert!(error.chain().contains("certificate"), "{}", error.chain());
}
