//! A scheduler in a GLib main loop: listeners, and jobs of the executor `loop`, run on the thread of the widgets of a
//! GTK program.
#![allow(clippy::print_stdout, reason = "an example")]

use std::thread::current;
use std::time::Duration;

use apscheduler::Result;
use apscheduler::executor_loop::LoopExecutor;
use apscheduler::prelude::*;
use glib::{MainContext, MainLoop};

fn main() -> Result<()> {
    let main_loop = MainLoop::new(None, false);
    let scheduler = GlibScheduler::new();
    scheduler.add_executor("loop", LoopExecutor::new())?;
    let main = current().id();
    scheduler.add_listener(EventMask::JOB_EXECUTED, move |event| {
        assert_eq!(current().id(), main);
        if let Event::JobExecuted { job, retval, .. } = event {
            println!("{} ran {retval}", job.id());
        }
    });

    let place = move || if current().id() == main { "in the loop" } else { "in a thread" };
    // A slow job runs on a thread of the pool. The loop continues meanwhile.
    scheduler.add_job(JobBuilder::new(place).id("slow"))?;
    let every_100_ms = IntervalTrigger::every(Duration::from_millis(100));
    scheduler.add_job(JobBuilder::new(place).id("quick").executor("loop").trigger(every_100_ms))?;
    scheduler.start()?;

    let (handle, end) = (scheduler.handle(), main_loop.clone());
    MainContext::default().spawn_local(async move {
        glib::timeout_future(Duration::from_millis(350)).await;
        // A call that may wait for a store does not block the loop.
        if let Ok(jobs) = handle.call(apscheduler::Scheduler::get_jobs).await {
            println!("{} job is left", jobs.len());
        }
        end.quit();
    });
    main_loop.run();
    scheduler.shutdown(Shutdown::Wait)
}
