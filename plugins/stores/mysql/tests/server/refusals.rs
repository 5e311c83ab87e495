//! Servers that are unreachable or refuse the login. Errors do not show passwords.

use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use apscheduler_core::ErrorKind;
use apscheduler_core::store::JobStore as _;
use apscheduler_store_mysql::MySqlOptions;
use mysql::prelude::Queryable as _;

use crate::database::{connect, execute};
use crate::{
    Table, User, add, assert_no_password, assert_unavailable, claimed, ids, place, refused,
    started, try_adding,
};

/// A read-only server refuses writes of users who have only permissions on rows.
static READ_ONLY: Mutex<()> = Mutex::new(());

#[test]
fn an_unreachable_server_is_named_without_the_password() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let error = refused(MySqlOptions::new(format!("mysql://someone:topsecret@{address}/jobs")));
    assert_unavailable(&error, &format!("{address}/jobs"));
    assert_no_password(&error);
}

#[test]
fn an_unresponsive_server_times_out() {
    // It accepts connections, but never answers.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let url = format!("mysql://someone:topsecret@{address}/jobs");
    let begin = Instant::now();
    let error = refused(MySqlOptions::new(url).connect_timeout(Duration::from_millis(300)));
    assert!(begin.elapsed() < Duration::from_secs(10), "it took {:?}", begin.elapsed());
    assert_unavailable(&error, &format!("{address}/jobs"));
    assert_no_password(&error);
}

#[test]
fn an_unknown_host_is_named() {
    let error = refused(MySqlOptions::new("mysql://someone:topsecret@nowhere.invalid/jobs"));
    assert_unavailable(&error, "nowhere.invalid:3306/jobs");
    assert_no_password(&error);
}

#[test]
fn a_wrong_password_is_not_shown() {
    let user = User::new("rightsecret");
    let error = refused(MySqlOptions::new(user.url("topsecret")));
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.chain().contains("refused the connection"), "{}", error.chain());
    assert_no_password(&error);
}

#[test]
fn a_password_may_have_any_characters() {
    let user = User::new("p@ss:w/o?r#d% ä");
    let table = Table::new();
    execute(&format!("GRANT ALL ON *.* TO {}", user.0));
    let url = user.url("p%40ss%3Aw%2Fo%3Fr%23d%25%20%C3%A4");
    let store = started(MySqlOptions::new(url).tablename(&table.0));
    add(&store, "a");
    assert_eq!(ids(&store), ["a"]);
}

#[test]
fn a_missing_database_is_an_error() {
    let place = place();
    let (server, _) = place.split_once('/').expect("a database");
    let user = User::new("topsecret");
    execute(&format!("GRANT ALL ON *.* TO {}", user.0));
    let url = format!("mysql://{}:topsecret@{server}/not_there", user.0);
    let error = refused(MySqlOptions::new(url));
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.chain().contains("not_there"), "{}", error.chain());
    assert_no_password(&error);
}

#[test]
fn row_permissions_are_enough_once_the_tables_exist() {
    let _alone = READ_ONLY.lock().unwrap_or_else(PoisonError::into_inner);
    let (table, user) = (Table::new(), User::new("secret"));
    let options = MySqlOptions::new(user.url("secret")).tablename(&table.0);
    execute(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO {}", user.0));
    let error = refused(options.clone());
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.chain().to_lowercase().contains("denied"), "{}", error.chain());

    table.open().shutdown().expect("shut down");
    let store = started(options);
    add(&store, "a");
    assert_eq!(claimed(&store), ["a"]);
    assert!(store.remove_job("a").expect("removed"));
}

#[test]
fn a_read_only_server_is_retryable() {
    let _alone = READ_ONLY.lock().unwrap_or_else(PoisonError::into_inner);
    let (table, user) = (Table::new(), User::new("secret"));
    table.open().shutdown().expect("shut down");
    execute(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO {}", user.0));
    let store = started(MySqlOptions::new(user.url("secret")).tablename(&table.0));
    add(&store, "a");
    // The users of the other tests have permissions that override this.
    execute("SET GLOBAL read_only = 1");
    let (listed, added) = (store.get_jobs(None, 10), try_adding(&store, "b"));
    let claim = store.claim_due(&crate::due(), &mut crate::take);
    execute("SET GLOBAL read_only = 0");
    assert_eq!(listed.expect("reading still works").len(), 1);
    for error in [added.expect_err("read-only"), claim.expect_err("read-only")] {
        assert_unavailable(&error, &place());
    }
    add(&store, "b");
    assert_eq!(claimed(&store), ["a", "b"]);
}

#[test]
fn tls_is_used_or_refused_but_never_skipped_silently() {
    let table = Table::new();
    let ssl: Option<(String, String)> =
        connect().query_first("SHOW VARIABLES LIKE 'have_ssl'").expect("asked");
    // MySQL 8.4 has no such variable, and always has TLS.
    let has_tls = ssl.is_none_or(|(_, value)| value == "YES");
    let url = |mode: &str| {
        let url = crate::url();
        let separator = if url.contains('?') { '&' } else { '?' };
        MySqlOptions::new(format!("{url}{separator}ssl-mode={mode}")).tablename(&table.0)
    };
    if has_tls {
        add(&started(url("REQUIRED")), "a");
        // No authority has signed the certificate of a test server.
        assert_eq!(refused(url("VERIFY_CA")).kind(), ErrorKind::Unavailable);
        return;
    }
    for mode in ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
        let error = refused(url(mode));
        assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
        assert!(error.chain().contains("does not have this capability"), "{}", error.chain());
    }
}
