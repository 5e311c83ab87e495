//! The router that a program mounts.

use apscheduler_engine::Scheduler;
use axum::Router;
use axum::middleware;

use crate::access::Access;
use crate::app::{App, Shared};
use crate::guard;
use crate::hosts::Hosts;
use crate::limits::{Answers, Rates, limited};
use crate::live::Feed;
use crate::metrics::{Counted, Meters};
use crate::once;
use crate::openapi;
use crate::problem;
use crate::redaction::Redaction;
use crate::routes::{ROUTES, Route, Verb};

/// How many requests a second a client may send, if nothing else is said.
pub(crate) const RATE_LIMIT: u32 = 200;

/// Remote access to a scheduler: an axum router that can be mounted under any path.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::Registry;
/// use apscheduler_engine::LinkedPlugins;
/// use apscheduler_engine::schedulers::BackgroundScheduler;
/// use apscheduler_interface_http::{Access, Dashboard, Rights, Token};
///
/// # let scheduler = BackgroundScheduler::<LinkedPlugins>::new();
/// let token = Token::new("operator", "a-long-random-secret-of-32-bytes-or-more", Rights::all())?;
/// let dashboard = Dashboard::new(&scheduler).access(Access::tokens([token]));
/// let app: axum::Router = axum::Router::new().nest("/jobs", dashboard.router());
/// # let _ = app;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "call `router` to get what a server can serve"]
pub struct Dashboard {
    scheduler: Scheduler,
    access: Option<Access>,
    hosts: Vec<String>,
    functions: Vec<String>,
    redact: Vec<String>,
    metrics_by_job: usize,
    rate_limit: u32,
}

impl Dashboard {
    /// Remote access to this scheduler. Nobody has any, until [`access`](Self::access) says who.
    pub fn new(scheduler: &Scheduler) -> Self {
        let hosts = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec();
        Self {
            scheduler: scheduler.clone(),
            access: None,
            hosts,
            functions: Vec::new(),
            redact: Vec::new(),
            metrics_by_job: 0,
            rate_limit: RATE_LIMIT,
        }
    }

    /// Says who may do what.
    pub fn access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// Answers requests to this host, besides those to `localhost`. Requests to others are refused: a page of another site could
    /// point its own name at this machine.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Hides the values of keys that contain this word, as those of `password`, `secret`, `token`, `api_key` and the like
    /// always are: in arguments, results, errors and changes of jobs. Case, `-` and `_` do not matter.
    pub fn redact(mut self, word: impl Into<String>) -> Self {
        self.redact.push(word.into());
        self
    }

    /// Counts runs in `/metrics` by job too, for up to this many jobs; runs of others have the job `(others)`. Each job makes
    /// several series. Default: 0, not by job.
    pub fn metrics_by_job(mut self, most: usize) -> Self {
        self.metrics_by_job = most;
        self
    }

    /// Sets how many requests a second each client may send, in the long run; for five seconds it may save them up. A client is
    /// an identity, and for those that are not known, an address. Default: 200.
    pub fn rate_limit(mut self, per_second: u32) -> Self {
        self.rate_limit = per_second;
        self
    }

    /// Allows jobs that call this function to be added and changed. None is, by default.
    pub fn function(mut self, name: impl Into<String>) -> Self {
        self.functions.push(name.into());
        self
    }

    /// Returns the router.
    pub fn router(self) -> Router {
        let feed = Feed::new(&self.scheduler, Meters::new(self.metrics_by_job));
        let app = App::new(Shared {
            scheduler: self.scheduler,
            access: self.access,
            hosts: Hosts::new(self.hosts),
            functions: self.functions,
            redaction: Redaction::new(&self.redact),
            counted: Counted::default(),
            answers: Answers::default(),
            rates: Rates::new(self.rate_limit),
            document: openapi::document,
            feed,
        });
        let add = |router: Router<App>, route: &Route| {
            let guard = guard::Guard { app: app.clone(), right: route.right };
            let guard = middleware::from_fn_with_state(guard, guard::check);
            let mut handler = (route.handler)(route.method.filter());
            if route.method == Verb::Post {
                let once = middleware::from_fn_with_state(app.clone(), once::once);
                handler = handler.layer(once);
            }
            router.route(route.path, handler.layer(guard))
        };
        let router = ROUTES.iter().fold(Router::new(), add);
        limited(router)
            .layer(middleware::map_response(problem::of_plain_error))
            .layer(middleware::map_response(guard::protect))
            .with_state(app)
    }
}
