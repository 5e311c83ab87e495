//! How large a request may be, how long an answer may take, and what becomes of a panic.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::problem::Problem;

/// The largest body of a request, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// How long an answer may take to begin. A store may be slow, and must not hold connections for ever.
const LONGEST: Duration = Duration::from_secs(60);

/// Adds the limits to a router.
pub(crate) fn limited<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, LONGEST))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CompressionLayer::new())
}

/// Answers a request whose handler panicked. What it said is for the log alone.
#[expect(clippy::needless_pass_by_value, reason = "the layer gives it away")]
fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    tracing::error!("a request panicked: {}", text.unwrap_or("unknown panic"));
    let detail = "the server has a defect; its log says more";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The call failed", detail).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    fn ask(handler: axum::routing::MethodRouter) -> Response {
        let router = limited(Router::new().route("/", handler));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let request = Request::get("/").header("accept-encoding", "gzip").body(Body::empty());
            router.oneshot(request.unwrap()).await.unwrap()
        })
    }

    #[test]
    fn a_panic_is_a_problem_that_does_not_say_what_it_said() {
        async fn panics() {
            panic!("the password is hunter2");
        }
        let response = ask(get(panics));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
        assert!(!String::from_utf8_lossy(&body).contains("hunter2"));
    }

    #[test]
    fn an_answer_has_a_time_limit() {
        let hangs = || std::future::pending::<()>();
        assert_eq!(ask(get(hangs)).status(), StatusCode::GATEWAY_TIMEOUT);
    }

    #[test]
    fn long_answers_are_compressed() {
        let response = ask(get(|| async { "x".repeat(10_000) }));
        assert_eq!(response.headers()["content-encoding"], "gzip");
    }
}
