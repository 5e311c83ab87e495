//! One call for many jobs.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::client::{Answer, Client};

fn with_jobs() -> Client {
    let client = Client::new();
    for id in ["a", "b/c", "d"] {
        let trigger = json!({"type": "interval", "hours": 1});
        let job = json!({"id": id, "func": "greet", "args": ["Ada"], "trigger": trigger});
        assert_eq!(client.post("/jobs", &job).status, StatusCode::CREATED);
    }
    client
}

fn statuses(answer: &Answer) -> Vec<u64> {
    let results = answer.body["results"].as_array().unwrap();
    results.iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

#[test]
fn each_job_has_its_result() {
    let client = with_jobs();
    let jobs = json!([{"id": "a", "jobstore": "default"}, {"id": "gone"}, {"id": "b/c"}]);
    let ran = client.post("/jobs/batch/run", &json!({"jobs": jobs}));
    assert_eq!(statuses(&ran), [200, 404, 200], "{}", ran.body);
    let results = &ran.body["results"];
    assert!(results[0]["run_id"].is_string());
    assert_eq!(results[0]["path"], "default:a");
    assert_eq!(results[1]["problem"]["job_id"], "gone");

    let pause = json!({"jobs": jobs, "note": "the disk is full", "until": "2027-01-02"});
    assert_eq!(statuses(&client.post("/jobs/batch/pause", &pause)), [200, 404, 200]);
    let job = client.get("/jobs/default:b%2Fc").body;
    assert_eq!(
        (&job["status"], &job["pause"]["note"]),
        (&json!("paused"), &json!("the disk is full"))
    );
    assert!(job["pause"]["until"].is_string(), "{job}");
    assert_eq!(
        statuses(&client.post("/jobs/batch/resume", &json!({"jobs": jobs}))),
        [200, 404, 200]
    );
    assert_eq!(client.get("/jobs/default:a").body["status"], "scheduled");
}

#[test]
fn jobs_are_removed_as_they_were_read() {
    let client = with_jobs();
    let remove = |jobs: Value| client.post("/jobs/batch/remove", &json!({"jobs": jobs}));
    let missing = remove(json!([{"id": "a", "revision": "*"}, {"id": "d"}]));
    assert_eq!(missing.status, StatusCode::PRECONDITION_REQUIRED);
    assert_eq!(missing.body["pointer"], "/jobs/1");
    assert_eq!(client.get("/jobs/default:a").status, StatusCode::OK, "nothing was removed");
    let revision = client.get("/jobs/default:a").body["revision"].clone();
    let removed = remove(json!([
        {"id": "a", "revision": revision},
        {"id": "b/c", "revision": "999"},
        {"id": "d", "revision": "*"},
        {"id": "d", "revision": "x"},
    ]));
    assert_eq!(statuses(&removed), [200, 412, 200, 422], "{}", removed.body);
    assert_eq!(client.get("/jobs/default:a").status, StatusCode::NOT_FOUND);
}

#[test]
fn a_batch_has_a_limit() {
    let client = with_jobs();
    for jobs in [json!([]), json!(vec![json!({"id": "a"}); 1001])] {
        let refused = client.post("/jobs/batch/run", &json!({"jobs": jobs}));
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused.body["pointer"], "/jobs");
    }
}
