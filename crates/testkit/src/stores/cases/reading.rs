//! Stores that are opened read-only.

use apscheduler_core::ErrorKind;

use super::actions::{add, find, ids, list};
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::{same_state, second};

cases! { "reading":
    Place reading_finds_the_jobs_of_others [Durable],
    Place reading_needs_no_write_permission [ReadOnlyUser],
    Place an_unused_place_is_read_as_empty_and_left_alone [Durable, Occupy],
    Place reading_refuses_a_newer_schema [SetVersion],
    Place reading_refuses_data_of_another_program [Occupy],
}

fn reading_finds_the_jobs_of_others(place: &Place<'_>) {
    let store = place.open();
    add(&*store, &[("a", Some(second(2))), ("b", None), ("c", Some(second(1)))]);
    let check = || {
        let reader = place.open_read_only();
        assert_eq!(ids(&list(&*reader)), ["c", "a", "b"]);
        assert_eq!(reader.next_run_time(None).expect("a time"), Some(second(1)));
        assert_eq!(reader.next_run_time(Some(second(2))).expect("no time"), None);
        let found = find(&*reader, "a");
        assert_eq!(found.next_run_time, Some(second(2)));
        assert!(reader.lookup_job("d").expect("no error").is_none());
        found
    };
    let read = check();
    let record = find(&*store, "a");
    assert_eq!(read.revision, record.revision);
    assert!(same_state(&read.payload, &record.payload));
    store.close();
    assert_eq!(check().revision, record.revision, "nothing was changed");
}

fn reading_needs_no_write_permission(place: &Place<'_>) {
    let store = place.open();
    add(&*store, &[("a", Some(second(1))), ("b", None)]);
    let check = || {
        let open = place.harness().read_only_user().expect("checked before the case was run");
        let reader = open(place.address());
        reader.start_read_only("default").expect("it may read");
        assert_eq!(ids(&list(&*reader)), ["a", "b"]);
        assert_eq!(find(&*reader, "a").next_run_time, Some(second(1)));
        assert_eq!(reader.next_run_time(None).expect("a time"), Some(second(1)));
        reader.shutdown().expect("it shuts down");
    };
    check();
    store.close();
    check();
}

fn an_unused_place_is_read_as_empty_and_left_alone(place: &Place<'_>) {
    let reader = place.open_read_only();
    assert!(list(&*reader).is_empty());
    assert_eq!(reader.next_run_time(None).expect("no error"), None);
    assert!(reader.lookup_job("a").expect("no error").is_none());
    reader.close();
    // Nothing was created there, so another program may use the place.
    place.harness().insert_foreign_data().expect("checked before the case was run")(
        place.address(),
    );
    assert_eq!(place.refuse().kind(), ErrorKind::Store);
}

fn reading_refuses_a_newer_schema(place: &Place<'_>) {
    add(&*place.open(), &[("a", None)]);
    let set_version = place.harness().set_version().expect("checked before the case was run");
    let version = set_version(place.address(), 99);
    let error = place.refuse_to_read();
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.to_string().contains(" 99"), "which one: {error}");
    set_version(place.address(), version);
    assert_eq!(ids(&list(&*place.open_read_only())), ["a"]);
}

fn reading_refuses_data_of_another_program(place: &Place<'_>) {
    place.harness().insert_foreign_data().expect("checked before the case was run")(
        place.address(),
    );
    let error = place.refuse_to_read();
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.to_string().contains("choose"), "the error must suggest another name: {error}");
}
