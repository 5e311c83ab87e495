//! Who may do what: each route, from the table.

use axum::http::StatusCode;
use serde_json::json;

use super::client::{Client, TOKEN};
use crate::routes::{ROUTES, Verb};
use crate::{Access, Identity, Right, Rights, Token};

/// A path of a route, with something in place of its parameters.
fn path(route: &str) -> String {
    let run = "019caa21-0000-7000-8000-000000000000";
    route.replace("{job}", "default:backup").replace("{run}", run)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn each_route_needs_its_right_and_no_other() {
    let secret = |right: Right| format!("{:-<32}", right.name());
    let tokens = Right::ALL
        .map(|right| Token::new(right.name(), &secret(right), Rights::from(right)).unwrap());
    let client = Client::with(Access::tokens(tokens));
    let refused =
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::MISDIRECTED_REQUEST];
    for (route, needed) in ROUTES.iter().filter_map(|route| Some((route, route.right?))) {
        let method = format!("{:?}", route.method).to_uppercase();
        let send = |headers: &[(&str, &str)]| {
            client.send_with(&method, &path(route.path), None, headers).status
        };
        let at = format!("{method} {}", route.path);
        assert_eq!(send(&[]), StatusCode::UNAUTHORIZED, "{at}");
        assert_eq!(send(&[("authorization", &bearer(TOKEN))]), StatusCode::UNAUTHORIZED, "{at}");
        let right = bearer(&secret(needed));
        let elsewhere = [("authorization", &*right), ("host", "evil.example")];
        assert_eq!(send(&elsewhere), StatusCode::MISDIRECTED_REQUEST, "{at}");
        for other in Right::ALL {
            let status = send(&[("authorization", &bearer(&secret(other)))]);
            if other == needed {
                assert!(!refused.contains(&status), "{at}: {status}");
            } else {
                assert_eq!(status, StatusCode::FORBIDDEN, "{at} with {other}");
            }
        }
    }
}

#[test]
fn only_probes_need_no_right_but_the_right_host() {
    let client = Client::new();
    let open = ROUTES.iter().filter(|route| route.right.is_none());
    let open: Vec<&str> = open.map(|route| route.path).collect();
    assert_eq!(open, ["/livez", "/readyz"]);
    for path in open {
        assert_eq!(client.send_with("GET", path, None, &[]).status, StatusCode::OK, "{path}");
        let elsewhere = client.send_with("GET", path, None, &[("host", "evil.example")]);
        assert_eq!(elsewhere.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
}

#[test]
fn what_changes_something_needs_another_right_than_view() {
    for route in ROUTES.iter().filter(|route| route.right == Some(Right::View)) {
        // They change nothing, and their triggers do not fit into a URL.
        let is_reading = route.method == Verb::Get
            || ["/preview", "/simulate"].iter().any(|end| route.path.ends_with(end));
        assert!(is_reading, "{} {:?}", route.path, route.method);
    }
}

#[test]
fn nobody_has_access_until_the_program_says_who() {
    let scheduler = super::client::scheduler();
    let router = crate::Dashboard::new(&scheduler).router();
    let request = axum::http::Request::builder().uri("/api/v1/jobs").header("host", "localhost");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = runtime.block_on(tower::ServiceExt::oneshot(router, request)).unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn a_page_of_another_origin_changes_nothing() {
    let client = Client::with(Access::open(Rights::all()));
    let send = |headers: &[(&str, &str)]| {
        client.send_with("POST", "/scheduler/pause", None, headers).status
    };
    for theirs in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:9999"),
    ] {
        assert_eq!(send(&[theirs]), StatusCode::FORBIDDEN, "{theirs:?}");
        client.scheduler.resume().unwrap();
    }
    for ours in [("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8080")] {
        assert_eq!(send(&[ours]), StatusCode::OK, "{ours:?}");
    }
    assert_eq!(send(&[]), StatusCode::OK, "other programs send neither");
}

#[test]
fn a_program_may_check_by_itself() {
    let check = |request: &axum::http::request::Parts| {
        let user = request.headers.get("x-user")?.to_str().ok()?;
        Some(Identity::new(user, Rights::VIEW))
    };
    let client = Client::with(Access::program(check));
    let send = |headers: &[(&str, &str)]| client.send_with("GET", "/jobs", None, headers).status;
    assert_eq!(send(&[("x-user", "ada")]), StatusCode::OK);
    assert_eq!(send(&[]), StatusCode::UNAUTHORIZED);
}

#[test]
fn short_tokens_are_refused_and_none_is_shown() {
    let error = Token::new("ada", "secret", Rights::VIEW).unwrap_err();
    assert!(error.to_string().contains("has 6 bytes"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    let token = Token::new("ada", TOKEN, Rights::VIEW).unwrap();
    assert!(!format!("{token:?}{:?}", Access::tokens([token.clone()])).contains(TOKEN));
}

#[test]
fn only_allowed_functions_can_be_called() {
    let client = Client::new();
    let answer = client.post("/jobs", &json!({"id": "a", "func": "gret", "args": ["Ada"]}));
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("did you mean `greet`?"), "{detail}");
    let answer = client.post("/jobs", &json!({"id": "a", "func": "greet", "args": ["Ada"]}));
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
}
