//! One job.

use apscheduler_core::job::{JobChanges, JobKey, Pause};
use apscheduler_core::time::{Timestamp, Zone, parse_datetime};
use apscheduler_core::trigger::TriggerContext;
use apscheduler_core::{Error, Result};
use apscheduler_engine::Scheduler;
use apscheduler_engine::job::Job;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::allowed::{check_function, check_secrets};
use super::answer::one;
use super::body::{Body, OptionalBody};
use super::revision::if_match;
use crate::access::Identity;
use crate::app::App;
use crate::doc::{Doc, schemas};
use crate::job_path::JobPath;
use crate::problem::Problem;

pub(crate) const SHOW: Doc = Doc::new("Shows a job").json::<schemas::Job>();

pub(crate) async fn show(
    State(app): State<App>,
    JobPath(key): JobPath,
) -> Result<Response, Problem> {
    let job = app.call(move |scheduler| read(scheduler, &key)).await?;
    Ok(one(&app, StatusCode::OK, &job))
}

pub(super) fn read(scheduler: &Scheduler, key: &JobKey) -> Result<Job> {
    scheduler.get_job(key)?.ok_or_else(|| Error::job_lookup(key.id()))
}

pub(crate) const REMOVE: Doc = Doc::new("Removes a job").conditional();

/// Removes a job as it was read: `If-Match` names its revision.
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    JobPath(key): JobPath,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let key = key.at_revision(if_match(&headers)?);
    app.call_as(who.name().clone(), move |scheduler| scheduler.remove_job(key)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) const CHANGE: Doc =
    Doc::new("Changes a job").body::<schemas::JobPatch>().json::<schemas::Job>().conditional();

/// Changes a job as it was read: `If-Match` names its revision.
pub(crate) async fn change(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    JobPath(key): JobPath,
    headers: HeaderMap,
    Body { value: entry, raw }: Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let mut key = key.at_revision(if_match(&headers)?);
    check_secrets(&entry)?;
    if let Some(Value::String(name)) = entry.get("func") {
        check_function(&app, name)?;
    } else if entry.contains_key("args") || entry.contains_key("kwargs") {
        key = of_allowed(&app, key).await?;
    }
    let changed = app.call_as(who.name().clone(), move |scheduler| {
        let context =
            TriggerContext::new(scheduler.registry(), scheduler.timezone(), &**scheduler.clock());
        let changes = JobChanges::from_table("the job", &entry, &context)?;
        let job = scheduler.modify_job(&key, &changes)?;
        // With the revision that it has now, unless it has ended already.
        Ok(scheduler.get_job(job.key())?.unwrap_or(job))
    });
    let changed = changed.await.map_err(|error| Problem::in_body(error, &raw))?;
    Ok(one(&app, StatusCode::OK, &changed))
}

/// Returns the key of a job at the revision in which it calls a function whose arguments may be set here.
async fn of_allowed(app: &App, key: JobKey) -> Result<JobKey, Problem> {
    let job = app.call(move |scheduler| read(scheduler, &key)).await?;
    let function = job.spec().map(|spec| spec.function().name());
    check_function(app, function.unwrap_or_default())?;
    Ok(job.key().at_revision(job.revision()))
}

pub(crate) const RUN: Doc = Doc::new("Runs a job now").json::<schemas::Started>().status(202);

pub(crate) async fn run(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    JobPath(key): JobPath,
) -> Result<Response, Problem> {
    let run = app.call_as(who.name().clone(), move |scheduler| scheduler.run_now(key)).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"run_id": run}))).into_response())
}

/// How to pause a job.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PauseBody {
    /// Why.
    pub(super) note: Option<String>,
    /// When it ends, in ISO 8601; without an offset, in the zone of the scheduler. Otherwise when the job is resumed.
    #[schema(format = DateTime)]
    pub(super) until: Option<String>,
}

impl PauseBody {
    pub(super) fn read(self, zone: Zone) -> Result<Pause> {
        let mut pause = Pause::new();
        pause.note = self.note;
        pause.until = self.until.map(|until| instant("until", &until, zone)).transpose()?;
        Ok(pause)
    }
}

pub(crate) const PAUSE: Doc =
    Doc::new("Pauses a job").optional_body::<PauseBody>().json::<schemas::Job>();

pub(crate) async fn pause(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    JobPath(key): JobPath,
    OptionalBody(Body { value, raw }): OptionalBody<PauseBody>,
) -> Result<Response, Problem> {
    let paused = app.call_as(who.name().clone(), move |scheduler| {
        let pause = value.read(scheduler.timezone())?;
        scheduler.pause_job_with(&key, pause)?;
        read(scheduler, &key)
    });
    let paused = paused.await.map_err(|error| Problem::in_body(error, &raw))?;
    Ok(one(&app, StatusCode::OK, &paused))
}

pub(crate) const RESUME: Doc = Doc::new("Resumes a job").json::<schemas::Job>();

pub(crate) async fn resume(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    JobPath(key): JobPath,
) -> Result<Response, Problem> {
    let resumed = app.call_as(who.name().clone(), move |scheduler| {
        scheduler.resume_job(&key)?;
        scheduler.get_job(&key)
    });
    Ok(match resumed.await? {
        Some(job) => one(&app, StatusCode::OK, &job),
        // It has no run time left, and was removed.
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Reads a time of a request.
pub(super) fn instant(key: &str, text: &str, zone: Zone) -> Result<Timestamp> {
    Ok(parse_datetime(text, zone).map_err(|error| error.with_context(key))?.0)
}
