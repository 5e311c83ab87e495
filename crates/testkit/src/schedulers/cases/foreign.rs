//! Foreign code never runs under a lock: user values may call the scheduler when they are dropped,
//! and so may triggers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::OnRemove;
use apscheduler_core::Shutdown;
use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::executor::{Executor, ExecutorCapabilities, Run};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{SerializeOptions, Trigger};
use apscheduler_engine::Scheduler;
use apscheduler_plugin_kit::executor::RunExt as _;

use crate::CallsWhenDropped;
use crate::patience::in_time;
use crate::schedulers::case::cases;
use crate::schedulers::{Lab, SchedulerHarness, eventually};

cases! {
    "foreign":
    values_dropped_before_the_start_may_call_the_scheduler,
    values_dropped_while_it_runs_may_call_the_scheduler,
    a_trigger_may_call_the_scheduler,
}

/// Makes calls that take each of the locks.
fn call_everything(scheduler: &Scheduler) {
    scheduler.get_jobs().expect("a list");
    let listener = scheduler.add_listener(EventMask::JOB_ERROR, |_| ());
    assert!(scheduler.remove_listener(listener));
    scheduler.insert_extension(0_u8);
    assert!(scheduler.executor("nobody").is_none() && scheduler.jobstore("nobody").is_none());
    let _ = (scheduler.state(), scheduler.instances(), scheduler.timezone());
}

/// Counts the guards that were dropped and whose calls completed.
struct Guards {
    scheduler: Scheduler,
    dropped: Arc<AtomicUsize>,
    made: usize,
}

impl Guards {
    fn of(lab: &Lab) -> Self {
        Self { scheduler: lab.handle(), dropped: Arc::default(), made: 0 }
    }

    fn make(&mut self) -> CallsWhenDropped {
        self.made += 1;
        let (scheduler, dropped) = (self.scheduler.clone(), Arc::clone(&self.dropped));
        CallsWhenDropped::new(move || {
            call_everything(&scheduler);
            dropped.fetch_add(1, Ordering::SeqCst);
        })
    }

    fn job(&mut self, id: &str) -> JobBuilder {
        let guard = self.make();
        let job = JobBuilder::new(move || {
            let _held = &guard;
        });
        job.id(id).misfire_grace_time(None)
    }

    /// Runs the action that drops all guards made so far.
    fn check(&self, what: &'static str, action: impl FnOnce(&Scheduler) + Send + 'static) {
        let scheduler = self.scheduler.clone();
        in_time(what, move || action(&scheduler));
        eventually(what, || self.dropped.load(Ordering::SeqCst) == self.made);
    }
}

/// An executor that holds a guard.
#[derive(Debug)]
struct Guarded(#[expect(dead_code, reason = "its end is what counts")] CallsWhenDropped);

impl Executor for Guarded {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn submit(&self, run: Run) {
        run.execute();
    }

    fn shutdown(&self, _shutdown: Shutdown) {}
}

/// Checks what is the same before and after the start.
fn check_listeners_and_states(guards: &mut Guards) {
    let guard = guards.make();
    let listener = guards.scheduler.add_listener(EventMask::JOB_ERROR, move |_| {
        let _held = &guard;
    });
    guards.check("a listener that is removed", move |scheduler| {
        assert!(scheduler.remove_listener(listener));
    });
    let state = Some(guards.make());
    guards.scheduler.insert_extension(state);
    guards.check("a state that is replaced", |scheduler| {
        scheduler.insert_extension::<Option<CallsWhenDropped>>(None);
    });
    let executor = Guarded(guards.make());
    guards.scheduler.add_executor("guarded", executor).expect("a new alias");
    guards.check("an executor that is removed", |scheduler| {
        scheduler.remove_executor("guarded", OnRemove::Keep).expect("it is there");
    });
}

fn check_jobs(guards: &mut Guards, later: Timestamp) {
    let add = |guards: &mut Guards| {
        let job = guards.job("a").next_run_time(later);
        guards.scheduler.add_job(job).map(drop).expect("a valid job");
    };
    add(guards);
    guards.check("a job that is removed", |scheduler| {
        scheduler.remove_job("a").expect("it is there");
    });
    add(guards);
    guards.check("a job that is replaced", move |scheduler| {
        let job = JobBuilder::new(|| ()).id("a").next_run_time(later).replace_existing(true);
        scheduler.add_job(job).map(drop).expect("a valid job");
    });
    guards.scheduler.remove_job("a").expect("it is there");
    add(guards);
    guards.check("jobs that are all removed", |scheduler| {
        scheduler.remove_all_jobs().expect("a store that works");
    });
    let twice = [guards.job("b"), guards.job("b")].map(|job| job.next_run_time(later));
    guards.check("jobs that are refused", |scheduler| {
        scheduler.add_jobs(twice.into()).map(drop).expect_err("both have one id");
    });
}

fn values_dropped_before_the_start_may_call_the_scheduler(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    let mut guards = Guards::of(&lab);
    check_listeners_and_states(&mut guards);
    check_jobs(&mut guards, lab.now() + chrono::TimeDelta::hours(1));
    lab.add_executor("guarded", Guarded(guards.make())).expect("a new alias");
    guards.check("an executor that another configuration lacks", |scheduler| {
        scheduler.configure(&Config::new()).expect("a valid configuration");
    });
}

fn values_dropped_while_it_runs_may_call_the_scheduler(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let mut guards = Guards::of(&lab);
    check_listeners_and_states(&mut guards);
    check_jobs(&mut guards, lab.now() + chrono::TimeDelta::hours(1));
    for executor in ["default", "loop"] {
        let job = guards.job("last").executor(executor);
        guards.check("a job that has finished", |scheduler| {
            scheduler.add_job(job).map(drop).expect("a valid job");
        });
    }
}

/// Calls the scheduler whenever it is asked for a fire time.
struct Calling(Scheduler, Timestamp);

impl Trigger for Calling {
    fn next_fire_time(&self, previous: Option<Timestamp>, _now: Timestamp) -> Option<Timestamp> {
        call_everything(&self.0);
        previous.is_none().then_some(self.1)
    }

    fn kind(&self) -> &'static str {
        "calling"
    }

    fn options(&self) -> Box<dyn SerializeOptions + '_> {
        Box::new(())
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        Zone::UTC
    }
}

impl fmt::Display for Calling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("calling")
    }
}

impl fmt::Debug for Calling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calling")
    }
}

fn a_trigger_may_call_the_scheduler(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    for executor in ["default", "loop"] {
        let (job, runs) = lab.job(executor);
        let scheduler = lab.handle();
        let trigger = Calling(scheduler.clone(), lab.now());
        in_time("adding a job whose trigger calls", move || {
            let job = job.executor(executor).trigger(trigger);
            scheduler.add_job(job).map(drop).expect("a valid job");
        });
        lab.advance(1);
        crate::schedulers::lab::arrival(&runs);
        lab.events().wait_for(executor, 1);
    }
}
