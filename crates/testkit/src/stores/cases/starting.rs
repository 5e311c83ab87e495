//! What a start encounters: other schema versions, data of other programs, and concurrent starts.

use apscheduler_core::ErrorKind;

use super::actions::{add, ids, list};
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::second;

cases! { "starting":
    Place a_newer_schema_is_refused [SetVersion],
    Place data_of_another_program_is_left_alone [Occupy],
    Place places_are_separate [Durable],
    Place many_can_start_at_once [Durable, Shared],
}

fn a_newer_schema_is_refused(place: &Place<'_>) {
    add(&*place.open(), &[("a", None)]);
    let set_version = place.harness().set_version().expect("checked before the case was run");
    let version = set_version(place.address(), 99);
    let error = place.refuse();
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.to_string().contains(" 99"), "which one: {error}");
    set_version(place.address(), version);
    assert_eq!(ids(&list(&*place.open())), ["a"], "nothing was changed");
}

/// Python's APScheduler uses the same names by default.
fn data_of_another_program_is_left_alone(place: &Place<'_>) {
    let insert_foreign_data =
        place.harness().insert_foreign_data().expect("checked before the case was run");
    insert_foreign_data(place.address());
    for _ in 0..2 {
        let error = place.refuse();
        assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
        assert!(
            error.to_string().contains("choose"),
            "the error must suggest another name: {error}"
        );
    }
}

fn places_are_separate(place: &Place<'_>) {
    let other = Place::new(place.harness());
    let (one, two) = (place.open(), other.open());
    add(&*one, &[("a", Some(second(1))), ("b", None)]);
    add(&*two, &[("a", Some(second(2)))]);
    assert_eq!(ids(&list(&*two)), ["a"]);
    two.remove_all_jobs().expect("removed");
    assert_eq!(ids(&list(&*one)), ["a", "b"]);
}

fn many_can_start_at_once(place: &Place<'_>) {
    let names: Vec<String> = (0..8).map(|number| format!("job{number}")).collect();
    std::thread::scope(|scope| {
        for id in &names {
            scope.spawn(|| add(&*place.open(), &[(&**id, Some(second(1)))]));
        }
    });
    assert_eq!(ids(&list(&*place.open())), names);
}
