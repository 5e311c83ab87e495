//! Outages of servers and networks: no run happens twice, and the store recovers.

use std::time::{Duration, Instant};

use apscheduler_core::store::JobStore as _;
use apscheduler_store_mysql::MySqlOptions;
use mysql::prelude::Queryable as _;

use crate::database::{connect, execute};
use crate::{
    Table, User, add, assert_unavailable, claimed, due, ids, notifier, proxy, started, take,
};

#[test]
fn a_connection_closed_by_the_server_is_replaced() {
    let (table, user) = (Table::new(), User::with_rights("secret"));
    let store = started(MySqlOptions::new(user.url("secret")).tablename(&table.0));
    add(&store, "a");
    user.end_connections();
    assert_eq!(ids(&store), ["a"]);
    user.end_connections();
    add(&store, "b");
    user.end_connections();
    assert_eq!(claimed(&store), ["a", "b"]);
}

#[test]
fn a_claim_killed_by_the_server_claims_nothing() {
    let (table, user) = (Table::new(), User::with_rights("secret"));
    let store = started(MySqlOptions::new(user.url("secret")).tablename(&table.0));
    add(&store, "a");
    let cut_off = store.claim_due(&due(), &mut |record| {
        user.end_connections();
        take(record)
    });
    assert_unavailable(&cut_off.expect_err("the connection was closed"), &crate::place());
    assert_eq!(claimed(&store), ["a"], "it is still due");
}

#[test]
fn a_claim_that_did_not_arrive_cannot_be_written_later() {
    let (table, proxy) = (Table::new(), proxy());
    let store = started(table.through(&proxy));
    add(&store, "a");
    let cut_off = store.claim_due(&due(), &mut |record| {
        proxy.cut();
        take(record)
    });
    assert_unavailable(&cut_off.expect_err("the network is down"), "127.0.0.1");
    proxy.mend();
    // The server notices it a little later, and keeps the job locked until then.
    let patience = Instant::now() + Duration::from_secs(10);
    let mut ids = claimed(&store);
    while ids.is_empty() && Instant::now() < patience {
        ids = claimed(&store);
    }
    assert_eq!(ids, ["a"], "it is still due");
    assert_eq!(tokens(&table, 0), 1, "a claim that is still on its way will be refused");
}

#[test]
fn a_claim_answered_by_a_proxy_is_not_lost() {
    // A proxy that has lost its server; a server that does not know the outcome of COMMIT.
    for code in [2013_u16, 1180] {
        let (table, proxy) = (Table::new(), proxy());
        let store = started(table.through(&proxy));
        add(&store, "a");
        let lost = store.claim_due(&due(), &mut |record| {
            let said = [&[0xff][..], &code.to_le_bytes(), b"#HY000it is gone"].concat();
            let length = u8::try_from(said.len()).expect("a short message");
            proxy.answer_instead(&[&[length, 0, 0, 1][..], &said].concat());
            take(record)
        });
        lost.expect_err("it is not known whether it was written");
        proxy.mend();
        assert_eq!(claimed(&store), ["a"], "{code}");
        assert!(claimed(&store).is_empty());
    }
}

#[test]
fn claim_tokens_do_not_accumulate() {
    let table = Table::new();
    let store = table.open();
    for id in ["a", "b", "c", "d"] {
        add(&store, id);
        assert_eq!(claimed(&store), [id]);
        assert!(claimed(&store).is_empty());
    }
    assert!(tokens(&table, 1) <= 1);
    store.shutdown().expect("shut down");
    execute(&format!("UPDATE {}_claims SET since = '2020-01-01'", table.0));
    table.open();
    assert_eq!(tokens(&table, 1), 0, "tokens left by others are removed after a week");
}

fn tokens(table: &Table, is_written: u8) -> usize {
    let count = format!("SELECT COUNT(*) FROM {}_claims WHERE is_written = {is_written}", table.0);
    connect().query_first(count).expect("asked").expect("a number")
}

#[test]
fn a_silent_network_ends_calls_after_the_timeout() {
    let (table, proxy) = (Table::new(), proxy());
    let options = table.through(&proxy).statement_timeout(Duration::from_millis(100));
    let store = started(options.connect_timeout(Duration::from_millis(100)));
    add(&store, "a");
    proxy.silence();
    let begin = Instant::now();
    let error = store.get_jobs(None, 10).expect_err("silent");
    assert_unavailable(&error, &proxy.address().to_string());
    assert!(begin.elapsed() < Duration::from_secs(20), "it took {:?}", begin.elapsed());
    proxy.mend();
    assert_eq!(ids(&store), ["a"]);
}

#[test]
fn a_watch_survives_an_outage() {
    let (table, proxy) = (Table::new(), proxy());
    let store = started(table.through(&proxy).poll_interval(Duration::from_millis(20)));
    let other = table.open();
    let (notifier, told) = notifier();
    let _watch = store.watch(notifier).expect("watched").expect("a watch");
    add(&other, "a");
    assert!(told(), "a change by another handle");
    proxy.cut();
    add(&other, "b");
    proxy.mend();
    assert!(told(), "a change during the outage");
}
