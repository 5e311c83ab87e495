//! Jobs that two releases claim and change.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use apscheduler_core::ErrorKind;
use apscheduler_core::function::{Callable, Function};
use apscheduler_core::job::stored::{decode, encode};
use apscheduler_core::ledger::Batch;
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{
    ChangeNotifier, Claim, ClaimOutcome, ClaimRequest, Decision, JobPayload, JobRecord, JobStore,
    NewRecord, NextRun, Watch,
};
use apscheduler_core::time::{SystemClock, Zone};
use apscheduler_core::trigger::TriggerContext;
use chrono::TimeDelta;

use super::is_read_by_earlier_releases;
use crate::stores::cases::actions::{add, add_many, find, list};
use crate::stores::records::{Records, same_state, second};

/// How long is waited for a notification, or until all jobs are claimed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The last run time of the jobs that both claim, in seconds.
const LAST: i64 = 15;

/// Checks that both claim from the same due jobs, and that each run time is claimed once.
///
/// # Panics
/// If that is not so.
pub fn each_run_time_is_claimed_once(earlier: &dyn JobStore, present: &dyn JobStore) {
    let half = 20;
    add_many(earlier, half, |_| second(0));
    let ids: Vec<String> = (0..half).map(|number| format!("other-{number}")).collect();
    add(present, &ids.iter().map(|id| (&**id, Some(second(0)))).collect::<Vec<_>>());

    let sides = [(earlier, OwnerId::random()), (present, OwnerId::random())];
    let mut claimed: Vec<Claim> = Vec::new();
    for (store, owner) in [sides, sides, sides].concat() {
        let won = claim(store, owner);
        assert_eq!(won.len(), 7, "each finds what is due");
        claimed.extend(won);
    }
    std::thread::scope(|scope| {
        let claimers = sides.map(|(store, owner)| scope.spawn(move || claim_all(store, owner)));
        for claimer in claimers {
            claimed.extend(claimer.join().expect("claimed"));
        }
    });

    let mut won: Vec<&JobRecord> = claimed.iter().map(|claim| &claim.record).collect();
    won.sort_by_key(|record| (&record.id, record.next_run_time));
    assert_eq!(won.len(), 2 * half * usize::try_from(LAST + 1).expect("a few"));
    for pair in won.windows(2).filter(|pair| pair[0].id == pair[1].id) {
        let next = pair[0].next_run_time.map(|time| time + TimeDelta::seconds(1));
        assert_eq!(pair[1].next_run_time, next, "{}", pair[0].id);
        assert_eq!(pair[1].revision, pair[0].revision + 1, "each claim raises the revision");
    }
    assert!(list(present).is_empty(), "all have finished");
}

/// Claims a few due jobs, for one run time each.
fn claim(store: &dyn JobStore, owner: OwnerId) -> Vec<Claim> {
    let batch = Batch::new(owner, second(LAST));
    let due = ClaimRequest::new(second(LAST), 7).batch(batch);
    let claims = store.claim_due(&due, &mut |record| {
        let time = record.next_run_time.expect("it is due");
        let next = time + TimeDelta::seconds(1);
        let next = if next > second(LAST) { NextRun::Finished } else { NextRun::At(next) };
        let outcome = ClaimOutcome::new(time, next).first_run(RunId::new(second(LAST)));
        Decision::Claim(outcome.batch(batch.id))
    });
    claims.expect("claimed").won
}

fn claim_all(store: &dyn JobStore, owner: OwnerId) -> Vec<Claim> {
    let (mut claimed, start) = (Vec::new(), Instant::now());
    // A claim may find all jobs locked.
    while store.next_run_time(None).expect("read").is_some() {
        claimed.extend(claim(store, owner));
        assert!(start.elapsed() < PATIENCE, "jobs are left");
    }
    claimed
}

/// Checks that each sees what the other has changed, and that neither overwrites it.
///
/// # Panics
/// If that is not so.
pub fn changes_are_seen(earlier: &dyn JobStore, present: &dyn JobStore) {
    let (_watch, changes) = watch(present);
    let assert_reported = |change: &str| {
        assert!(changes.recv_timeout(PATIENCE).is_ok(), "{change} was not reported");
        while changes.try_recv().is_ok() {}
    };
    let at = |record: &JobRecord, time| record.clone().with_next_run_time(Some(second(time)));

    add(earlier, &[("a", Some(second(5)))]);
    assert_reported("an added job");
    let (mine, theirs) = (find(present, "a"), find(earlier, "a"));
    assert_same(&mine, &theirs);

    assert!(present.update_job(&at(&mine, 9)).expect("updated"));
    assert!(!earlier.update_job(&at(&theirs, 7)).expect("no error"), "it is stale");
    let (mine, theirs) = (find(present, "a"), find(earlier, "a"));
    assert_same(&mine, &theirs);
    assert_eq!(earlier.next_run_time(None).expect("read"), Some(second(9)));

    assert!(earlier.update_job(&at(&theirs, 8)).expect("updated"));
    assert_reported("an updated job");
    assert!(!present.update_job(&at(&mine, 7)).expect("no error"), "it is stale");
    assert_eq!(present.next_run_time(None).expect("read"), Some(second(8)));
    assert_same(&list(present)[0], &earlier.get_jobs(None, 10).expect("listed")[0]);

    for (claims, reads) in [(earlier, present), (present, earlier)] {
        let before = find(reads, "a");
        let outcome = ClaimOutcome::new(second(9), NextRun::At(second(9)));
        let due = ClaimRequest::new(second(9), 10);
        let won = claims.claim_due(&due, &mut |_| Decision::Claim(outcome.clone()));
        assert_eq!(won.expect("claimed").won.len(), 1);
        assert!(!reads.update_job(&before).expect("no error"), "a claim makes it stale");
        assert_eq!(find(reads, "a").revision, before.revision + 1);
    }

    for (removes, reads) in [(earlier, present), (present, earlier)] {
        let before = find(reads, "a");
        assert!(removes.remove_job("a").expect("removed"));
        assert!(reads.lookup_job("a").expect("read").is_none());
        let error = reads.update_job(&before).expect_err("it does not come back");
        assert_eq!(error.kind(), ErrorKind::JobLookup);
        add(removes, &[("a", Some(second(5)))]);
        assert!(!reads.update_job(&before).expect("no error"), "it is another job");
    }
    let replaced = Records::of(present).new_record("a", Some(second(3))).with_replace(true);
    earlier.add_jobs(vec![replaced]).expect("replaced");
    assert_reported("a replaced job");
    assert_eq!(find(present, "a").next_run_time, Some(second(3)));
}

fn assert_same(left: &JobRecord, right: &JobRecord) {
    let key = |record: &JobRecord| (record.id.to_string(), record.next_run_time, record.revision);
    assert_eq!(key(left), key(right));
    assert!(same_state(&left.payload, &right.payload), "{left:?} {right:?}");
}

fn watch(store: &dyn JobStore) -> (Watch, Receiver<()>) {
    let (sender, receiver) = mpsc::channel();
    let notifier = ChangeNotifier::new(move || {
        // The check may have ended.
        let _ = sender.send(());
    });
    let watch = store.watch(notifier).expect("the store is watched");
    (watch.expect("the store has a watch"), receiver)
}

/// Checks that a job which needs something that came later is left to this release.
///
/// # Panics
/// If that is not so.
pub fn jobs_of_a_later_form_are_left_alone(earlier: &dyn JobStore, present: &dyn JobStore) {
    let texts = [("later", r#", "policies": {"retry": {"max_attempts": 3}}"#), ("plain", "")];
    let new = texts.map(|(id, policies)| {
        let text = JobPayload::Encoded(as_stored(id, policies));
        NewRecord::new(id, Some(second(5)), text)
    });
    present.add_jobs(new.to_vec()).expect("added");
    let before = find(present, "later");

    let due = ClaimRequest::new(second(10), 10);
    let take = || Decision::Claim(ClaimOutcome::new(second(5), NextRun::At(second(60))));
    let theirs = earlier.claim_due(&due, &mut |record| {
        let is_read = is_read_by_earlier_releases(record.text().expect("a text"));
        if is_read { take() } else { Decision::Leave }
    });
    assert_same(&find(present, "later"), &before);
    let mine = present.claim_due(&due, &mut |_| take());
    let [theirs, mine] = [theirs, mine].map(|claims| {
        let won = claims.expect("claimed").won;
        won.iter().map(|claim| claim.record.id.to_string()).collect::<Vec<_>>()
    });
    assert_eq!((theirs, mine), (vec!["plain".to_owned()], vec!["later".to_owned()]));
}

/// Returns the text that this release stores for a job.
fn as_stored(id: &str, policies: &str) -> Arc<str> {
    let registry = crate::registry();
    for plugin in apscheduler_triggers::PLUGINS {
        registry.register(plugin.clone()).expect("their names are distinct");
    }
    let callable = Callable::Sync(Arc::new(|_, _| Ok(serde_json::Value::Null)));
    let function = Function::new("shop::report", |_| Ok(()), callable);
    registry.add_function(function).expect("its name is free");
    let context = TriggerContext::new(&registry, Zone::UTC, &SystemClock);
    let text = format!(
        r#"{{"version": 2, "id": "{id}", "name": "{id}", "func": "shop::report", "args": [], "kwargs": {{}},
            "trigger": {{"type": "interval", "seconds": 60}}, "executor": "default",
            "misfire_grace_time": 1, "coalesce": true, "max_instances": 1{policies}}}"#
    );
    let job = decode(&id.into(), &text, &context).expect("the text of a job");
    encode(&job).expect("encoded")
}
