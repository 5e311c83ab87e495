//! What is said of requests that are wrong.

use axum::http::StatusCode;
use serde_json::json;

use super::client::Client;

#[test]
fn problems_point_to_the_field_and_name_the_nearest_right_value() {
    let client = Client::new();
    for (path, body, pointer, suggestion) in [
        ("/jobs", json!({"id": "a", "func": "gret"}), "/func", json!("greet")),
        (
            "/jobs",
            json!({"id": "a", "func": "greet", "max_instance": 1}),
            "/max_instance",
            json!("max_instances"),
        ),
        (
            "/jobs",
            json!({"id": "a", "func": "greet", "max_instances": "x"}),
            "/max_instances",
            json!(null),
        ),
        (
            "/jobs",
            json!({"func": "greet", "trigger": {"type": "cron", "hou": 1}}),
            "/trigger/hou",
            json!("hour"),
        ),
        ("/trigger/preview", json!({"trigger": {"type": "corn"}}), "/trigger/type", json!("cron")),
        ("/trigger/preview", json!({"trigger": "cron", "now": "soon"}), "/now", json!(null)),
        ("/trigger/preview", json!({"trigger": "cron", "count": 0}), "/count", json!(null)),
    ] {
        let answer = client.post(path, &body);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["pointer"], pointer, "{body}: {}", answer.body);
        assert_eq!(answer.body["suggestion"], suggestion, "{body}: {}", answer.body);
    }
}

#[test]
fn whole_numbers_keep_their_digits() {
    let client = Client::new();
    let big = 9_007_199_254_740_993_u64;
    let job = json!({"id": "a", "func": "anything", "args": [big, u64::MAX, i64::MIN], "kwargs": {"n": big}});
    let added = client.post("/jobs", &job);
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    let read = client.get("/jobs/default:a").body;
    assert_eq!(read["args"], job["args"]);
    assert_eq!(read["kwargs"]["n"].to_string(), "9007199254740993");
    let refused = client.send_text(
        "POST",
        "/jobs",
        r#"{"id": "b", "func": "anything", "args": [99999999999999999999]}"#,
    );
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("99999999999999999999"), "{detail}");
}

#[test]
fn ids_may_contain_anything() {
    let client = Client::new();
    let ids = [
        "a/b",
        "..",
        ".",
        "a:b",
        "a?b#c&d=e",
        "ünï \u{1f680}",
        "<script>alert(1)</script>",
        "a\nb\"'",
        "%2e%2e",
        "batch",
    ];
    for id in ids {
        let added = client.post("/jobs", &json!({"id": id, "func": "greet", "args": ["Ada"]}));
        assert_eq!(added.status, StatusCode::CREATED, "{id:?}: {}", added.body);
        let path = format!("/jobs/{}", added.body["path"].as_str().unwrap());
        assert_eq!(client.get(&path).body["id"], id);
        let ran = client.send("POST", &format!("{path}/run"), None);
        assert_eq!(ran.status, StatusCode::ACCEPTED, "{id:?}");
        let changed = client.send_at("PATCH", &path, "*", Some(&json!({"name": "x"})));
        assert_eq!(changed.body["id"], id);
        assert_eq!(client.send_at("DELETE", &path, "*", None).status, StatusCode::NO_CONTENT);
    }
}

#[test]
fn bodies_that_are_no_json_objects_are_refused() {
    let client = Client::new();
    for (text, status) in [
        ("{", StatusCode::BAD_REQUEST),
        ("[1]", StatusCode::UNPROCESSABLE_ENTITY),
        ("", StatusCode::BAD_REQUEST),
    ] {
        let answer = client.send_text("POST", "/jobs", text);
        assert_eq!(answer.status, status, "{text}: {}", answer.body);
    }
    let large = format!("{{\"id\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
    let answer = client.send_text("POST", "/jobs", &large);
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

#[test]
fn unknown_methods_are_problems_too() {
    let client = Client::new();
    let answer = client.send("PUT", "/jobs", None);
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(answer.headers["allow"].to_str().unwrap().contains("POST"));
}
