//! The events, as a reader gets them.

use std::time::Duration;

use apscheduler_core::Shutdown;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::json;

use super::client::{Client, TOKEN};

/// Reads the stream until `count` events came, or it ended.
fn events(body: &mut axum::body::Body, count: usize) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(read(body, count))
}

async fn read(body: &mut axum::body::Body, count: usize) -> Vec<String> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let frame = tokio::time::timeout(Duration::from_secs(30), body.frame()).await.unwrap();
        let Some(frame) = frame else { break };
        text += std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap();
    }
    text.split("\n\n").filter(|event| !event.is_empty()).map(str::to_owned).collect()
}

fn line<'a>(event: &'a str, name: &str) -> &'a str {
    let found = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    found.unwrap_or_default().trim()
}

fn open(client: &Client, query: &str, last: Option<&str>) -> axum::response::Response {
    let token = format!("Bearer {TOKEN}");
    let mut headers = vec![("authorization", &*token)];
    headers.extend(last.map(|last| ("last-event-id", last)));
    client.response("GET", &format!("/events{query}"), &headers)
}

fn add(client: &Client, id: &str) {
    let trigger = json!({"type": "interval", "hours": 1});
    let job = json!({"id": id, "func": "greet", "args": ["Ada"], "trigger": trigger});
    assert_eq!(client.post("/jobs", &job).status, StatusCode::CREATED);
}

#[test]
fn events_come_filtered_and_a_reader_goes_on_where_it_stopped() {
    let client = Client::new();
    let mut all = open(&client, "", None).into_body();
    let mut of_b = open(&client, "?kind=job_added,JOB_REMOVED&job_id=b", None).into_body();
    for id in ["a", "b", "c"] {
        add(&client, id);
    }
    client.send_at("DELETE", "/jobs/default:b", "*", None);
    let seen = events(&mut all, 4);
    let kinds: Vec<&str> = seen.iter().map(|event| line(event, "event")).collect();
    assert_eq!(kinds, ["JOB_ADDED", "JOB_ADDED", "JOB_ADDED", "JOB_REMOVED"]);
    let data: serde_json::Value = serde_json::from_str(line(&seen[1], "data")).unwrap();
    assert_eq!(
        (&data["job_id"], &data["time"]),
        (&json!("b"), &json!("2027-01-01T00:00:00+00:00"))
    );
    let filtered = events(&mut of_b, 2);
    let kinds: Vec<&str> = filtered.iter().map(|event| line(event, "event")).collect();
    assert_eq!(kinds, ["JOB_ADDED", "JOB_REMOVED"]);
    let again = open(&client, "", Some(line(&seen[1], "id")));
    let rest = events(&mut again.into_body(), 2);
    assert_eq!(line(&rest[0], "id"), line(&seen[2], "id"));
    assert_eq!(line(&rest[1], "event"), "JOB_REMOVED");
}

#[test]
fn a_reader_that_is_too_late_has_to_read_everything_anew() {
    let client = Client::new();
    for last in ["unknown:5", "x"] {
        let mut body = open(&client, "", Some(last)).into_body();
        assert_eq!(line(&events(&mut body, 1)[0], "event"), "resync", "{last}");
    }
    let mut slow = open(&client, "", None).into_body();
    for _ in 0..2500 {
        client.scheduler.pause().unwrap();
        client.scheduler.resume().unwrap();
    }
    let first = events(&mut slow, 1);
    assert_eq!(line(&first[0], "event"), "resync");
    let rest = open(&client, "", Some(line(&first[0], "id")));
    add(&client, "b");
    let next = events(&mut rest.into_body(), 1);
    assert_eq!(line(&next[0], "event"), "JOB_ADDED");
}

#[test]
fn the_stream_ends_with_the_scheduler() {
    let client = Client::new();
    let mut body = open(&client, "?kind=JOB_ERROR", None).into_body();
    client.scheduler.shutdown(Shutdown::Now).unwrap();
    assert_eq!(events(&mut body, 1), Vec::<String>::new());
}

#[test]
fn no_event_shows_secrets() {
    let client = Client::new();
    let mut body = open(&client, "?kind=JOB_EXECUTED", None).into_body();
    let job = json!({"id": "a", "func": "anything", "kwargs": {"password": "hunter2"}});
    client.post("/jobs", &job);
    client.scheduler.step();
    let seen = events(&mut body, 1);
    assert!(seen[0].contains("[redacted]") && !seen[0].contains("hunter2"), "{seen:?}");
}

#[test]
fn unknown_kinds_are_refused() {
    let client = Client::new();
    let answer = client.get("/events?kind=JOB_EROR");
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.body["suggestion"], "JOB_ERROR");
}
