//! The jobs: lists and additions.

use apscheduler_core::job::JobBuilder;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::allowed::{check_function, check_secrets};
use super::answer::{one, page, table};
use super::body::Body;
use super::query::{Asked, not_valid, within};
use crate::access::Identity;
use crate::app::App;
use crate::doc::{Doc, schemas};
use crate::problem::Problem;
use crate::report::job_list::{self, JobPlace};

/// The jobs of a page, and the most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

const STATUSES: [&str; 3] = ["scheduled", "paused", "broken"];

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobsQuery {
    /// Only jobs of this store.
    jobstore: Option<String>,
    /// Only jobs whose id or name contains this text.
    search: Option<String>,
    /// Only jobs with this status: `scheduled`, `paused` or `broken`.
    #[param(pattern = "^(scheduled|paused|broken)$")]
    status: Option<String>,
    /// Only jobs that call this function.
    func: Option<String>,
    /// Only jobs of this executor.
    executor: Option<String>,
    /// Only jobs with a trigger of this type, such as `cron`.
    trigger: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// The most jobs to return; at most 1000. Default: 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl JobsQuery {
    fn read(self) -> Result<job_list::JobsQuery, Problem> {
        if let Some(status) = self.status.as_deref().filter(|status| !STATUSES.contains(status)) {
            let detail =
                format!("status: expected `scheduled`, `paused` or `broken`, found `{status}`");
            return Err(not_valid(detail));
        }
        let after = self.after.map(|after| {
            JobPlace::read(&after)
                .ok_or_else(|| not_valid("after: expected the `next` of the page before"))
        });
        Ok(job_list::JobsQuery {
            jobstore: self.jobstore,
            search: self.search,
            status: self.status,
            func: self.func,
            executor: self.executor,
            trigger: self.trigger,
            after: after.transpose()?,
            limit: within("limit", self.limit, PAGE, MAX_PAGE)?,
        })
    }
}

pub(crate) const LIST: Doc = Doc::new("Lists jobs").query::<JobsQuery>().json::<schemas::JobPage>();

pub(crate) async fn list(
    State(app): State<App>,
    Asked(asked): Asked<JobsQuery>,
) -> Result<Response, Problem> {
    let asked = asked.read()?;
    let found = app.call(move |scheduler| job_list::jobs(scheduler, &asked)).await?;
    let jobs = found.jobs.iter().map(|job| table(&app, job)).collect();
    let next = found.next.map(|place| place.text());
    Ok(page(jobs, next.as_deref()).into_response())
}

pub(crate) const ADD: Doc =
    Doc::new("Adds a job").body::<schemas::NewJob>().json::<schemas::Job>().status(201);

/// Adds a job, given as in a jobs file.
pub(crate) async fn add(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Body { value: entry, raw }: Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    if let Some(Value::String(name)) = entry.get("func") {
        check_function(&app, name)?;
    }
    check_secrets(&entry)?;
    if entry.get("replace_existing").is_some_and(|replace| *replace != Value::Bool(false)) {
        let detail = "replace_existing: change a job that exists with PATCH, so that you change what you have seen";
        let problem =
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The request is not valid", detail);
        return Err(problem.at("/replace_existing"));
    }
    let added = app.call_as(who.name().clone(), move |scheduler| {
        let job = JobBuilder::from_table("the job", &entry, scheduler.timezone())?;
        let job = scheduler.add_job(job)?;
        // With the revision that it has now, unless it has ended already.
        Ok(scheduler.get_job(job.key())?.unwrap_or(job))
    });
    let added = added.await.map_err(|error| Problem::in_body(error, &raw))?;
    Ok(one(&app, StatusCode::CREATED, &added))
}
