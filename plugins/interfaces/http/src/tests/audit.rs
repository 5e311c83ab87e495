//! Each change leaves a record of who made it: every route that changes something, from the table.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::client::Client;
use crate::Right;
use crate::routes::{ROUTES, Route, Verb};

/// What a request to a route needs, besides the token: a body, and a job that is paused already.
fn body(route: &Route) -> Option<Value> {
    let jobs = json!([{"id": "a", "jobstore": "default", "revision": "*"}]);
    match route.path.strip_prefix("/api/v1").unwrap() {
        "/jobs" => Some(
            json!({"id": "new", "func": "greet", "args": ["Ada"], "trigger": {"type": "interval", "hours": 1}}),
        ),
        "/jobs/{job}" if route.method == Verb::Patch => Some(json!({"name": "changed"})),
        path if path.starts_with("/jobs/batch/") => Some(json!({"jobs": jobs})),
        _ => None,
    }
}

/// What was done by each of these routes is a run, whose record says nothing of who asked for it.
fn is_about_runs(route: &Route) -> bool {
    route.right == Some(Right::Run)
}

#[test]
fn each_change_names_who_made_it() {
    let changing = |route: &&Route| {
        route.method != Verb::Get && route.right != Some(Right::View) && !is_about_runs(route)
    };
    for route in ROUTES.iter().filter(changing) {
        let client = Client::new();
        let trigger = json!({"type": "interval", "hours": 1});
        let job = json!({"id": "a", "func": "greet", "args": ["Ada"], "trigger": trigger});
        assert_eq!(client.post("/jobs", &job).status, StatusCode::CREATED);
        if route.path.ends_with("/resume") {
            client.scheduler.pause_job("a").unwrap();
            client.scheduler.pause().unwrap();
        }
        let count = |client: &Client| {
            let changes = client.get("/audit?limit=1000").body;
            let changes = changes["items"].as_array().unwrap().clone();
            let by_ada =
                |change: &&Value| change["result"]["who"].as_str().unwrap().starts_with("ada via ");
            changes.iter().filter(by_ada).count()
        };
        // The turn in which it notes that it processes jobs.
        client.scheduler.step();
        let before = count(&client);
        let method = format!("{:?}", route.method).to_uppercase();
        let path = route.path.strip_prefix("/api/v1").unwrap().replace("{job}", "default:a");
        let answer = client.send_at(&method, &path, "*", body(route).as_ref());
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
        client.scheduler.step();
        assert_eq!(count(&client), before + 1, "{method} {path} leaves no record");
    }
}
