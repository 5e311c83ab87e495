//! The table of routes: each has the right that it needs.

use axum::routing::{MethodFilter, MethodRouter, on};

use crate::access::Right;
use crate::api::{job, jobs, runs, scheduler, triggers};
use crate::dashboard::App;

/// A route.
pub(crate) struct Route {
    pub(crate) method: Verb,
    pub(crate) path: &'static str,
    pub(crate) right: Right,
    pub(crate) handler: fn(MethodFilter) -> MethodRouter<App>,
}

const fn route(
    method: Verb,
    path: &'static str,
    right: Right,
    handler: fn(MethodFilter) -> MethodRouter<App>,
) -> Route {
    Route { method, path, right, handler }
}

/// The method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Delete,
}

impl Verb {
    pub(crate) const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

const GET: Verb = Verb::Get;
const POST: Verb = Verb::Post;
const DELETE: Verb = Verb::Delete;

/// All routes.
pub(crate) static ROUTES: &[Route] = &[
    route(GET, "/api/v1/scheduler", Right::View, |method| on(method, scheduler::show)),
    route(POST, "/api/v1/scheduler/pause", Right::Admin, |method| on(method, scheduler::pause)),
    route(POST, "/api/v1/scheduler/resume", Right::Admin, |method| on(method, scheduler::resume)),
    route(GET, "/api/v1/jobs", Right::View, |method| on(method, jobs::list)),
    route(POST, "/api/v1/jobs", Right::Edit, |method| on(method, jobs::add)),
    route(GET, "/api/v1/jobs/{job}", Right::View, |method| on(method, job::show)),
    route(DELETE, "/api/v1/jobs/{job}", Right::Remove, |method| on(method, job::remove)),
    route(POST, "/api/v1/jobs/{job}/run", Right::Run, |method| on(method, job::run)),
    route(POST, "/api/v1/jobs/{job}/pause", Right::Pause, |method| on(method, job::pause)),
    route(POST, "/api/v1/jobs/{job}/resume", Right::Pause, |method| on(method, job::resume)),
    route(GET, "/api/v1/jobs/{job}/fires", Right::View, |method| on(method, job::fires)),
    route(GET, "/api/v1/jobs/{job}/explain", Right::View, |method| on(method, job::explain)),
    route(GET, "/api/v1/runs", Right::View, |method| on(method, runs::list)),
    route(GET, "/api/v1/runs/{run}", Right::View, |method| on(method, runs::show)),
    route(POST, "/api/v1/runs/{run}/cancel", Right::Run, |method| on(method, runs::cancel)),
    route(POST, "/api/v1/runs/{run}/retry", Right::Run, |method| on(method, runs::retry)),
    route(GET, "/api/v1/audit", Right::View, |method| on(method, runs::audit)),
    route(POST, "/api/v1/trigger/preview", Right::View, |method| on(method, triggers::preview)),
];
