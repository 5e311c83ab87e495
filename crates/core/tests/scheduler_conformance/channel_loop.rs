//! A loop over a channel, in a thread that belongs to somebody else: the least that a window system has.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use apscheduler_core::registry::{CorePlugins, Registry};
use apscheduler_core::schedulers::LoopScheduler;
use apscheduler_core::time::Clock;
use apscheduler_core::{Error, ErrorKind, EventLoop, LoopDriver, Result, Scheduler};
use apscheduler_testkit::schedulers::Subject;

enum Message {
    Call(Box<dyn FnOnce() + Send>),
    Run(LoopDriver),
    Wake,
    Quit,
}

#[derive(Debug)]
struct ChannelLoop(Sender<Message>);

impl EventLoop for ChannelLoop {
    fn run(&self, driver: LoopDriver) -> Result<()> {
        let messages = self.0.clone();
        driver.on_wake(move || {
            // Nobody listens once the loop has ended.
            let _ = messages.send(Message::Wake);
        });
        self.0
            .send(Message::Run(driver))
            .map_err(|_| Error::new(ErrorKind::Other, "the loop has ended"))
    }

    fn takes_listeners(&self) -> bool {
        true
    }
}

fn run(messages: &Receiver<Message>) {
    let mut drivers: Vec<(LoopDriver, Instant)> = Vec::new();
    loop {
        let now = Instant::now();
        let next = drivers.iter().map(|(_, next)| *next).min();
        let sleep = next.map_or(Duration::from_mins(1), |next| next.saturating_duration_since(now));
        let due = match messages.recv_timeout(sleep) {
            Ok(Message::Call(call)) => {
                call();
                false
            }
            Ok(Message::Run(driver)) => {
                drivers.push((driver, now));
                true
            }
            Ok(Message::Wake) | Err(RecvTimeoutError::Timeout) => true,
            Ok(Message::Quit) | Err(RecvTimeoutError::Disconnected) => return,
        };
        if due {
            drivers.retain_mut(|(driver, next)| {
                let sleep = driver.turn();
                *next = Instant::now() + sleep.unwrap_or_default();
                sleep.is_some()
            });
        }
    }
}

/// A scheduler, and the thread of its loop. It is started in that thread.
pub(crate) struct InChannelLoop {
    scheduler: Option<Arc<LoopScheduler<ChannelLoop, CorePlugins>>>,
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
    thread_id: ThreadId,
}

impl InChannelLoop {
    pub(crate) fn new(registry: Registry, clock: Arc<dyn Clock>) -> Self {
        let (messages, receiver) = channel();
        let thread = std::thread::spawn(move || run(&receiver));
        let event_loop = ChannelLoop(messages.clone());
        let scheduler = LoopScheduler::on_with_parts(event_loop, registry, clock);
        let thread_id = thread.thread().id();
        Self { scheduler: Some(Arc::new(scheduler)), messages, thread: Some(thread), thread_id }
    }

    fn owner(&self) -> &Arc<LoopScheduler<ChannelLoop, CorePlugins>> {
        self.scheduler.as_ref().expect("it is not dropped yet")
    }
}

impl Subject for InChannelLoop {
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
        let _ = self.messages.send(Message::Call(Box::new(start)));
        result.recv().expect("the loop lives")
    }

    fn loop_thread(&self) -> Option<ThreadId> {
        Some(self.thread_id)
    }

    fn end_loop(&mut self) {
        let _ = self.messages.send(Message::Quit);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic");
        }
    }
}

impl Drop for InChannelLoop {
    fn drop(&mut self) {
        drop(self.scheduler.take());
        self.end_loop();
    }
}
