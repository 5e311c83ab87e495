//! More jobs than one query, batch or array of the server takes.

use std::time::Duration;

use apscheduler_core::store::{
    ClaimRequest, Cursor, Decision, JobPayload, JobStore, NewRecord, NextRun,
};
use apscheduler_testkit::stores::records::second;

use crate::calls::{Place, started, take};

const COUNT: usize = 20_000;

fn list(store: &dyn JobStore, limit: usize) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = store.get_jobs(after.as_ref(), limit).unwrap();
        after = page.last().map(apscheduler_core::store::JobRecord::cursor);
        ids.extend(page.iter().map(|record| record.id.to_string()));
        if page.len() < limit {
            return ids;
        }
    }
}

#[test]
fn twenty_thousand_jobs_are_added_listed_claimed_and_removed() {
    let place = Place::new();
    let store = place.open();
    let text = format!(r#"{{"version":1,"args":["{}"]}}"#, "x".repeat(1000));
    let payload = JobPayload::Encoded(text.into());
    let names: Vec<String> = (0..COUNT).map(|number| format!("job-{number:05}")).collect();
    let new = names.iter().map(|id| NewRecord::new(&**id, Some(second(1)), payload.clone()));
    store.add_jobs(new.collect()).unwrap();
    assert_eq!(list(&store, 7000), names);
    assert_eq!(list(&store, usize::MAX), names);
    let (mut claimed, mut due) = (Vec::new(), ClaimRequest::new(second(1), 15_000));
    loop {
        let claims = store.claim_due(&due, &mut |record| take(record, NextRun::At(second(9))));
        let claims = claims.unwrap();
        claimed.extend(claims.won.iter().map(|claim| claim.record.id.to_string()));
        let Some(resume) = claims.resume else { break };
        due.after = Some(resume);
    }
    assert_eq!(claimed, names);
    let none = store.claim_due(&ClaimRequest::new(second(1), 10), &mut |_| Decision::Leave);
    assert!(none.unwrap().won.is_empty());
    store.remove_all_jobs().unwrap();
    assert!(list(&store, 10).is_empty());
}

#[test]
fn large_states_are_split_into_queries() {
    let place = Place::new();
    // The peer in the testkit is not optimized.
    let store = started(place.options().query_timeout(Duration::from_mins(5)));
    // Together more than the 64 MiB of a query.
    let text = format!(r#"{{"version":1,"args":["{}"]}}"#, "x".repeat(7 << 20));
    let payload = JobPayload::Encoded(text.into());
    let new =
        |number: usize| NewRecord::new(format!("{number:02}"), Some(second(1)), payload.clone());
    store.add_jobs((0..10).map(new).collect()).unwrap();
    let due = ClaimRequest::new(second(1), 100);
    let claims = store.claim_due(&due, &mut |record| take(record, NextRun::Finished)).unwrap();
    assert_eq!(claims.won.len(), 10);
    assert_eq!(claims.won[9].record.payload.as_text(), payload.as_text());
    assert!(store.get_jobs(None, 10).unwrap().is_empty());
}
