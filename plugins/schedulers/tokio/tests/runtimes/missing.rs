//! Errors for a missing runtime, or one without timers, say what to do.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use apscheduler_core::Shutdown;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::SchedulerState;
use apscheduler_scheduler_tokio::{TokioRuntime, TokioScheduler};
use tokio::runtime::Builder;

use crate::scheduler;

/// Drives a future on this thread, without a runtime.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

#[test]
fn the_error_of_a_start_outside_a_runtime_has_a_remedy() {
    let scheduler = scheduler();
    let error = wait(scheduler.start()).unwrap_err();
    assert!(error.to_string().contains("there is no tokio runtime here"), "{error}");
    assert!(error.to_string().contains("TokioScheduler::on"), "{error}");
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
    // On a runtime, it starts.
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        scheduler.start().await.unwrap();
        scheduler.shutdown(Shutdown::Wait).await.unwrap();
    });
}

#[test]
fn a_runtime_without_timers_is_refused() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let given = TokioRuntime::from(runtime.handle().clone());
    let given: TokioScheduler<apscheduler_testkit::TestPlugins> =
        TokioScheduler::builder().runtime(given).build().unwrap();
    for scheduler in [scheduler(), given] {
        let error = runtime.block_on(scheduler.start()).unwrap_err();
        assert!(error.to_string().contains("build it with `enable_time`"), "{error}");
        assert_eq!(scheduler.state(), SchedulerState::Stopped);
    }
}

#[test]
fn a_restart_may_be_in_another_runtime() {
    let scheduler = scheduler();
    for id in ["first", "second"] {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            scheduler.start().await.unwrap();
            let (sender, ran) = tokio::sync::oneshot::channel();
            let sender = std::sync::Mutex::new(Some(sender));
            let job = JobBuilder::new(move || {
                let sender = sender.lock().unwrap().take();
                sender.is_some_and(|sender| sender.send(()).is_ok())
            });
            scheduler.add_job(job.id(id)).await.unwrap();
            ran.await.unwrap();
            scheduler.shutdown(Shutdown::Wait).await.unwrap();
        });
    }
}

#[test]
fn the_scheduler_runs_on_the_given_runtime() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let scheduler: TokioScheduler<apscheduler_testkit::TestPlugins> = TokioScheduler::builder()
        .runtime(TokioRuntime::from(runtime.handle().clone()))
        .build()
        .unwrap();
    wait(scheduler.start()).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let job = move || {
        let sender = sender.clone();
        async move { sender.send(tokio::runtime::Handle::current().id()).is_ok() }
    };
    wait(scheduler.add_job(JobBuilder::new(job))).unwrap();
    assert_eq!(receiver.recv().unwrap(), runtime.handle().id());
    wait(scheduler.shutdown(Shutdown::Wait)).unwrap();
}

#[test]
fn a_call_to_a_runtime_that_has_ended_is_an_error() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let scheduler: TokioScheduler<apscheduler_testkit::TestPlugins> = TokioScheduler::builder()
        .runtime(TokioRuntime::from(runtime.handle().clone()))
        .build()
        .unwrap();
    wait(scheduler.start()).unwrap();
    drop(runtime);
    scheduler.blocking().wait_until_stopped();
    let error = wait(scheduler.get_jobs()).unwrap_err();
    assert!(error.to_string().contains("may have ended"), "{error}");
    let error = wait(scheduler.start()).unwrap_err();
    assert!(error.to_string().contains("may have ended"), "{error}");
}

#[test]
fn a_scheduler_that_lost_its_runtime_can_be_restarted_on_another() {
    let scheduler = scheduler();
    for _ in 0..3 {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        runtime.block_on(scheduler.start()).unwrap();
        drop(runtime);
        scheduler.blocking().wait_until_stopped();
    }
}
