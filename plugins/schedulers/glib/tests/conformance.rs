//! The GLib scheduler does what schedulers do.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{JoinHandle, ThreadId};

use apscheduler_core::registry::{CorePlugins, Registry};
use apscheduler_core::time::Clock;
use apscheduler_core::{Result, Scheduler};
use apscheduler_scheduler_glib::{GlibLoop, GlibScheduler};
use apscheduler_testkit::schedulers::{self, SchedulerHarness, Subject};
use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::StreamExt as _;
use glib::{MainContext, MainLoop};

/// What the program sends to its loop: a call to make there.
type Call = Box<dyn FnOnce() + Send>;

/// A scheduler, and a main context that somebody runs in a thread.
struct InContext {
    scheduler: Option<Arc<GlibScheduler<CorePlugins>>>,
    calls: Option<UnboundedSender<Call>>,
    thread: Option<JoinHandle<()>>,
    thread_id: ThreadId,
}

impl InContext {
    fn new(registry: Registry, clock: Arc<dyn Clock>) -> Self {
        let (parts, made) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let context = MainContext::new();
            let main_loop = MainLoop::new(Some(&context), false);
            let (calls, mut receiver) = unbounded::<Call>();
            let quit = main_loop.clone();
            drop(context.spawn(async move {
                while let Some(call) = receiver.next().await {
                    call();
                }
                quit.quit();
            }));
            parts.send((GlibLoop::on(&context), calls)).expect("the case waits");
            main_loop.run();
        });
        let (entry, calls) = made.recv().expect("the loop comes up");
        let scheduler = GlibScheduler::on_with_parts(entry, registry, clock);
        let thread_id = thread.thread().id();
        Self {
            scheduler: Some(Arc::new(scheduler)),
            calls: Some(calls),
            thread: Some(thread),
            thread_id,
        }
    }

    fn owner(&self) -> &Arc<GlibScheduler<CorePlugins>> {
        self.scheduler.as_ref().expect("it is not dropped yet")
    }
}

impl Subject for InContext {
    fn scheduler(&self) -> &Scheduler {
        self.owner()
    }

    fn start(&self, paused: bool) -> Result<()> {
        let (sender, result) = mpsc::channel();
        let owner = Arc::clone(self.owner());
        let start = move || {
            let result = if paused { owner.start_paused() } else { owner.start() };
            drop(owner);
            let _ = sender.send(result);
        };
        let calls = self.calls.as_ref().expect("the loop has not been ended");
        calls.unbounded_send(Box::new(start)).expect("the loop lives");
        result.recv().expect("the loop lives")
    }

    fn loop_thread(&self) -> Option<ThreadId> {
        Some(self.thread_id)
    }

    fn end_loop(&mut self) {
        drop(self.calls.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic");
        }
    }
}

impl Drop for InContext {
    fn drop(&mut self) {
        drop(self.scheduler.take());
        self.end_loop();
    }
}

fn main() -> ExitCode {
    schedulers::run(vec![
        SchedulerHarness::new("glib", |registry, clock| Box::new(InContext::new(registry, clock)))
            .takes_listeners()
            .can_lose_its_loop(),
    ])
}
