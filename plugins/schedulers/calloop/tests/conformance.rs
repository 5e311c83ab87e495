//! The calloop scheduler does what schedulers do.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{JoinHandle, ThreadId};

use apscheduler_core::registry::{CorePlugins, Registry};
use apscheduler_core::time::Clock;
use apscheduler_core::{Result, Scheduler};
use apscheduler_scheduler_calloop::{CalloopLoop, CalloopScheduler};
use apscheduler_testkit::schedulers::{self, SchedulerHarness, Subject};
use calloop::channel::{Event, Sender, channel};

/// What the program sends to its loop: a call to make there.
type Call = Box<dyn FnOnce() + Send>;

/// A scheduler, and an event loop that somebody dispatches in a thread.
struct InCalloop {
    scheduler: Option<Arc<CalloopScheduler<CorePlugins>>>,
    calls: Option<Sender<Call>>,
    thread: Option<JoinHandle<()>>,
    thread_id: ThreadId,
}

impl InCalloop {
    fn new(registry: Registry, clock: Arc<dyn Clock>) -> Self {
        let (parts, made) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut event_loop = calloop::EventLoop::<()>::try_new().expect("a loop");
            let (calls, source) = channel::<Call>();
            let signal = event_loop.get_signal();
            let handle = event_loop.handle();
            handle
                .insert_source(source, move |event, (), ()| match event {
                    Event::Msg(call) => call(),
                    Event::Closed => signal.stop(),
                })
                .expect("the loop has room");
            let entry = CalloopLoop::insert_into(&handle).expect("the loop has room");
            drop(handle);
            parts.send((entry, calls)).expect("the case waits");
            event_loop.run(None, &mut (), |()| ()).expect("the loop runs");
        });
        let (entry, calls) = made.recv().expect("the loop comes up");
        let scheduler = CalloopScheduler::on_with_parts(entry, registry, clock);
        let thread_id = thread.thread().id();
        Self {
            scheduler: Some(Arc::new(scheduler)),
            calls: Some(calls),
            thread: Some(thread),
            thread_id,
        }
    }

    fn owner(&self) -> &Arc<CalloopScheduler<CorePlugins>> {
        self.scheduler.as_ref().expect("it is not dropped yet")
    }
}

impl Subject for InCalloop {
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
        calls.send(Box::new(start)).expect("the loop lives");
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

impl Drop for InCalloop {
    fn drop(&mut self) {
        drop(self.scheduler.take());
        self.end_loop();
    }
}

fn main() -> ExitCode {
    schedulers::run(vec![
        SchedulerHarness::new("calloop", |registry, clock| {
            Box::new(InCalloop::new(registry, clock))
        })
        .takes_listeners()
        .can_lose_its_loop(),
    ])
}
