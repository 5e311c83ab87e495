//! Secrets in what is shown.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::client::Client;

const SECRET: &str = "hunter2";

fn with_secrets() -> Client {
    let client = Client::new();
    let job = json!({
        "id": "a",
        "func": "anything",
        "args": ["--password", SECRET, format!("redis://ada:{SECRET}@host")],
        "kwargs": {"api_key": SECRET, "user": "ada"},
        "trigger": {"type": "interval", "seconds": 10},
    });
    assert_eq!(client.post("/jobs", &job).status, StatusCode::CREATED);
    client
}

#[test]
fn no_answer_shows_them() {
    let client = with_secrets();
    client.scheduler.advance(chrono::TimeDelta::seconds(10));
    client.send_at("PATCH", "/jobs/default:a", "*", Some(&json!({"kwargs": {"token": SECRET}})));
    client.send_at("DELETE", "/jobs/default:a", "*", None);
    let runs = client.get("/runs").body;
    let run = runs["items"][0]["run_id"].as_str().unwrap().to_owned();
    assert!(runs["items"][0]["result"].is_object(), "{runs}");
    let client_of_jobs = with_secrets();
    let mut answers =
        vec![runs, client.get(&format!("/runs/{run}")).body, client.get("/audit").body];
    for path in ["/jobs", "/jobs/default:a", "/jobs/default:a/explain", "/health"] {
        answers.push(client_of_jobs.get(path).body);
    }
    for answer in answers {
        assert!(answer != Value::Null && !answer.to_string().contains(SECRET), "{answer}");
    }
    assert_eq!(client_of_jobs.get("/jobs/default:a").body["kwargs"]["user"], "ada");
}

#[test]
fn what_stands_for_a_secret_is_not_taken_for_one() {
    let client = with_secrets();
    let kwargs = client.get("/jobs/default:a").body["kwargs"].clone();
    let refused = client.send_at("PATCH", "/jobs/default:a", "*", Some(&json!({"kwargs": kwargs})));
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["pointer"], "/kwargs");
}

#[test]
fn no_error_shows_them() {
    let client = Client::new();
    let job = json!({"func": "anything", "max_instances": format!("redis://ada:{SECRET}@host")});
    let refused = client.post("/jobs", &job);
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!refused.body.to_string().contains(SECRET), "{}", refused.body);
}
