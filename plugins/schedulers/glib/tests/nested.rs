//! A job may run the main loop, like a modal dialog, and other jobs continue meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use apscheduler_core::Shutdown;
use apscheduler_core::function::JobContext;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::JobContextExt as _;
use apscheduler_scheduler_glib::{GlibLoop, GlibScheduler};
use glib::MainContext;

/// Runs the context until the flag is set or a time limit has passed. Returns whether the flag is set.
fn run_until(context: &MainContext, flag: &AtomicBool) -> bool {
    let since = Instant::now();
    while !flag.load(Ordering::SeqCst) && since.elapsed() < Duration::from_secs(30) {
        context.iteration(true);
    }
    flag.load(Ordering::SeqCst)
}

#[test]
fn a_job_that_runs_the_loop_delays_no_other() {
    let context = MainContext::new();
    let scheduler: GlibScheduler<apscheduler_testkit::TestPlugins> =
        GlibScheduler::builder_on(GlibLoop::on(&context)).build().unwrap();
    scheduler.add_executor("default", "loop").expect("a new alias");
    let [inner, outer] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let (seen, dialog, ended) = (Arc::clone(&inner), context.clone(), Arc::clone(&outer));
    let job = move |job: &JobContext| {
        let set = Arc::clone(&seen);
        let other = JobBuilder::new(move || set.store(true, Ordering::SeqCst)).id("inner");
        let scheduler = job.scheduler().expect("it runs in this process");
        scheduler.add_job(other).expect("a valid job");
        ended.store(run_until(&dialog, &seen), Ordering::SeqCst);
    };
    scheduler.add_job(JobBuilder::new(job).id("outer")).expect("a valid job");
    scheduler.start().expect("it starts");
    assert!(run_until(&context, &outer), "the inner job did not run within the outer");
    scheduler.shutdown(Shutdown::Wait).expect("it runs");
}
