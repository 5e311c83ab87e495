//! The table of routes: each has the right that it needs.

use axum::routing::{MethodFilter, MethodRouter, on};

use crate::access::Right;
use crate::api::{batch, events, job, jobs, probes, reports, runs, schedule, scheduler, triggers};
use crate::app::App;
use crate::doc::Doc;

/// A route.
pub(crate) struct Route {
    pub(crate) method: Verb,
    pub(crate) path: &'static str,
    /// `None`, if everybody may: it tells nothing of jobs.
    pub(crate) right: Option<Right>,
    pub(crate) handler: fn(MethodFilter) -> MethodRouter<App>,
    pub(crate) doc: Doc,
}

const fn route(
    method: Verb,
    path: &'static str,
    right: Right,
    handler: fn(MethodFilter) -> MethodRouter<App>,
    doc: Doc,
) -> Route {
    Route { method, path, right: Some(right), handler, doc }
}

/// A route that needs no right.
const fn open(
    path: &'static str,
    handler: fn(MethodFilter) -> MethodRouter<App>,
    doc: Doc,
) -> Route {
    Route { method: GET, path, right: None, handler, doc }
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
    open("/livez", |method| on(method, probes::live), probes::LIVE),
    open("/readyz", |method| on(method, probes::ready), probes::READY),
    route(GET, "/metrics", Right::View, |method| on(method, probes::metrics), probes::METRICS),
    route(GET, "/openapi.json", Right::View, |method| on(method, probes::document), probes::DOCUMENT),
    route(GET, "/api/v1/openapi.json", Right::View, |method| on(method, probes::document), probes::DOCUMENT),
    route(GET, "/api/v1/events", Right::View, |method| on(method, events::events), events::EVENTS),
    route(GET, "/api/v1/scheduler", Right::View, |method| on(method, scheduler::show), scheduler::SHOW),
    route(POST, "/api/v1/scheduler/pause", Right::Admin, |method| on(method, scheduler::pause), scheduler::PAUSE),
    route(POST, "/api/v1/scheduler/resume", Right::Admin, |method| on(method, scheduler::resume), scheduler::RESUME),
    route(GET, "/api/v1/health", Right::View, |method| on(method, reports::health), reports::HEALTH),
    route(GET, "/api/v1/plugins", Right::View, |method| on(method, reports::plugins), reports::PLUGINS),
    route(GET, "/api/v1/stats", Right::View, |method| on(method, reports::stats), reports::STATS),
    route(GET, "/api/v1/forecast", Right::View, |method| on(method, reports::forecast), reports::FORECAST),
    route(GET, "/api/v1/jobs", Right::View, |method| on(method, jobs::list), jobs::LIST),
    route(POST, "/api/v1/jobs", Right::Edit, |method| on(method, jobs::add), jobs::ADD),
    route(POST, "/api/v1/jobs/batch/run", Right::Run, |method| on(method, batch::run), batch::RUN),
    route(POST, "/api/v1/jobs/batch/pause", Right::Pause, |method| on(method, batch::pause), batch::PAUSE),
    route(POST, "/api/v1/jobs/batch/resume", Right::Pause, |method| on(method, batch::resume), batch::RESUME),
    route(POST, "/api/v1/jobs/batch/remove", Right::Remove, |method| on(method, batch::remove), batch::REMOVE),
    route(GET, "/api/v1/jobs/{job}", Right::View, |method| on(method, job::show), job::SHOW),
    route(PATCH, "/api/v1/jobs/{job}", Right::Edit, |method| on(method, job::change), job::CHANGE),
    route(DELETE, "/api/v1/jobs/{job}", Right::Remove, |method| on(method, job::remove), job::REMOVE),
    route(POST, "/api/v1/jobs/{job}/run", Right::Run, |method| on(method, job::run), job::RUN),
    route(POST, "/api/v1/jobs/{job}/pause", Right::Pause, |method| on(method, job::pause), job::PAUSE),
    route(POST, "/api/v1/jobs/{job}/resume", Right::Pause, |method| on(method, job::resume), job::RESUME),
    route(GET, "/api/v1/jobs/{job}/fires", Right::View, |method| on(method, schedule::fires), schedule::FIRES),
    route(GET, "/api/v1/jobs/{job}/explain", Right::View, |method| on(method, schedule::explain), schedule::EXPLAIN),
    route(POST, "/api/v1/jobs/{job}/simulate", Right::View, |method| on(method, schedule::simulated), schedule::SIMULATED),
    route(GET, "/api/v1/runs", Right::View, |method| on(method, runs::list), runs::LIST),
    route(GET, "/api/v1/runs/{run}", Right::View, |method| on(method, runs::show), runs::SHOW),
    route(POST, "/api/v1/runs/{run}/cancel", Right::Run, |method| on(method, runs::cancel), runs::CANCEL),
    route(POST, "/api/v1/runs/{run}/retry", Right::Run, |method| on(method, runs::retry), runs::RETRY),
    route(GET, "/api/v1/audit", Right::View, |method| on(method, runs::audit), runs::AUDIT),
    route(POST, "/api/v1/trigger/preview", Right::View, |method| on(method, triggers::preview), triggers::PREVIEW),
];
