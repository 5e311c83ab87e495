//! A scheduler in a calloop event loop: listeners, and jobs of the executor `loop`, run on the thread of the loop.
#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::thread::current;
use std::time::Duration;

use apscheduler::executor_loop::LoopExecutor;
use apscheduler::prelude::*;
use apscheduler::scheduler_calloop::CalloopLoop;
use calloop::timer::{TimeoutAction, Timer};

fn main() -> Result<(), Box<dyn Error>> {
    let mut event_loop: calloop::EventLoop<'_, ()> = calloop::EventLoop::try_new()?;
    let handle = event_loop.handle();
    let scheduler = CalloopScheduler::builder_on(CalloopLoop::insert_into(&handle)?).build()?;
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

    let signal = event_loop.get_signal();
    let end = Timer::from_duration(Duration::from_millis(350));
    handle.insert_source(end, move |_deadline, (), ()| {
        signal.stop();
        TimeoutAction::Drop
    })?;
    event_loop.run(None, &mut (), |()| ())?;
    scheduler.shutdown(Shutdown::Wait)?;
    Ok(())
}
