//! Interactions of schedulers that share a table.

use std::sync::mpsc;
use std::time::Duration;

use apscheduler_core::ledger::{OpenRun, OpenStep, Writes};
use apscheduler_core::run::{Owner, RunId};
use apscheduler_core::store::{ChangeNotifier, JobStore as _};
use apscheduler_testkit::stores::records::second;
use mysql::TxOpts;
use mysql::prelude::Queryable as _;

use crate::database::connect;
use crate::{Table, add, claimed, due, ids, notifier, take};

#[test]
fn a_claim_does_not_delay_other_jobs() {
    let table = Table::new();
    let (store, other) = (table.open(), table.open());
    add(&store, "a");
    let claims = store.claim_due(&due(), &mut |record| {
        add(&other, "b");
        assert!(other.remove_job("b").expect("removed"));
        add(&other, "c");
        assert_eq!(claimed(&other), ["c"]);
        take(record)
    });
    assert_eq!(claims.expect("claimed").won.len(), 1);
}

#[test]
fn own_changes_are_not_reported() {
    let table = Table::new();
    let (store, other) = (table.open(), table.open());
    let watching = table.options().poll_interval(Duration::from_millis(10));
    let watcher = crate::started(watching);
    let (notifier, told) = notifier();
    let _watch = watcher.watch(notifier).expect("watched").expect("a watch");
    let (sender, receiver) = mpsc::channel();
    let own = ChangeNotifier::new(move || {
        // The test may have ended already.
        let _ = sender.send(());
    });
    let _own = store.watch(own).expect("watched").expect("a watch");
    add(&store, "a");
    assert!(store.remove_job("a").expect("removed"));
    assert!(told(), "others are notified");
    // Longer than its polling interval.
    assert!(
        receiver.recv_timeout(Duration::from_millis(1500)).is_err(),
        "its own change is not reported"
    );
    add(&other, "b");
    assert!(receiver.recv_timeout(Duration::from_secs(10)).is_ok(), "another did");
}

/// Another transaction and the claim deadlock, and the server rolls back the claim. The decisions on unchanged jobs are
/// written again, and no job is decided on twice.
#[test]
fn a_claim_rolled_back_by_a_deadlock_is_written_again() {
    let table = Table::new();
    let (store, name) = (table.open(), &table.0);
    for id in ["a", "b"] {
        add(&store, id);
    }
    let (locked, is_locked) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let rival = scope.spawn(move || {
            let mut connection = connect();
            connection.query_drop("CREATE TEMPORARY TABLE weight (n int) ENGINE=InnoDB").expect("made");
            let mut rival = connection.start_transaction(TxOpts::default()).expect("begun");
            // The server rolls back the one that wrote less.
            let rows = vec!["(1)"; 1000].join(", ");
            rival.query_drop(format!("INSERT INTO weight VALUES {rows}")).expect("written");
            // The gap in the index where the claim is about to write.
            let gap = format!(
                "SELECT id FROM {name} FORCE INDEX (next_run_time) WHERE next_run_time > {} FOR UPDATE",
                second(10).timestamp_micros()
            );
            rival.query_drop(gap).expect("locked");
            locked.send(()).expect("received");
            may_go.recv().expect("told");
            // Waits for the claim, which waits for the gap.
            let update = format!("UPDATE {name} SET revision = revision + 1 WHERE id = 'b'");
            rival.query_drop(update).expect("the rival wins");
            rival.commit().expect("committed");
        });
        is_locked.recv().expect("told");
        let mut decided = Vec::new();
        let claims = store.claim_due(&due(), &mut |record| {
            decided.push(record.id.to_string());
            if decided.len() == 2 {
                go.send(()).expect("received");
            }
            take(record)
        });
        let claims = claims.expect("claimed").won;
        rival.join().expect("the rival is done");
        assert_eq!(decided, ["a", "b"]);
        // The rival has changed `b`, or has it locked.
        let won: Vec<&str> = claims.iter().map(|claim| &*claim.record.id).collect();
        assert_eq!(won, ["a"]);
    });
    assert_eq!(claimed(&store), ["b"], "it is still due");
    assert_eq!(ids(&store), ["a", "b"]);
}

/// The owner is condemned in a transaction that is not committed yet when it claims a run.
#[test]
fn a_claim_of_waiting_runs_waits_for_the_verdict_on_its_owner() {
    let table = Table::new();
    let store = table.open();
    let ledger = store.ledger().expect("a ledger");
    let owner = Owner::new("shop", "host1", 4711);
    ledger.heartbeat(&owner, Duration::from_secs(60)).expect("noted");
    let run = OpenRun::new(RunId::new(second(1)), "a", second(1), owner.id, "{}");
    let steps = [OpenStep::add(run.waiting(second(2)))];
    ledger.append(owner.id, &Writes::new().steps(&steps)).expect("written");
    let mut judge = connect();
    let mut verdict = judge.start_transaction(TxOpts::default()).expect("begun");
    verdict.query_drop(format!("UPDATE {}_owners SET state = 'dead'", table.0)).expect("written");
    let claim = std::thread::spawn(move || ledger.claim_open(owner.id, second(9), 10));
    let blocked = format!(
        "SELECT COUNT(*) FROM information_schema.innodb_trx
         WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE '%{}_owners%'",
        table.0
    );
    while !claim.is_finished() && verdict.query_first(&blocked).expect("asked") == Some(0) {
        // The server renews this table only if nobody has read it for 100 ms.
        std::thread::sleep(Duration::from_millis(150));
    }
    verdict.commit().expect("committed");
    let claimed = claim.join().expect("no panic").expect("no error");
    assert!(claimed.is_empty(), "{claimed:?}");
}
