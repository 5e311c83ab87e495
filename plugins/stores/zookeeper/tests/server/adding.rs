//! Jobs that are added in several requests: all of them or none.

use apscheduler_core::ErrorKind;
use apscheduler_core::store::{ClaimRequest, JobStore as _, NextRun};

use crate::{Place, claim, claim_all, ids, many, place, record, second};

/// More than fit into one request.
const COUNT: usize = 1500;

#[test]
fn a_conflict_adds_none_of_many() {
    let place = Place::new();
    let store = place.open();
    store.add_jobs(vec![record("job-01400", Some(second(7)))]).unwrap();
    let error = store.add_jobs(many(COUNT, |_| Some(second(1)))).unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::ConflictingId, Some("job-01400")));
    assert_eq!(ids(&store), ["job-01400"]);
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(7)));
    store.remove_job("job-01400").unwrap();
    store.add_jobs(many(COUNT, |_| Some(second(1)))).unwrap();
    assert_eq!(ids(&store).len(), COUNT);
}

#[test]
fn many_jobs_are_replaced() {
    let place = Place::new();
    let store = place.open();
    store.add_jobs(many(COUNT, |_| Some(second(1)))).unwrap();
    let before = store.lookup_job("job-00007").unwrap().unwrap();
    let mut records = many(COUNT + 500, |_| Some(second(2)));
    for record in &mut records {
        record.replace = true;
    }
    store.add_jobs(records).unwrap();
    assert_eq!(ids(&store).len(), COUNT + 500);
    let after = store.lookup_job("job-00007").unwrap().unwrap();
    assert!(after.revision > before.revision);
    assert_eq!(after.next_run_time, Some(second(2)));
    assert_eq!(claim_all(&store, second(1), NextRun::Finished), 0);
    assert_eq!(claim_all(&store, second(2), NextRun::Finished), COUNT + 500);
}

/// What a process leaves that ends in the middle: jobs of a transaction, whose node exists.
fn leave_unfinished(place: &Place) {
    let store = place.open();
    store.add_jobs(many(COUNT, |_| Some(second(1)))).unwrap();
    place::with_client(async |client| {
        let base = place::base(client, &place.0).await;
        let path = format!("{base}/adding/left");
        let options = zookeeper_client::CreateMode::Persistent
            .with_acls(zookeeper_client::Acls::anyone_all());
        client.create(&path, b"", &options).await.unwrap();
        let mut names = Vec::new();
        for node in place::all(client, &format!("{base}/jobs")).await {
            let (data, _) = client.get_data(&node).await.unwrap();
            let text = String::from_utf8(data).unwrap();
            if let Some(rest) = text.strip_prefix("adding ") {
                let (_, rest) = rest.split_once(' ').unwrap();
                let text = format!("adding left {rest}");
                client.set_data(&node, text.as_bytes(), None).await.unwrap();
                names.push(node.rsplit('/').next().unwrap().to_owned());
            }
        }
        assert_eq!(names.len(), COUNT);
        client.create(&format!("{path}/0"), names.join("\n").as_bytes(), &options).await.unwrap();
    });
}

#[test]
fn jobs_of_an_unfinished_transaction_do_not_count() {
    let place = Place::new();
    leave_unfinished(&place);
    let store = place.open();
    assert!(ids(&store).is_empty());
    assert!(store.lookup_job("job-00001").unwrap().is_none());
    assert!(!store.remove_job("job-00001").unwrap());
    let due = ClaimRequest::new(second(9), 1000);
    assert!(claim(&store, &due, NextRun::Finished).won.is_empty());
    // They are in the way of nobody.
    store.add_jobs(vec![record("job-00001", Some(second(5)))]).unwrap();
    assert_eq!(ids(&store), ["job-00001"]);
    store.add_jobs(vec![record("job-00002", None)]).unwrap();
    assert_eq!(claim_all(&store, second(9), NextRun::Finished), 1);
    store.remove_job("job-00002").unwrap();
    // All of them are gone.
    let left = place::with_client(async |client| {
        let base = place::base(client, &place.0).await;
        let jobs = place::all(client, &format!("{base}/jobs")).await;
        let adding = client.list_children(&format!("{base}/adding")).await.unwrap();
        (jobs.len(), adding.len())
    });
    assert_eq!(left, (257, 0), "the folders");
}

#[test]
fn an_unfinished_transaction_is_removed_later() {
    let place = Place::new();
    leave_unfinished(&place);
    let store = place.open();
    let now = apscheduler_core::time::Clock::now(&apscheduler_core::time::SystemClock);
    let retention = apscheduler_core::ledger::Retention::default();
    let prune = |hours| {
        let now = now + chrono::TimeDelta::hours(hours);
        store.ledger().unwrap().prune(now, &retention, 100).unwrap();
        place::with_client(async |client| {
            let base = place::base(client, &place.0).await;
            place::all(client, &format!("{base}/jobs")).await.len()
        })
    };
    assert_eq!(prune(0), COUNT + 257);
    assert_eq!(prune(2), 257);
}

#[test]
fn of_two_that_add_the_same_jobs_one_at_most_adds_them() {
    let place = Place::new();
    let stores = [place.open(), place.open()];
    let added: Vec<bool> = std::thread::scope(|scope| {
        let adders: Vec<_> = stores
            .iter()
            .map(|store| {
                scope.spawn(|| match store.add_jobs(many(COUNT, |_| Some(second(1)))) {
                    Ok(()) => true,
                    Err(error) => {
                        let is_conflict = error.kind() == ErrorKind::ConflictingId;
                        assert!(is_conflict || error.is_retryable(), "{}", error.chain());
                        false
                    }
                })
            })
            .collect();
        adders.into_iter().map(|adder| adder.join().unwrap()).collect()
    });
    let count = added.iter().filter(|added| **added).count();
    assert!(count <= 1);
    assert_eq!(ids(&stores[0]).len(), count * COUNT);
}
