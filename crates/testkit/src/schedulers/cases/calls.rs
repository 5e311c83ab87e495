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
    a_call_that_waits_does_not_block_its_caller,
    a_call_returns_its_result,
}

fn a_call_that_waits_does_not_block_its_caller(harness: &SchedulerHarness) {
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
                Error::new(ErrorKind::Other, "the caller and the call waited for each other")
            })
        });
        open.send(()).expect("the call waits");
        pollster::block_on(call).expect("the caller continued");
    }
}

fn a_call_returns_its_result(harness: &SchedulerHarness) {
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
