//! How late jobs run at 10,000 fires per second, on each event loop compared with the background scheduler. The GUI
//! loops are in `desktop`.
//!
//! Names select loops: `cargo xtask bench --bench lateness -- tokio`. The background scheduler is always included.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler::builtin::{BuiltIn, new_registry};
use apscheduler::scheduler_calloop::CalloopLoop;
use apscheduler::{CalloopScheduler, MayScheduler, SmolScheduler, TokioScheduler};
use apscheduler_benches::lateness::{self, Measured, Window, on_its_own_loop};
use apscheduler_core::executor::Runtime;
use apscheduler_core::function::JobContext;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::schedulers::RuntimeScheduler;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    lateness::run(&[
        ("tokio, multi-thread", || tokio(Builder::new_multi_thread())),
        ("tokio, current-thread", || tokio(Builder::new_current_thread())),
        ("smol", smol),
        ("may", may),
        ("calloop", calloop),
    ])
}

fn may() -> Measured {
    on_its_own_loop(&MayScheduler::builder().registry(new_registry()).build().unwrap())
}

fn calloop() -> Measured {
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let mut event_loop = calloop::EventLoop::<()>::try_new().unwrap();
        let entry = CalloopLoop::insert_into(&event_loop.handle()).unwrap();
        sender.send((entry, event_loop.get_signal())).unwrap();
        event_loop.run(None, &mut (), |()| ()).unwrap();
    });
    let (entry, signal) = receiver.recv().unwrap();
    let scheduler = CalloopScheduler::builder_on(entry).registry(new_registry()).build().unwrap();
    let measured = on_its_own_loop(&scheduler);
    drop(scheduler);
    signal.stop();
    signal.wakeup();
    thread.join().unwrap();
    measured
}

fn tokio(mut builder: Builder) -> Measured {
    let runtime = builder.enable_time().build().unwrap();
    let scheduler = TokioScheduler::builder().registry(new_registry()).build().unwrap();
    runtime.block_on(on_a_runtime(scheduler))
}

fn smol() -> Measured {
    let scheduler = SmolScheduler::builder().registry(new_registry()).build().unwrap();
    smol::block_on(on_a_runtime(scheduler))
}

/// Measures a scheduler on an async runtime.
async fn on_a_runtime<R: Runtime>(scheduler: RuntimeScheduler<R, BuiltIn>) -> Measured {
    let window = Window::new();
    window.add_jobs(scheduler.blocking(), asynchronous);
    scheduler.start().await.unwrap();
    // On a thread where it blocks no task.
    scheduler.call(move |scheduler| Ok(window.measure(scheduler))).await.unwrap()
}

/// Returns an async job that records the time.
fn asynchronous(window: Arc<Window>) -> JobBuilder {
    JobBuilder::new(move |context: JobContext| {
        let window = Arc::clone(&window);
        async move { window.run(context.scheduled_run_time()) }
    })
}
