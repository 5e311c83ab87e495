//! A blocking scheduler, started on its own thread.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use apscheduler_core::Result;
use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::Clock;
use apscheduler_engine::Scheduler;
use apscheduler_engine::schedulers::BlockingScheduler;
use apscheduler_testkit::schedulers::Subject;

pub(crate) struct Blocking(Arc<BlockingScheduler>);

impl Blocking {
    pub(crate) fn new(registry: Registry, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(
            BlockingScheduler::builder()
                .registry(registry)
                .clock(clock)
                .build()
                .expect("there is no configuration to refuse"),
        ))
    }
}

impl Subject for Blocking {
    fn scheduler(&self) -> &Scheduler {
        &self.0
    }

    fn start(&self, paused: bool) -> Result<()> {
        let scheduler = Arc::clone(&self.0);
        let (sender, started) = channel();
        let listener = self.0.add_listener(EventMask::SCHEDULER_STARTED, move |_| {
            let _ = sender.send(());
        });
        let thread: JoinHandle<Result<()>> =
            std::thread::spawn(
                move || {
                    if paused { scheduler.start_paused() } else { scheduler.start() }
                },
            );
        let result = loop {
            if started.try_recv().is_ok() {
                break Ok(());
            }
            if thread.is_finished() {
                // It failed, or it has been shut down already.
                break thread.join().expect("no panic");
            }
            std::thread::yield_now();
        };
        self.0.remove_listener(listener);
        result
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        // It may not be running.
        let _ = self.0.shutdown(Shutdown::Now);
    }
}
