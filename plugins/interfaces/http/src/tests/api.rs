//! What the API does.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::client::{Answer, Client, TOKEN};

fn job(id: &str, seconds: u32) -> Value {
    let trigger =
        json!({"type": "interval", "seconds": seconds, "start_date": "2027-01-01T00:00:10Z"});
    json!({"id": id, "func": "greet", "args": ["Ada"], "trigger": trigger})
}

fn ids(answer: &Answer) -> Vec<&str> {
    let items = answer.body["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn a_job_is_added_read_paused_run_and_removed() {
    let client = Client::new();
    let added = client.post("/jobs", &job("a/b: ..?", 10));
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    let path = format!("/jobs/{}", added.body["path"].as_str().unwrap());
    let read = client.get(&path);
    assert_eq!((read.status, &read.body["id"]), (StatusCode::OK, &json!("a/b: ..?")));
    assert_eq!(
        read.headers["etag"].to_str().unwrap(),
        format!("\"{}\"", read.body["revision"].as_str().unwrap())
    );

    let fires = client.get(&format!("{path}/fires?count=2")).body;
    assert_eq!(fires["fires"], json!(["2027-01-01T00:00:10+00:00", "2027-01-01T00:00:20+00:00"]));
    let paused = client.post(&format!("{path}/pause"), &json!({"note": "the disk is full"}));
    assert_eq!(paused.body["status"], "paused", "{}", paused.body);
    let pause = &paused.body["pause"];
    assert_eq!(pause["note"], "the disk is full");
    assert!(pause["by"].as_str().unwrap().starts_with("ada via "), "{pause}");
    let why = client.get(&format!("{path}/explain")).body;
    assert_eq!(why["verdict"], "paused", "{why}");
    let resumed = client.send("POST", &format!("{path}/resume"), None);
    assert_eq!(resumed.body["status"], "scheduled");

    let run = client.send("POST", &format!("{path}/run"), None);
    assert_eq!(run.status, StatusCode::ACCEPTED, "{}", run.body);
    client.scheduler.step();
    let run = client.get(&format!("/runs/{}", run.body["run_id"].as_str().unwrap()));
    let attempt = &run.body["attempts"][0];
    assert_eq!((&attempt["state"], &attempt["result"]), (&json!("ok"), &json!("Hello, Ada!")));

    assert_eq!(client.send("DELETE", &path, None).status, StatusCode::PRECONDITION_REQUIRED);
    let token = format!("Bearer {TOKEN}");
    let remove = |etag: &str| {
        let headers = [("authorization", &*token), ("if-match", etag)];
        client.send_with("DELETE", &path, None, &headers).status
    };
    assert_eq!(remove(read.headers["etag"].to_str().unwrap()), StatusCode::PRECONDITION_FAILED);
    assert_eq!(remove("latest"), StatusCode::PRECONDITION_FAILED);
    let etag = client.get(&path).headers["etag"].clone();
    assert_eq!(remove(etag.to_str().unwrap()), StatusCode::NO_CONTENT);
    let gone = client.get(&path);
    assert_eq!((gone.status, &gone.body["job_id"]), (StatusCode::NOT_FOUND, &json!("a/b: ..?")));
    assert_eq!(gone.headers["content-type"], "application/problem+json");

    let changes = client.get("/audit?job_id=a%2Fb%3A%20..%3F").body;
    let changes = changes["items"].as_array().unwrap();
    assert!(changes.len() >= 4, "{changes:?}");
    for change in changes {
        let who = change["result"]["who"].as_str().unwrap();
        assert!(who.starts_with("ada via "), "{who}");
    }
}

#[test]
fn jobs_are_listed_page_by_page_and_searched() {
    let client = Client::new();
    for (index, id) in ["a", "b", "c", "backup"].iter().enumerate() {
        let seconds = u32::try_from(index).unwrap() + 10;
        assert_eq!(client.post("/jobs", &job(id, seconds)).status, StatusCode::CREATED);
    }
    client.send("POST", "/jobs/default:b/pause", None);
    let first = client.get("/jobs?limit=3");
    assert_eq!(ids(&first), ["a", "backup", "c"]);
    let next = first.body["next"].as_str().unwrap();
    let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
    assert_eq!(ids(&client.get(&format!("/jobs?limit=3&after={next}"))), ["b"]);
    assert_eq!(ids(&client.get("/jobs?search=b")), ["backup", "b"]);
    assert_eq!(ids(&client.get("/jobs?status=paused")), ["b"]);
    for (query, expected) in [
        ("limit=0", "limit: expected 1 to 1000"),
        ("status=pausd", "found `pausd`"),
        ("after=x", "the `next` of the page before"),
        ("serch=b", "unknown field `serch`"),
    ] {
        let answer = client.get(&format!("/jobs?{query}"));
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{query}: {detail}");
    }
    assert_eq!(client.get("/jobs?jobstore=defalt").status, StatusCode::NOT_FOUND);
}

#[test]
fn runs_are_listed_by_job_and_state() {
    let client = Client::new();
    client.post("/jobs", &job("a", 10));
    for _ in 0..3 {
        client.scheduler.advance(TimeDelta::seconds(10));
    }
    let page = client.get("/runs?job_id=a&state=ok&limit=2").body;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest = client.get(&format!("/runs?job_id=a&after={}", page["next"].as_str().unwrap())).body;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    let wrong = client.get("/runs?state=okk");
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let detail = wrong.body["detail"].as_str().unwrap();
    assert!(detail.contains("did you mean `ok`?"), "{detail}");
    assert_eq!(client.get("/runs/x").status, StatusCode::BAD_REQUEST);
}

#[test]
fn the_scheduler_is_shown_paused_and_resumed() {
    let client = Client::new();
    assert_eq!(client.get("/scheduler").body["state"], "running");
    assert_eq!(client.send("POST", "/scheduler/pause", None).body["state"], "paused");
    assert_eq!(client.send("POST", "/scheduler/resume", None).body["state"], "running");
}

#[test]
fn a_trigger_is_previewed() {
    let client = Client::new();
    let asked =
        json!({"trigger": {"type": "cron", "hour": 3, "timezone": "Europe/Helsinki"}, "count": 1});
    let answer = client.post("/trigger/preview", &asked).body;
    assert_eq!(answer["fires"], json!(["2027-01-01T03:00:00+02:00"]));
    let wrong = client.post("/trigger/preview", &json!({"trigger": {"type": "corn"}}));
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = wrong.body["detail"].as_str().unwrap();
    assert!(detail.contains("did you mean `cron`?"), "{detail}");
}
