//! A call that may wait does not block its caller.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use apscheduler_core::job::JobBuilder;
use apscheduler_core::{Error, ErrorKind};

use crate::patience::DEADLINE;
use crate::schedulers::case::cases;
use crate::schedulers::{Lab, SchedulerHarness};

cases! {
    "calls":
    one_that_waits_does_not_hold_up_its_caller,
    one_returns_what_was_called,
}

fn one_that_waits_does_not_hold_up_its_caller(harness: &SchedulerHarness) {
    for start in [false, true] {
        let lab = Lab::new(harness);
        if start {
            lab.start().expect("it starts");
        }
        let (open, gate) = channel::<()>();
        let gate = Mutex::new(gate);
        let call = lab.call(move |_| {
            let gate = gate.lock().expect("no panic");
            gate.recv_timeout(DEADLINE).map_err(|_| {
                Error::new(ErrorKind::Other, "the caller waited for the call that waited for it")
            })
        });
        open.send(()).expect("the call waits");
        pollster::block_on(call).expect("the caller went on");
    }
}

fn one_returns_what_was_called(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let add = |id: &'static str| {
        lab.call(move |scheduler| scheduler.add_job(JobBuilder::new(|| ()).id(id)))
    };
    assert_eq!(pollster::block_on(add("a")).expect("a valid job").id(), "a");
    lab.events().wait_for("a", 1);
    let lookup = lab.call(|scheduler| scheduler.remove_job("nobody"));
    let error = pollster::block_on(lookup).expect_err("there is no such job");
    assert_eq!(error.kind(), ErrorKind::JobLookup);
}
