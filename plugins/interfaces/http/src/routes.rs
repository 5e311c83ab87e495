//! The table of routes: each has the right that it needs.

use axum::routing::{MethodFilter, MethodRouter, on};

use crate::access::Right;
use crate::api::{batch, events, job, jobs, probes, reports, runs, schedule, scheduler, triggers};
use crate::app::App;

/// A route.
pub(crate) struct Route {
    pub(crate) method: Verb,
    pub(crate) path: &'static str,
    /// `None`, if everybody may: it tells nothing of jobs.
    pub(crate) right: Option<Right>,
    pub(crate) handler: fn(MethodFilter) -> MethodRouter<App>,
}

const fn route(
    method: Verb,
    path: &'static str,
    right: Right,
    handler: fn(MethodFilter) -> MethodRouter<App>,
) -> Route {
    Route { method, path, right: Some(right), handler }
}

/// A route that needs no right.
const fn open(path: &'static str, handler: fn(MethodFilter) -> MethodRouter<App>) -> Route {
    Route { method: GET, path, right: None, handler }
}

/// The method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Patch,
    Delete,
}

impl Verb {
    pub(crate) const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

const GET: Verb = Verb::Get;
const POST: Verb = Verb::Post;
const PATCH: Verb = Verb::Patch;
const DELETE: Verb = Verb::Delete;

/// All routes.
#[rustfmt::skip]
pub(crate) static ROUTES: &[Route] = &[
    open("/livez", |method| on(method, probes::live)),
    open("/readyz", |method| on(method, probes::ready)),
    route(GET, "/metrics", Right::View, |method| on(method, probes::metrics)),
    route(GET, "/api/v1/events", Right::View, |method| on(method, events::events)),
    route(GET, "/api/v1/scheduler", Right::View, |method| on(method, scheduler::show)),
    route(POST, "/api/v1/scheduler/pause", Right::Admin, |method| on(method, scheduler::pause)),
    route(POST, "/api/v1/scheduler/resume", Right::Admin, |method| on(method, scheduler::resume)),
    route(GET, "/api/v1/health", Right::View, |method| on(method, reports::health)),
    route(GET, "/api/v1/plugins", Right::View, |method| on(method, reports::plugins)),
    route(GET, "/api/v1/stats", Right::View, |method| on(method, reports::stats)),
    route(GET, "/api/v1/forecast", Right::View, |method| on(method, reports::forecast)),
    route(GET, "/api/v1/jobs", Right::View, |method| on(method, jobs::list)),
    route(POST, "/api/v1/jobs", Right::Edit, |method| on(method, jobs::add)),
    route(POST, "/api/v1/jobs/batch/run", Right::Run, |method| on(method, batch::run)),
    route(POST, "/api/v1/jobs/batch/pause", Right::Pause, |method| on(method, batch::pause)),
    route(POST, "/api/v1/jobs/batch/resume", Right::Pause, |method| on(method, batch::resume)),
    route(POST, "/api/v1/jobs/batch/remove", Right::Remove, |method| on(method, batch::remove)),
    route(GET, "/api/v1/jobs/{job}", Right::View, |method| on(method, job::show)),
    route(PATCH, "/api/v1/jobs/{job}", Right::Edit, |method| on(method, job::change)),
    route(DELETE, "/api/v1/jobs/{job}", Right::Remove, |method| on(method, job::remove)),
    route(POST, "/api/v1/jobs/{job}/run", Right::Run, |method| on(method, job::run)),
    route(POST, "/api/v1/jobs/{job}/pause", Right::Pause, |method| on(method, job::pause)),
    route(POST, "/api/v1/jobs/{job}/resume", Right::Pause, |method| on(method, job::resume)),
    route(GET, "/api/v1/jobs/{job}/fires", Right::View, |method| on(method, schedule::fires)),
    route(GET, "/api/v1/jobs/{job}/explain", Right::View, |method| on(method, schedule::explain)),
    route(POST, "/api/v1/jobs/{job}/simulate", Right::View, |method| on(method, schedule::simulated)),
    route(GET, "/api/v1/runs", Right::View, |method| on(method, runs::list)),
    route(GET, "/api/v1/runs/{run}", Right::View, |method| on(method, runs::show)),
    route(POST, "/api/v1/runs/{run}/cancel", Right::Run, |method| on(method, runs::cancel)),
    route(POST, "/api/v1/runs/{run}/retry", Right::Run, |method| on(method, runs::retry)),
    route(GET, "/api/v1/audit", Right::View, |method| on(method, runs::audit)),
    route(POST, "/api/v1/trigger/preview", Right::View, |method| on(method, triggers::preview)),
];
