//! What machines ask.

use apscheduler_core::Shutdown;
use apscheduler_testkit::TestStore;
use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::json;

use super::client::Client;

fn status(client: &Client, path: &str) -> StatusCode {
    client.send_with("GET", path, None, &[]).status
}

#[test]
fn a_stuck_loop_is_not_alive_and_a_store_that_is_down_not_ready() {
    let client = Client::new();
    let store = TestStore::default();
    client.scheduler.add_jobstore("remote", store.clone()).unwrap();
    let job = apscheduler_core::job::JobBuilder::new("greet").args(["Ada".into()]);
    let every = apscheduler_core::trigger::TriggerConfig::new("interval").option("seconds", 60);
    client.scheduler.add_job(job.trigger(every).jobstore("remote")).unwrap();
    client.scheduler.step();
    assert_eq!(
        (status(&client, "/livez"), status(&client, "/readyz")),
        (StatusCode::OK, StatusCode::OK)
    );
    store.fail(true);
    client.scheduler.advance(TimeDelta::seconds(60));
    let answer = client.send_with("GET", "/readyz", None, &[]);
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["detail"], "the job store `remote` is down");
    assert_eq!(status(&client, "/livez"), StatusCode::OK);
    store.fail(false);
    client.scheduler.manual_clock().advance(TimeDelta::minutes(5));
    assert_eq!(status(&client, "/livez"), StatusCode::SERVICE_UNAVAILABLE);
    client.scheduler.shutdown(Shutdown::Now).unwrap();
    assert_eq!(status(&client, "/readyz"), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn metrics_count_what_happens() {
    let client = Client::with_dashboard(|dashboard| dashboard.metrics_by_job(1));
    let trigger = json!({"type": "interval", "seconds": 10});
    let job = json!({"id": "a", "func": "greet", "args": ["Ada"], "trigger": trigger});
    client.post("/jobs", &job);
    let failing = apscheduler_core::job::JobBuilder::new("fail").id("b");
    let every = apscheduler_core::trigger::TriggerConfig::new("interval").option("seconds", 30);
    client.scheduler.add_job(failing.trigger(every)).unwrap();
    for _ in 0..3 {
        client.scheduler.advance(TimeDelta::seconds(10));
    }
    let answer = client.get("/metrics");
    assert!(
        answer.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = answer.body.as_str().unwrap();
    for line in [
        "apscheduler_runs_total{outcome=\"ok\",reason=\"\",job=\"default:a\"} 3",
        "apscheduler_runs_total{outcome=\"failed\",reason=\"\",job=\"(others)\"} 1",
        "apscheduler_run_lateness_seconds_count{part=\"total\"} 4",
        "apscheduler_run_duration_seconds_count{job=\"default:a\"} 3",
        "apscheduler_jobs{jobstore=\"default\",status=\"scheduled\"} 2",
        "apscheduler_jobs_overdue{jobstore=\"default\"} 0",
        "apscheduler_jobstore_up{jobstore=\"default\"} 1",
        "apscheduler_scheduler_state{state=\"running\"} 1",
        "apscheduler_executor_active_runs{executor=\"default\"} 0",
        "apscheduler_loop_last_turn_age_seconds 0.0",
        "apscheduler_build_info{version=",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}
