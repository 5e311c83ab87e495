//! Listing jobs, in order and by pages.

use apscheduler_core::store::{Cursor, JobStore, NewRecord};
use apscheduler_core::time::Timestamp;

use super::actions::{add, find, ids, list, list_by, many_id};
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::{Records, second};

cases! { "listing":
    Store an_empty_store_lists_nothing,
    Store jobs_are_ordered_by_next_run_time,
    Store paused_jobs_come_last,
    Store equal_run_times_are_ordered_by_id,
    Store the_order_follows_changes,
    Store a_page_has_its_limit,
    Store pages_of_every_size_show_each_job_once,
    Store a_page_continues_after_a_removed_job,
    Place a_hundred_thousand_jobs_are_paged_through,
}

fn an_empty_store_lists_nothing(store: &dyn JobStore) {
    assert!(store.get_jobs(None, 10).expect("a page").is_empty());
    let after = Cursor::new(Some(second(1)), "a");
    assert!(store.get_jobs(Some(&after), 10).expect("a page").is_empty());
}

fn jobs_are_ordered_by_next_run_time(store: &dyn JobStore) {
    add(store, &[("a", Some(second(3))), ("b", Some(second(1))), ("c", Some(second(2)))]);
    assert_eq!(ids(&list(store)), ["b", "c", "a"]);
}

fn paused_jobs_come_last(store: &dyn JobStore) {
    add(store, &[("p2", None), ("a", Some(second(3))), ("p1", None), ("b", Some(second(1)))]);
    let listed = list(store);
    assert_eq!(ids(&listed), ["b", "a", "p1", "p2"]);
    assert_eq!(listed[3].next_run_time, None);
}

fn equal_run_times_are_ordered_by_id(store: &dyn JobStore) {
    // By code points, not by language, length or UTF-16 units.
    let ordered = ["10", "2", "B", "a", "a ", "aa", "b", "é", "\u{ff5e}", "😀"];
    let mut jobs: Vec<_> = ordered.iter().rev().map(|id| (*id, Some(second(1)))).collect();
    jobs.swap(1, 5);
    add(store, &jobs);
    assert_eq!(ids(&list(store)), ordered);
}

fn the_order_follows_changes(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(2))), ("c", Some(second(3)))]);
    for (id, time, order) in [
        ("c", Some(second(0)), ["c", "a", "b"]),
        ("a", None, ["c", "b", "a"]),
        ("b", Some(second(0)), ["b", "c", "a"]),
        ("c", None, ["b", "a", "c"]),
        ("a", Some(second(9)), ["b", "a", "c"]),
    ] {
        let mut record = find(store, id);
        record.next_run_time = time;
        assert!(store.update_job(&record).expect("the job is there"));
        assert_eq!(ids(&list(store)), order, "after {id} was moved to {time:?}");
    }
}

fn mixed(store: &dyn JobStore, count: usize) -> Vec<String> {
    let records = Records::of(store);
    // The order of ids is opposite to that of the times, a third of the jobs is paused, and many
    // run times are equal.
    let time = |number: usize| -> Option<Timestamp> {
        let bucket = i64::try_from(number % 3 + number / 40 * 3).expect("small");
        (number % 3 != 2).then(|| second(-bucket))
    };
    let new: Vec<NewRecord> =
        (0..count).map(|number| records.new_record(many_id(number), time(number))).collect();
    let mut keys: Vec<_> = new
        .iter()
        .map(|new| (new.next_run_time.is_none(), new.next_run_time, new.id.to_string()))
        .collect();
    store.add_jobs(new).expect("the jobs are added");
    keys.sort();
    keys.into_iter().map(|(_, _, id)| id).collect()
}

fn a_page_has_its_limit(store: &dyn JobStore) {
    let ordered = mixed(store, 30);
    for limit in [0, 1, 7, 29, 30, 31, usize::MAX] {
        let page = store.get_jobs(None, limit).expect("a page");
        assert_eq!(ids(&page), ordered[..limit.min(30)], "with the limit {limit}");
    }
}

fn pages_of_every_size_show_each_job_once(store: &dyn JobStore) {
    let ordered = mixed(store, 60);
    for limit in [1, 2, 3, 7, 19, 20, 40, 59, 60, 61] {
        assert_eq!(ids(&list_by(store, limit)), ordered, "by pages of {limit}");
    }
}

fn a_page_continues_after_a_removed_job(store: &dyn JobStore) {
    let ordered = mixed(store, 30);
    for limit in [5, 10, 20, 25] {
        let page = store.get_jobs(None, limit).expect("a page");
        let last = page.last().expect("jobs are left");
        assert!(store.remove_job(&last.id).expect("removed"));
        let rest = store.get_jobs(Some(&last.cursor()), 100).expect("a page");
        assert_eq!(ids(&rest), ordered[limit..], "behind {}", last.id);
        let again = NewRecord::new(last.id.clone(), last.next_run_time, last.payload.clone());
        store.add_jobs(vec![again]).expect("added again");
    }
}

fn a_hundred_thousand_jobs_are_paged_through(place: &Place<'_>) {
    let store = place.open();
    let count = place.scaled(100_000);
    let ordered = mixed(&*store, count);
    assert!(
        list_by(&*store, (count / 100).max(7)).iter().map(|record| &*record.id).eq(ordered.iter())
    );
}
