//! Changes of jobs.

use axum::http::StatusCode;
use serde_json::json;

use super::client::{Answer, Client};

fn with_job() -> (Client, String) {
    let client = Client::new();
    let trigger = json!({"type": "interval", "hours": 1});
    let job = json!({"id": "a", "func": "greet", "args": ["Ada"], "trigger": trigger});
    assert_eq!(client.post("/jobs", &job).status, StatusCode::CREATED);
    let etag = client.get("/jobs/default:a").headers["etag"].to_str().unwrap().to_owned();
    (client, etag)
}

fn patch(client: &Client, etag: &str, body: &serde_json::Value) -> Answer {
    client.send_at("PATCH", "/jobs/default:a", etag, Some(body))
}

#[test]
fn a_job_is_changed_as_it_was_read() {
    let (client, etag) = with_job();
    let body = json!({"name": "hello", "max_instances": 3, "timeout": "5m", "retry": 2});
    let missing = client.send("PATCH", "/jobs/default:a", Some(&body));
    assert_eq!(missing.status, StatusCode::PRECONDITION_REQUIRED);
    let changed = patch(&client, &etag, &body);
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let job = &changed.body;
    assert_eq!((&job["name"], &job["max_instances"]), (&json!("hello"), &json!(3)));
    assert_eq!((&job["timeout"], &job["args"]), (&json!(300.0), &json!(["Ada"])));
    let stale = patch(&client, &etag, &json!({"name": "b"}));
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{}", stale.body);
    assert_eq!(client.get("/jobs/default:a").body["name"], "hello");
    let new = changed.headers["etag"].to_str().unwrap();
    assert_eq!(patch(&client, new, &json!({"name": "c"})).status, StatusCode::OK);
    assert_eq!(patch(&client, "*", &json!({"timeout": null})).body["timeout"], json!(null));
    assert_eq!(
        client.send_at("PATCH", "/jobs/default:b", "*", Some(&body)).status,
        StatusCode::NOT_FOUND
    );
}

#[test]
fn a_new_trigger_gives_a_new_run_time() {
    let (client, etag) = with_job();
    let trigger = json!({"trigger": {"type": "cron", "hour": 3, "timezone": "UTC"}});
    let changed = patch(&client, &etag, &trigger);
    assert_eq!(changed.body["next_run_time"], "2027-01-01T03:00:00+00:00");
    let paused = patch(&client, "*", &json!({"next_run_time": null}));
    assert_eq!(paused.body["status"], "paused");
    let given = json!({"trigger": "date", "next_run_time": "2027-02-01"});
    assert_eq!(patch(&client, "*", &given).status, StatusCode::OK);
}

#[test]
fn only_allowed_functions_can_be_set_or_get_arguments() {
    let (client, _) = with_job();
    let refused = patch(&client, "*", &json!({"func": "fail"}));
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["pointer"], "/func");
    assert_eq!(patch(&client, "*", &json!({"args": ["Bob"]})).body["args"], json!(["Bob"]));
    // A job that the program has added calls a function that is not allowed here.
    let own = apscheduler_core::job::JobBuilder::new("fail").id("own");
    client
        .scheduler
        .add_job(
            own.trigger(
                apscheduler_core::trigger::TriggerConfig::new("interval").option("hours", 1),
            ),
        )
        .unwrap();
    for change in [json!({"args": [1]}), json!({"kwargs": {"a": 1}})] {
        let refused = client.send_at("PATCH", "/jobs/default:own", "*", Some(&change));
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{change}");
    }
    let renamed = client.send_at("PATCH", "/jobs/default:own", "*", Some(&json!({"name": "x"})));
    assert_eq!(renamed.status, StatusCode::OK, "what it calls stays as it is");
    for func in ["command", "http"] {
        let refused = client.post("/jobs", &json!({"id": "c", "func": func}));
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{func}");
    }
}

#[test]
fn an_addition_replaces_nothing() {
    let (client, _) = with_job();
    let job = json!({"id": "a", "func": "greet", "args": ["Eve"]});
    assert_eq!(client.post("/jobs", &job).status, StatusCode::CONFLICT);
    let replacing = json!({"id": "a", "func": "greet", "args": ["Eve"], "replace_existing": true});
    let refused = client.post("/jobs", &replacing);
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["pointer"], "/replace_existing");
    assert_eq!(client.get("/jobs/default:a").body["args"], json!(["Ada"]));
}
