//! Changes by other handles are reported.

use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use apscheduler_core::store::{ChangeNotifier, NextRun, Watch};

use super::actions::{add, claim, find, take};
use crate::stores::case::cases;
use crate::stores::records::second;
use crate::stores::{Opened, Place};

cases! { "watching":
    Place changes_by_another_handle_are_reported [Watch, Shared],
    Place changes_by_a_closed_handle_are_reported [Watch, Shared],
    Place a_watch_ends_when_it_is_dropped [Watch],
    Place a_store_shuts_down_while_it_is_watched [Watch],
    Place a_store_can_be_watched_again [Watch, Shared],
}

/// The maximum time until a change is reported: twice the longest polling interval, and some more.
const SOON: Duration = Duration::from_secs(2);
/// The maximum time for closing, on a busy machine.
const CLOSING: Duration = Duration::from_secs(10);

pub(super) fn watch(store: &Opened) -> (Watch, Receiver<()>) {
    let (sender, receiver) = mpsc::channel();
    let notifier = ChangeNotifier::new(move || {
        // The case may have ended already.
        let _ = sender.send(());
    });
    let watch = store.watch(notifier).expect("the store is watched");
    (watch.expect("the capabilities promise a watch"), receiver)
}

fn assert_reported(receiver: &Receiver<()>, what: &str) {
    assert!(receiver.recv_timeout(SOON).is_ok(), "{what} was not reported within {SOON:?}");
}

fn changes_by_another_handle_are_reported(place: &Place<'_>) {
    let (store, other) = (place.open(), place.open());
    let (watch, receiver) = watch(&store);
    // A notice may be repeated: discard those from before each change.
    let forget = || while receiver.try_recv().is_ok() {};
    add(&*other, &[("a", Some(second(1))), ("b", Some(second(1)))]);
    assert_reported(&receiver, "an added job");
    forget();
    let changed = find(&*other, "a").with_next_run_time(Some(second(0)));
    assert!(other.update_job(&changed).expect("updated"));
    assert_reported(&receiver, "an updated job");
    forget();
    // A claim may or may not be reported: a handle that scanned at the same time knows what is due
    // next.
    claim(&*other, second(0), 10, |record| take(record, NextRun::At(second(5))));
    forget();
    assert!(other.remove_job("a").expect("removed"));
    assert_reported(&receiver, "a removed job");
    forget();
    other.remove_all_jobs().expect("removed");
    assert_reported(&receiver, "the removal of all jobs");
    drop(watch);
}

fn changes_by_a_closed_handle_are_reported(place: &Place<'_>) {
    let store = place.open();
    let (_watch, receiver) = watch(&store);
    let other = place.open();
    add(&*other, &[("a", Some(second(1)))]);
    other.close();
    assert_reported(&receiver, "an added job");
}

fn a_watch_ends_when_it_is_dropped(place: &Place<'_>) {
    let store = place.open();
    let (watch, receiver) = watch(&store);
    drop(watch);
    // The notifier is gone, so the channel is disconnected.
    let until = Instant::now() + CLOSING;
    while receiver.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
        assert!(Instant::now() < until, "the notifier is still held after {CLOSING:?}");
        std::thread::yield_now();
    }
}

fn a_store_shuts_down_while_it_is_watched(place: &Place<'_>) {
    let store = place.open();
    let started = Instant::now();
    let (watch, receiver) = watch(&store);
    store.shutdown().expect("the store shuts down");
    drop(watch);
    assert!(started.elapsed() < CLOSING, "closing took {:?}", started.elapsed());
    drop(receiver);
}

fn a_store_can_be_watched_again(place: &Place<'_>) {
    let (store, other) = (place.open(), place.open());
    let (first, gone) = watch(&store);
    drop(first);
    let (again, receiver) = watch(&store);
    drop(gone);
    add(&*other, &[("a", Some(second(1)))]);
    assert_reported(&receiver, "an added job");
    drop(again);
}
