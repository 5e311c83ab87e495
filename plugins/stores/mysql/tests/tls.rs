//! Encrypted connections, as configured by `ssl-mode`.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod database;

use apscheduler_core::Error;
use apscheduler_core::store::JobStore;
use apscheduler_store_mysql::{MySqlJobStore, MySqlOptions};
use apscheduler_testkit::stores::{new_name, server_url};

/// A user who can connect only over TLS, and who may do everything. The user is removed at the end.
struct User(String);

impl User {
    fn new() -> Self {
        let name = new_name();
        database::execute(&format!("CREATE USER '{name}'@'%' IDENTIFIED BY 'pass' REQUIRE SSL"));
        database::execute(&format!("GRANT ALL ON *.* TO '{name}'@'%'"));
        Self(name)
    }

    /// Returns the options for the server under this name.
    fn options(&self, host: &str, parameters: &str) -> MySqlOptions {
        let url = database::url().replacen("root@127.0.0.1", &format!("{}:pass@{host}", self.0), 1);
        MySqlOptions::new(format!("{url}?{parameters}")).tablename("test_tls")
    }
}

impl Drop for User {
    fn drop(&mut self) {
        database::execute(&format!("DROP USER '{}'@'%'", self.0));
    }
}

fn start(options: MySqlOptions) -> Result<MySqlJobStore, Error> {
    let store = MySqlJobStore::with_options(options)?;
    store.start("default")?;
    Ok(store)
}

fn authority() -> String {
    format!("ssl-ca={}", server_url("APSCHEDULER_TEST_CA").replace('/', "%2F"))
}

#[test]
fn connections_are_encrypted_and_the_server_is_checked() {
    let user = User::new();
    start(user.options("127.0.0.1", "ssl-mode=DISABLED")).unwrap_err();
    start(user.options("localhost", "ssl-mode=REQUIRED")).unwrap();
    let checked = format!("ssl-mode=VERIFY_IDENTITY&{}", authority());
    start(user.options("localhost", &checked)).unwrap();
    let checked = format!("ssl-mode=VERIFY_CA&{}", authority());
    start(user.options("127.0.0.1", &checked)).unwrap();
    database::drop_tables("test_tls");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let user = User::new();
    let checked = format!("ssl-mode=VERIFY_IDENTITY&{}", authority());
    let error = start(user.options("127.0.0.1", &checked)).unwrap_err();
    assert!(error.chain().to_lowercase().contains("certificate"), "{}", error.chain());
}
