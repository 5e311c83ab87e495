//! Requests that are sent again, and too many of them.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::client::{Answer, Client, TOKEN};

fn with_key(client: &Client, path: &str, key: &str, body: Option<&Value>) -> Answer {
    let token = format!("Bearer {TOKEN}");
    client.send_with("POST", path, body, &[("authorization", &token), ("idempotency-key", key)])
}

fn job(id: &str) -> Value {
    let trigger = json!({"type": "interval", "hours": 1});
    json!({"id": id, "func": "greet", "args": ["Ada"], "trigger": trigger})
}

#[test]
fn a_request_with_a_key_is_done_once() {
    let client = Client::new();
    let first = with_key(&client, "/jobs", "k1", Some(&job("a")));
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let again = with_key(&client, "/jobs", "k1", Some(&job("a")));
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    assert_eq!(again.headers["etag"], first.headers["etag"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(with_key(&client, "/jobs", "k2", Some(&job("a"))).status, StatusCode::CONFLICT);
    let other = with_key(&client, "/jobs", "k1", Some(&job("b")));
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    let ran =
        |key: &str| with_key(&client, "/jobs/default:a/run", key, None).body["run_id"].clone();
    assert_eq!(ran("k3"), ran("k3"));
    assert_ne!(ran("k3"), ran("k4"));
    client.scheduler.manual_clock().advance(TimeDelta::hours(25));
    assert_ne!(ran("k3"), Value::Null);
    let long = "x".repeat(300);
    assert_eq!(with_key(&client, "/jobs", &long, None).status, StatusCode::BAD_REQUEST);
}

#[test]
fn keys_of_others_are_other_keys() {
    use crate::{Access, Identity, Rights};
    let check = |request: &axum::http::request::Parts| {
        let user = request.headers.get("x-user")?.to_str().ok()?;
        Some(Identity::new(user, Rights::all()))
    };
    let client = Client::with(Access::program(check));
    let send = |user: &str, id: &str| {
        let headers = [("x-user", user), ("idempotency-key", "same")];
        client.send_with("POST", "/jobs", Some(&job(id)), &headers).status
    };
    assert_eq!(send("ada", "a"), StatusCode::CREATED);
    assert_eq!(send("bob", "b"), StatusCode::CREATED);
}

#[test]
fn a_client_that_asks_too_often_is_slowed_down() {
    let client = Client::with_dashboard(|dashboard| dashboard.rate_limit(1));
    for _ in 0..5 {
        assert_eq!(client.get("/scheduler").status, StatusCode::OK);
    }
    let refused = client.get("/scheduler");
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers["retry-after"], "1");
    client.scheduler.manual_clock().advance(TimeDelta::seconds(1));
    assert_eq!(client.get("/scheduler").status, StatusCode::OK);
    for _ in 0..5 {
        assert_eq!(client.send_with("GET", "/livez", None, &[]).status, StatusCode::OK);
    }
}
