//! A scheduler in a Qt application: listeners, and jobs of the executor `loop`, run on the thread of the widgets.
#![allow(clippy::print_stdout, unsafe_code, reason = "an example, with a window in C++")]

use std::ffi::{c_char, c_void};
use std::thread::current;
use std::time::Duration;

use apscheduler::Result;
use apscheduler::executor_loop::LoopExecutor;
use apscheduler::prelude::*;

type Call = extern "C" fn(data: *mut c_void);

// SAFETY: these are the functions of `window.cpp`, which is compiled with this example. None of them throws.
unsafe extern "C" {
    fn window_run(ready: Call, closed: Call, data: *mut c_void);
    fn window_show(text: *const c_char, length: usize);
    safe fn window_close();
}

/// Shows a text in the window. Call it on the thread of the application.
fn show(text: &str) {
    // SAFETY: Qt copies the text. The jobs that come here run in the executor `loop`.
    unsafe { window_show(text.as_ptr().cast(), text.len()) }
}

/// Called when the application has been created.
extern "C" fn ready(data: *mut c_void) {
    if let Err(error) = scheduler(data).start() {
        println!("the scheduler does not start: {error}");
        window_close();
    }
}

/// Called when the window is closed, before the application is destroyed.
extern "C" fn closed(data: *mut c_void) {
    if let Err(error) = scheduler(data).shutdown(Shutdown::Wait) {
        println!("the scheduler does not shut down: {error}");
    }
}

fn scheduler<'a>(data: *mut c_void) -> &'a QtScheduler {
    // SAFETY: `main` passes a reference that is valid until `window_run` returns, which is after these calls.
    unsafe { &*data.cast_const().cast::<QtScheduler>() }
}

pub(crate) fn main() -> Result<()> {
    let scheduler = QtScheduler::new();
    scheduler.add_executor("loop", LoopExecutor::new())?;
    let main = current().id();
    scheduler.add_listener(EventMask::JOB_EXECUTED, move |event| {
        assert_eq!(current().id(), main);
        if let Event::JobExecuted { job, retval, .. } = event {
            println!("{} ran {retval}", job.id());
        }
    });

    let place = move || if current().id() == main { "beside the window" } else { "in a thread" };
    // A slow job runs on a thread of the pool. The window stays responsive meanwhile.
    scheduler.add_job(JobBuilder::new(place).id("slow"))?;
    let every_100_ms = IntervalTrigger::every(Duration::from_millis(100));
    let count = std::sync::atomic::AtomicUsize::new(1);
    let tick = move || {
        let count = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        show(&format!("{count} jobs have run"));
        if count == 3 {
            window_close();
        }
        place()
    };
    scheduler.add_job(JobBuilder::new(tick).id("tick").executor("loop").trigger(every_100_ms))?;

    // SAFETY: both take a reference to the scheduler, which outlives the call.
    unsafe { window_run(ready, closed, std::ptr::from_ref(&scheduler).cast_mut().cast()) };
    println!("the window is closed, and the scheduler is {:?}", scheduler.state());
    Ok(())
}
