//! A scheduler whose loop runs on a thread with another owner, such as a GUI thread.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{JoinHandle, ThreadId};

use apscheduler_core::Result;
use apscheduler_core::registry::{PluginSet, Registry};
use apscheduler_core::time::Clock;
use apscheduler_engine::schedulers::LoopScheduler;
use apscheduler_engine::{EventLoop, Scheduler};

use super::Subject;

/// A call to make on the thread of the loop.
pub type Call = Box<dyn FnOnce() + Send>;

/// Sends a call to the loop. Dropping it ends the loop.
pub type Calls = Box<dyn Fn(Call) + Send>;

/// A scheduler, and the thread that runs its loop. It is started on that thread.
pub struct InThread<L: EventLoop, P: PluginSet> {
    scheduler: Option<Arc<LoopScheduler<L, P>>>,
    calls: Option<Calls>,
    thread: Option<JoinHandle<()>>,
    thread_id: ThreadId,
}

impl<L: EventLoop, P: PluginSet> InThread<L, P> {
    /// Returns a scheduler on the loop that `run` runs on its own thread. `run` creates the loop,
    /// sends a function that sends calls into it, and returns when the loop has ended.
    ///
    /// # Panics
    /// If `run` sends nothing.
    pub fn new(
        registry: Registry,
        clock: Arc<dyn Clock>,
        run: impl FnOnce(Sender<(L, Calls)>) + Send + 'static,
    ) -> Self {
        let (sender, made) = channel();
        let thread = std::thread::spawn(move || run(sender));
        let (event_loop, calls) = made.recv().expect("the loop starts");
        let scheduler = LoopScheduler::builder_on(event_loop)
            .registry(registry)
            .clock(clock)
            .build()
            .expect("there is no configuration to refuse");
        let thread_id = thread.thread().id();
        Self {
            scheduler: Some(Arc::new(scheduler)),
            calls: Some(calls),
            thread: Some(thread),
            thread_id,
        }
    }

    fn owner(&self) -> &Arc<LoopScheduler<L, P>> {
        self.scheduler.as_ref().expect("it is not dropped yet")
    }

    fn end(&mut self) {
        drop(self.calls.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic");
        }
    }
}

impl<L: EventLoop, P: PluginSet + 'static> Subject for InThread<L, P> {
    fn scheduler(&self) -> &Scheduler {
        self.owner()
    }

    fn start(&self, paused: bool) -> Result<()> {
        let (sender, result) = channel();
        let owner = Arc::clone(self.owner());
        let start = move || {
            let result = if paused { owner.start_paused() } else { owner.start() };
            drop(owner);
            let _ = sender.send(result);
        };
        let calls = self.calls.as_ref().expect("the loop has not been ended");
        calls(Box::new(start));
        result.recv().expect("the loop is running")
    }

    fn loop_thread(&self) -> Option<ThreadId> {
        Some(self.thread_id)
    }

    fn end_loop(&mut self) {
        self.end();
    }
}

impl<L: EventLoop, P: PluginSet> Drop for InThread<L, P> {
    fn drop(&mut self) {
        drop(self.scheduler.take());
        self.end();
    }
}

impl<L: EventLoop, P: PluginSet> fmt::Debug for InThread<L, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InThread").field("thread", &self.thread_id).finish_non_exhaustive()
    }
}
