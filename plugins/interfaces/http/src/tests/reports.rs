//! What became of runs, what is to come, and how everything is doing.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::json;

use super::client::Client;

fn with_job() -> Client {
    let client = Client::new();
    let trigger = json!({"type": "interval", "minutes": 10, "start_date": "2027-01-01T00:10:00Z"});
    let job = json!({"id": "a", "func": "greet", "args": ["Ada"], "trigger": trigger});
    assert_eq!(client.post("/jobs", &job).status, StatusCode::CREATED);
    client
}

#[test]
fn stats_count_the_runs_of_a_period() {
    let client = with_job();
    for _ in 0..6 {
        client.scheduler.advance(TimeDelta::minutes(10));
    }
    let stats = client.get("/stats?hours=1&buckets=2").body;
    assert_eq!(stats["outcomes"], json!({"ok": 6}), "{stats}");
    assert_eq!(stats["buckets"].as_array().unwrap().len(), 2);
    assert_eq!(stats["lateness"]["count"], 6);
    assert_eq!(client.get("/stats?job_id=b").body["outcomes"], json!({}));
    assert_eq!(client.get("/stats?to=2026-01-01").body["outcomes"], json!({}));
    for wrong in ["hours=0", "buckets=100000", "to=soon"] {
        let refused = client.get(&format!("/stats?{wrong}")).status;
        assert!(refused.is_client_error(), "{wrong}: {refused}");
    }
}

#[test]
fn the_forecast_is_a_week_or_an_hour() {
    let client = with_job();
    let week = client.get("/forecast").body;
    let fires = week["fires"].as_array().unwrap();
    assert_eq!((fires.len(), &fires[0], &fires[1]), (168, &json!(5), &json!(6)), "{week}");
    assert_eq!(week["executors"][0]["alias"], "default");
    let hour = client.get("/forecast?hour=2027-01-01T01:00:00Z").body;
    assert_eq!((hour["fires"].as_array().unwrap().len(), &hour["fires"][10]), (60, &json!(1)));
    assert_eq!(client.get("/forecast?hour=x").status, StatusCode::BAD_REQUEST);
}

#[test]
fn an_edit_is_simulated() {
    let client = with_job();
    let asked = json!({"trigger": {"type": "interval", "minutes": 20, "start_date": "2027-01-01T00:10:00Z"}, "count": 3});
    let simulated = client.post("/jobs/default:a/simulate", &asked).body;
    let both: Vec<bool> = simulated["old"]["fires"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fire| fire["in_both"] == true)
        .collect();
    assert_eq!(both, [true, false, true], "{simulated}");
    assert_eq!(client.get("/jobs/default:a").body["trigger"], "interval[0:10:00]");
    let wrong = client.post("/jobs/default:a/simulate", &json!({"trigger": "corn"}));
    assert_eq!(
        (wrong.status, &wrong.body["suggestion"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("cron"))
    );
}

#[test]
fn the_health_and_the_plugins_are_shown() {
    let client = with_job();
    client.scheduler.step();
    let health = client.get("/health").body;
    assert_eq!((&health["state"], &health["alive"]), (&json!("running"), &json!(true)));
    assert_eq!(
        (&health["stores"][0]["alias"], &health["stores"][0]["up"]),
        (&json!("default"), &json!(true))
    );
    assert_eq!(health["executors"][0]["alias"], "default");
    let plugins = client.get("/plugins").body;
    let functions = plugins["functions"].as_array().unwrap();
    assert!(functions.contains(&json!({"name": "greet", "allowed": true})), "{plugins}");
    assert!(functions.contains(&json!({"name": "fail", "allowed": false})), "{plugins}");
    assert!(plugins["plugins"].as_array().unwrap().iter().any(|plugin| plugin["name"] == "cron"));
}
