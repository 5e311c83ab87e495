//! Manual edits: no job is lost.

use apscheduler_core::store::{ClaimRequest, Decision, JobPayload, JobStore as _, NextRun};

use crate::{Place, claim, ids, place, record, second};

/// Writes the data of a job.
fn edit(place: &Place, id: &str, data: &str) {
    place::with_client(async |client| {
        let job = place::job(client, &place.0, id).await;
        client.set_data(&job, data.as_bytes(), None).await.unwrap();
    });
}

/// Removes the entry of the only job.
fn remove_entry(place: &Place) {
    place::with_client(async |client| {
        let due = format!("{}/due", place::base(client, &place.0).await);
        let entry = place::all(client, &due).await.into_iter().find(|node| node.contains("Z "));
        client.delete(&entry.unwrap(), None).await.unwrap();
    });
}

#[test]
fn a_manually_edited_run_time_is_used() {
    let place = Place::new();
    let store = place.open();
    store.add_jobs(vec![record("a", Some(second(1)))]).unwrap();
    edit(&place, "a", "7 2027-01-01T00:00:30.000000Z {}");
    let due = |at| ClaimRequest::new(second(at), 10);
    assert!(claim(&store, &due(2), NextRun::Finished).won.is_empty(), "its entry is repaired");
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(30)));
    assert_eq!(claim(&store, &due(30), NextRun::Finished).won.len(), 1);
}

#[test]
fn a_record_without_a_head_is_due_and_is_not_lost() {
    let place = Place::new();
    let store = place.open();
    store.add_jobs(vec![record("a", Some(second(1)))]).unwrap();
    for broken in ["", "oops", "7 soon {}", "adding", "\u{fffd}"] {
        edit(&place, "a", broken);
        let mut seen = Vec::new();
        let claims = store.claim_due(&ClaimRequest::new(second(2), 10), &mut |record| {
            seen.push((record.next_run_time, record.payload.as_text().map(str::to_owned)));
            Decision::Leave
        });
        assert!(claims.unwrap().won.is_empty());
        assert_eq!(seen, [(Some(second(1)), Some(broken.to_owned()))]);
        let found = store.lookup_job("a").unwrap().unwrap();
        assert_eq!(found.payload.as_text(), Some(broken));
        assert_eq!(found.next_run_time, Some(second(1)));
    }
    let found = store.lookup_job("a").unwrap().unwrap();
    let mended = found.with_payload(JobPayload::Encoded("{}".into()));
    assert!(store.update_job(&mended.with_next_run_time(Some(second(5)))).unwrap());
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(5)));
    assert_eq!(ids(&store), ["a"]);
}

#[test]
fn a_job_without_an_entry_can_be_changed_and_removed() {
    let place = Place::new();
    let store = place.open();
    store.add_jobs(vec![record("a", Some(second(1)))]).unwrap();
    remove_entry(&place);
    let found = store.lookup_job("a").unwrap().unwrap();
    assert!(store.update_job(&found.with_next_run_time(Some(second(5)))).unwrap());
    assert_eq!(ids(&store), ["a"]);
    remove_entry(&place);
    store.add_jobs(vec![record("a", Some(second(7))).with_replace(true)]).unwrap();
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(7)));
    remove_entry(&place);
    assert!(store.remove_job("a").unwrap());
    assert!(store.lookup_job("a").unwrap().is_none());
}

#[test]
fn an_entry_without_a_job_is_removed() {
    let place = Place::new();
    let store = place.open();
    store.add_jobs(vec![record("a", Some(second(1)))]).unwrap();
    place::with_client(async |client| {
        let job = place::job(client, &place.0, "a").await;
        client.delete(&job, None).await.unwrap();
    });
    assert!(claim(&store, &ClaimRequest::new(second(2), 10), NextRun::Finished).won.is_empty());
    apscheduler_testkit::eventually("the entry is removed", || {
        store.next_run_time(None).unwrap().is_none()
    });
}
