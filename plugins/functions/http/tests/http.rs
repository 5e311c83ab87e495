//! The function against a server of the test's own, on loopback.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::registry::{CorePlugins, PluginSet as _};
use apscheduler_core::schedulers::BackgroundScheduler;
use apscheduler_core::time::SystemClock;
use serde_json::{Value, json};

/// Answers one request after another with these answers; hands out what it was sent.
fn server(answers: &'static [&'static str]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let _ = sender.send(read_request(&stream));
            (&stream).write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, receiver)
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        text.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}

/// Runs the function as a job, and returns what it returned or the error.
fn call(kwargs: &Value) -> Result<Value, String> {
    let registry = CorePlugins::registry();
    registry.register_made(apscheduler_function_http::function()).unwrap();
    let scheduler: BackgroundScheduler =
        BackgroundScheduler::with_parts(registry, std::sync::Arc::new(SystemClock));
    scheduler.add_executor("debug", "default").unwrap();
    let (sender, receiver) = channel();
    scheduler.add_listener(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR, move |event| {
        let outcome = match event {
            Event::JobExecuted { retval, .. } => Ok((**retval).clone()),
            Event::JobError { error, .. } => Err(error.to_string()),
            other => panic!("{other:?}"),
        };
        let _ = sender.send(outcome);
    });
    let job = JobBuilder::new("http").kwargs(kwargs.as_object().unwrap().clone());
    scheduler.add_job(job).map_err(|error| error.to_string())?;
    scheduler.start().unwrap();
    receiver.recv().unwrap()
}

#[test]
fn a_get_returns_the_answer() {
    let (address, requests) = server(&["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"]);
    let kwargs =
        json!({"url": format!("http://{address}/health?x=1"), "headers": {"x-token": "t"}});
    assert_eq!(call(&kwargs).unwrap(), json!({"status": 200, "body": "fine"}));
    let request = requests.recv().unwrap().to_lowercase();
    assert!(request.starts_with("get /health?x=1 http/1.1\r\n"), "{request}");
    assert!(
        request.contains("x-token: t\r\n") && request.contains("user-agent: apscheduler/"),
        "{request}"
    );
}

#[test]
fn a_body_is_posted_and_a_table_is_json() {
    let (address, requests) = server(&["HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"]);
    let kwargs = json!({"url": format!("http://{address}/"), "body": {"a": 1}, "expect": 201});
    assert_eq!(call(&kwargs).unwrap()["status"], 201);
    let request = requests.recv().unwrap();
    assert!(
        request.starts_with("POST / HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"a\":1}"),
        "{request}"
    );
    assert!(request.to_lowercase().contains("content-type: application/json"), "{request}");
}

#[test]
fn another_status_is_an_error() {
    let (address, _requests) = server(&["HTTP/1.1 503 Away\r\ncontent-length: 4\r\n\r\ndown"]);
    let kwargs = json!({"url": format!("http://user:secret@{address}/")});
    assert_eq!(call(&kwargs).unwrap_err(), format!("GET http://{address}/: unexpected status 503"));
}

#[test]
fn a_server_that_is_not_there_is_an_error_without_the_password() {
    // The port was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = call(&json!({"url": format!("http://user:secret@{address}/")})).unwrap_err();
    assert!(
        error.starts_with(&format!("GET http://{address}/: ")) && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn a_server_that_does_not_answer_in_time_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let error = call(&json!({"url": format!("http://{address}/"), "timeout": 0.2})).unwrap_err();
    assert!(error.contains("timeout"), "{error}");
}

#[test]
fn mistakes_show_when_the_job_is_added() {
    let cases = [
        (json!({}), "`url` is missing"),
        (json!({"url": "example.org"}), "url: expected a URL"),
        (json!({"url": "ftp://user:secret@example.org"}), "url: expected a URL"),
        (json!({"url": "http://example.org", "method": "GE T"}), "method: `GE T` is no method"),
        (json!({"url": "http://example.org", "timeout": 0}), "timeout: expected a positive number"),
        (json!({"url": "http://example.org", "expect": 99}), "expect: expected a status"),
        (json!({"url": "http://example.org", "headers": {"a b": "c"}}), "no name of a header"),
        (json!({"url": "http://example.org", "retries": 3}), "unknown option `retries`"),
    ];
    for (kwargs, expected) in cases {
        let error = call(&kwargs).unwrap_err();
        assert!(error.contains(expected) && !error.contains("secret"), "{error}");
    }
}
