//! What each request has to pass before its handler is called.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::access::{Identity, Right};
use crate::app::App;
use crate::problem::Problem;

/// What is checked for a route.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) app: App,
    /// `None`, if everybody may.
    pub(crate) right: Option<Right>,
}

/// Refuses a request to another host, one that another site has made a browser send, and one without the right of the route.
pub(crate) async fn check(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let app = &guard.app;
    let host = host_of(&request);
    if !host.as_deref().is_some_and(|host| app.hosts().contain(host)) {
        let host = host.unwrap_or_default();
        return Err(refusal(
            StatusCode::MISDIRECTED_REQUEST,
            format!("this server does not answer for the host `{host}`; its hosts are a setting"),
        ));
    }
    let Some(right) = guard.right else { return Ok(next.run(request).await) };
    let (parts, body) = request.into_parts();
    let identity = app.access().and_then(|access| access.identify(&parts));
    check_rate(app, &parts, identity.as_ref())?;
    let identity = identity.ok_or_else(|| {
        let detail = "the request has no token, or one that is not known: send `Authorization: Bearer TOKEN`";
        refusal(StatusCode::UNAUTHORIZED, detail)
    })?;
    if !identity.may(right) {
        let detail = format!("`{}` does not have the right `{right}`", identity.name());
        return Err(refusal(StatusCode::FORBIDDEN, detail));
    }
    let is_ambient = app.access().is_some_and(crate::Access::is_ambient);
    if is_ambient && changes(&parts.method) && !is_same_origin(&parts.headers, host.as_deref()) {
        let detail = "the request comes from a page of another origin";
        return Err(refusal(StatusCode::FORBIDDEN, detail));
    }
    request = Request::from_parts(parts, body);
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}

/// Refuses a request of a client that asks too often. Whoever is not known is an address, as far as the server knows that.
fn check_rate(app: &App, parts: &Parts, identity: Option<&Identity>) -> Result<(), Problem> {
    let peer = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let client = match identity {
        Some(identity) => format!("identity {}", identity.name()),
        None => peer().map_or_else(|| "unknown".to_owned(), |address| format!("peer {address}")),
    };
    let now = app.scheduler().clock().elapsed();
    app.rates().take(&client, now).map_err(|seconds| {
        let detail = "too many requests in a short time";
        refusal(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(seconds)
    })
}

/// Keeps answers out of caches, and browsers from taking them for something else than they are.
pub(crate) async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}

fn refusal(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::new(status, "The request is refused", detail)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The host that a request is for: HTTP/2 has it in the URI.
fn host_of(request: &Request) -> Option<String> {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let of_uri = || request.uri().authority().map(axum::http::uri::Authority::as_str);
    header.or_else(of_uri).map(str::to_owned)
}

/// Returns whether no page of another origin has sent the request. Browsers say so in `Sec-Fetch-Site`, older ones in `Origin`;
/// other programs send neither.
fn is_same_origin(headers: &HeaderMap, host: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text(ORIGIN.as_str()) {
        Some(origin) => origin.split_once("://").map(|(_, rest)| rest) == host,
        None => true,
    }
}
