//! The conformance suite of schedulers, for the Qt scheduler.

mod application;

use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use apscheduler_core::Result;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::Clock;
use apscheduler_engine::Scheduler;
use apscheduler_scheduler_qt::QtScheduler;
use apscheduler_testkit::TestPlugins;
use apscheduler_testkit::schedulers::{self, SchedulerHarness, Subject};

/// The main thread, where applications run one after the other.
struct MainThread {
    id: ThreadId,
    state: Mutex<State>,
}

struct State {
    /// How many schedulers use the application.
    users: usize,
    /// Requests an application. The channel in a request receives a message when the application runs, and is closed
    /// when it has been destroyed.
    requests: Sender<Sender<()>>,
    end: Option<std::sync::mpsc::Receiver<()>>,
}

impl MainThread {
    /// Returns when the application runs.
    fn enter(&self) {
        let mut state = self.state.lock().expect("no panic");
        if state.users == 0 {
            let (ready, answers) = channel();
            state.requests.send(ready).expect("the main thread waits");
            answers.recv().expect("the application runs");
            state.end = Some(answers);
        }
        state.users += 1;
    }

    /// For the last scheduler, returns when the application has been destroyed.
    fn leave(&self) {
        let mut state = self.state.lock().expect("no panic");
        state.users -= 1;
        if state.users == 0
            && let Some(end) = state.end.take()
        {
            application::quit();
            end.recv().expect_err("the channel is closed");
        }
    }
}

/// A scheduler in the application, which several schedulers can share.
struct InApplication {
    scheduler: Option<Arc<QtScheduler<TestPlugins>>>,
    main: Arc<MainThread>,
    inside: bool,
}

impl InApplication {
    fn new(main: Arc<MainThread>, registry: Registry, clock: Arc<dyn Clock>) -> Self {
        main.enter();
        let scheduler = Some(Arc::new(
            QtScheduler::builder()
                .registry(registry)
                .clock(clock)
                .build()
                .expect("there is no configuration to refuse"),
        ));
        Self { scheduler, main, inside: true }
    }

    fn owner(&self) -> &Arc<QtScheduler<TestPlugins>> {
        self.scheduler.as_ref().expect("it is not dropped yet")
    }
}

impl Subject for InApplication {
    fn scheduler(&self) -> &Scheduler {
        self.owner()
    }

    fn start(&self, paused: bool) -> Result<()> {
        let (sender, result) = channel();
        let owner = Arc::clone(self.owner());
        application::call(Box::new(move || {
            let result = if paused { owner.start_paused() } else { owner.start() };
            drop(owner);
            let _ = sender.send(result);
        }));
        result.recv().expect("the application is running")
    }

    fn loop_thread(&self) -> Option<ThreadId> {
        Some(self.main.id)
    }

    fn end_loop(&mut self) {
        if std::mem::take(&mut self.inside) {
            self.main.leave();
        }
    }
}

impl Drop for InApplication {
    fn drop(&mut self) {
        drop(self.scheduler.take());
        self.end_loop();
    }
}

fn main() -> ExitCode {
    let (requests, receiver) = channel::<Sender<()>>();
    let state = Mutex::new(State { users: 0, requests, end: None });
    let main = Arc::new(MainThread { id: std::thread::current().id(), state });
    let suite = std::thread::spawn(move || {
        schedulers::run(vec![
            SchedulerHarness::new("qt", move |registry, clock| {
                Box::new(InApplication::new(Arc::clone(&main), registry, clock))
            })
            .takes_listeners()
            .can_lose_its_loop()
            .one_at_a_time(),
        ])
    });
    for ready in receiver {
        let answer = ready.clone();
        application::run(Box::new(move || answer.send(()).expect("the case waits")));
        drop(ready);
    }
    suite.join().unwrap_or(ExitCode::FAILURE)
}
