//! A shutdown does not wait for an unresponsive server.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::actions::add;
use super::watching::watch;
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::second;

cases! { "cutting_short":
    Place a_shutdown_does_not_wait_for_a_silent_server [Server],
    Place a_watch_of_a_silent_server_ends_after_the_shutdown [Server, Watch],
}

/// The maximum time of a shutdown, on a busy machine.
const SHUTDOWN: Duration = Duration::from_secs(8);

/// The maximum time of a call after that: drivers that can't be interrupted have a time limit.
const CALL: Duration = Duration::from_secs(20);

fn a_shutdown_does_not_wait_for_a_silent_server(place: &Place<'_>) {
    let (store, proxy) = place.open_through_proxy();
    add(&*store, &[("a", Some(second(1)))]);
    proxy.silence();
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send(store.lookup_job("a")));
        // Usually long enough for the call to be in progress; a later call is refused.
        let early = receiver.recv_timeout(Duration::from_millis(300));
        assert!(early.is_err(), "nobody answers");
        let begun = Instant::now();
        store.shutdown().expect("the store shuts down");
        assert!(begun.elapsed() < SHUTDOWN, "the shutdown took {:?}", begun.elapsed());
        let answer = receiver.recv_timeout(CALL).expect("the call ends");
        answer.expect_err("nobody answers");
    });
}

fn a_watch_of_a_silent_server_ends_after_the_shutdown(place: &Place<'_>) {
    let (store, proxy) = place.open_through_proxy();
    let (watch, _receiver) = watch(&store);
    proxy.silence();
    // By now, a watch that polls is in the middle of a poll.
    std::thread::sleep(Duration::from_millis(1500));
    let begun = Instant::now();
    store.shutdown().expect("the store shuts down");
    drop(watch);
    assert!(begun.elapsed() < SHUTDOWN, "it took {:?}", begun.elapsed());
}
