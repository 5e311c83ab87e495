//! A scheduler with a router, and requests to it.

use std::sync::Arc;

use apscheduler_core::config::Config;
use apscheduler_core::function::{Arguments, Callable, Function, JobContext, JobError, JobResult};
use apscheduler_core::ledger::History;
use apscheduler_testkit::SteppedScheduler;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{Access, Dashboard, Rights, Token};

/// The token of somebody with all rights.
pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

pub(super) struct Client {
    pub(super) scheduler: SteppedScheduler,
    router: Router,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Client {
    /// A client of a scheduler that records all runs, with a token for all rights.
    pub(super) fn new() -> Self {
        Self::with(Access::tokens([Token::new("ada", TOKEN, Rights::all()).unwrap()]))
    }

    pub(super) fn with(access: Access) -> Self {
        Self::with_dashboard(|dashboard| dashboard.access(access))
    }

    /// A client with a token for all rights, unless `change` changes that.
    pub(super) fn with_dashboard(change: impl FnOnce(Dashboard) -> Dashboard) -> Self {
        let scheduler = scheduler();
        let access = Access::tokens([Token::new("ada", TOKEN, Rights::all()).unwrap()]);
        let dashboard = Dashboard::new(&scheduler).access(access);
        let dashboard = change(dashboard.function("greet").function("anything"));
        Self { router: Router::new().nest("/any/prefix", dashboard.router()), scheduler }
    }

    /// Sends a request, and returns the response with a body that was not read.
    pub(super) fn response(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(self.respond(method, path, headers, Body::empty()))
    }

    /// Sends a request with the token and a JSON body.
    pub(super) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send_with(method, path, body, &[("authorization", &format!("Bearer {TOKEN}"))])
    }

    /// Sends a request with the token, `If-Match`, and a JSON body.
    pub(super) fn send_at(
        &self,
        method: &str,
        path: &str,
        etag: &str,
        body: Option<&Value>,
    ) -> Answer {
        let token = format!("Bearer {TOKEN}");
        self.send_with(method, path, body, &[("authorization", &token), ("if-match", etag)])
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    /// Sends a request with the token and this text, which should be JSON.
    pub(super) fn send_text(&self, method: &str, path: &str, text: &str) -> Answer {
        let token = format!("Bearer {TOKEN}");
        let headers = [("authorization", &*token), ("content-type", "application/json")];
        self.exchange(method, path, &headers, Body::from(text.to_owned()))
    }

    /// Sends a request with these headers alone, and the host `localhost` unless they name one.
    pub(super) fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut headers = headers.to_vec();
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.exchange(method, path, &headers, body)
    }

    fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (parts, body) = self.respond(method, path, headers, body).await.into_parts();
            let kind = parts.headers.get("content-type").and_then(|kind| kind.to_str().ok());
            if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
                // It does not end.
                return Answer { status: parts.status, headers: parts.headers, body: Value::Null };
            }
            let bytes = body.collect().await.unwrap().to_bytes();
            let text = || String::from_utf8_lossy(&bytes).into_owned();
            let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text().into());
            Answer { status: parts.status, headers: parts.headers, body }
        })
    }

    async fn respond(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response {
        let whole = ["/api/", "/livez", "/readyz", "/metrics", "/openapi"];
        let is_whole = whole.iter().any(|start| path.starts_with(start));
        let version = if is_whole { "" } else { "/api/v1" };
        let uri = format!("/any/prefix{version}{path}");
        let mut request = Request::builder().method(method).uri(uri);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost:8080");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }
}

pub(crate) fn scheduler() -> SteppedScheduler {
    scheduler_at("2027-01-01T00:00:00Z")
}

/// A scheduler at an instant, given in RFC 3339, that records all runs. Its functions are `greet` and `fail`.
pub(crate) fn scheduler_at(now: &str) -> SteppedScheduler {
    let registry = apscheduler_testkit::registry();
    for plugin in apscheduler_triggers::PLUGINS {
        registry.register((*plugin).clone()).unwrap();
    }
    let greet = |name: String| format!("Hello, {name}!");
    registry.register_function("greet", greet).unwrap();
    let fail = || -> Result<(), JobError> { Err(JobError::new("the disk is full")) };
    registry.register_function("fail", fail).unwrap();
    let returns_all = |_: &JobContext, arguments: &Arguments| -> JobResult {
        Ok(json!({"args": arguments.args(), "kwargs": arguments.kwargs()}))
    };
    let anything = Function::new("anything", |_| Ok(()), Callable::Sync(Arc::new(returns_all)));
    registry.add_function(anything).unwrap();
    let scheduler = SteppedScheduler::new(registry, now);
    let config = Config::new().history(History::All).executor("default", "debug");
    scheduler.configure(&config).unwrap();
    scheduler.start().unwrap();
    scheduler
}
