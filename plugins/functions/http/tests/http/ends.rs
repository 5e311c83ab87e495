//! Runs that are cancelled by a timeout or a shutdown.

use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::{CancellationToken, Executor, ExecutorCapabilities, Run};
use apscheduler_core::job::JobBuilder;
use apscheduler_plugin_kit::executor::RunExt as _;
use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::{call, call_job, scheduler};

const HEADERS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort";

#[test]
fn a_server_that_does_not_answer_in_time_is_an_error() {
    let server = Server::start(vec![Reply::Stall(Vec::new())]);
    let error = call(&json!({"url": server.url("/"), "timeout": 0.2})).unwrap_err();
    assert_eq!(error, format!("GET {}: no answer within 0.2 s", server.url("/")));
}

#[test]
fn a_stall_after_the_headers_is_an_error() {
    let server = Server::start(vec![Reply::Stall(HEADERS.to_vec())]);
    let error = call(&json!({"url": server.url("/"), "timeout": 0.5})).unwrap_err();
    assert_eq!(error, format!("GET {}: the answer was not complete within 0.5 s", server.url("/")));
}

#[test]
fn the_timeout_is_for_all_redirects_together() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::on(listener, |address| {
        let again = Reply::redirect(302, &format!("http://{address}/again"));
        vec![again.clone(), again, Reply::Stall(Vec::new())]
    });
    let error = call(&json!({"url": server.url("/"), "timeout": 0.5})).unwrap_err();
    assert!(error.ends_with("/again: no answer within 0.5 s"), "{error}");
}

#[test]
fn a_huge_timeout_does_not_panic() {
    let server = Server::start(vec![Reply::ok("fine")]);
    assert!(call(&json!({"url": server.url("/"), "timeout": 1e18})).is_ok());
}

fn job(kwargs: &Value) -> JobBuilder {
    JobBuilder::new("http").id("ping").kwargs(kwargs.as_object().unwrap().clone())
}

#[test]
fn the_timeout_of_the_job_ends_the_exchange() {
    for sent in [Vec::new(), HEADERS.to_vec()] {
        let server = Server::start(vec![Reply::Stall(sent)]);
        let job = job(&json!({"url": server.url("/"), "timeout": 600}))
            .timeout(Duration::from_millis(300));
        let error = call_job(&scheduler(), job).unwrap_err();
        assert!(error.contains("/: cancelled by the `timeout` of the job"), "{error}");
    }
}

#[test]
fn the_timeout_of_the_job_ends_a_connect() {
    // Fill the queue of connections: the next connect blocks.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) =
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200))
    {
        queued.push(stream);
        if queued.len() > 10_000 {
            // On this system the queue is never full.
            return;
        }
    }
    let job = job(&json!({"url": format!("http://{address}/"), "timeout": 600}))
        .timeout(Duration::from_millis(300));
    let error = call_job(&scheduler(), job).unwrap_err();
    assert!(error.contains("/: cancelled by the `timeout` of the job"), "{error}");
}

/// Runs each job in a thread, and cancels the runs when it is shut down.
#[derive(Debug, Default)]
struct ThreadExecutor(CancellationToken);

impl Executor for ThreadExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn submit(&self, mut run: Run) {
        run.set_cancellation(self.0.clone());
        std::thread::spawn(move || run.execute());
    }

    fn shutdown(&self, _shutdown: Shutdown) {
        self.0.cancel();
    }
}

#[test]
fn a_shutdown_that_does_not_wait_ends_the_exchange() {
    let server = Server::start(vec![Reply::Stall(HEADERS.to_vec())]);
    let scheduler = scheduler();
    scheduler.add_executor("threads", ThreadExecutor::default()).unwrap();
    let (sender, receiver) = channel();
    scheduler.add_listener(EventMask::JOB_ERROR, move |event| {
        if let Event::JobError { error, .. } = event {
            let _ = sender.send(error.to_string());
        }
    });
    let job = job(&json!({"url": server.url("/"), "timeout": 600})).executor("threads");
    scheduler.add_job(job).unwrap();
    scheduler.start().unwrap();
    server.request();
    scheduler.shutdown(Shutdown::Now).unwrap();
    let error = receiver.recv_timeout(Duration::from_secs(120)).unwrap();
    assert!(error.contains("/: cancelled by "), "{error}");
}
