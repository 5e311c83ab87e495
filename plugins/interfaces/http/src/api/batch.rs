//! One call for many jobs, with a result for each.

use apscheduler_core::job::JobKey;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::Scheduler;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::body::Body;
use super::job::PauseBody;
use super::revision::missing;
use crate::access::Identity;
use crate::app::App;
use crate::doc::{Doc, schemas};
use crate::job_path::job_path;
use crate::problem::Problem;

/// The most jobs of one call.
const MOST: usize = 1000;

/// The jobs of a call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    #[schema(min_items = 1, max_items = 1000)]
    jobs: Vec<Named>,
}

/// The jobs of a call that pauses them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseBatch {
    #[schema(min_items = 1, max_items = 1000)]
    jobs: Vec<Named>,
    /// Why.
    #[serde(default)]
    note: Option<String>,
    /// When it ends, in ISO 8601; without an offset, in the zone of the scheduler. Otherwise when the jobs are resumed.
    #[serde(default)]
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// A job of a call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    id: String,
    /// Default: whichever store has the job.
    #[serde(default)]
    jobstore: Option<String>,
    /// The `revision` as it was read, or `*` for whichever it has.
    #[serde(default)]
    revision: Option<String>,
}

impl Named {
    fn key(&self) -> Result<JobKey> {
        let key = match &self.jobstore {
            Some(alias) => JobKey::in_store(&**alias, &*self.id),
            None => JobKey::from(&*self.id),
        };
        let revision = self.revision.as_deref().filter(|revision| *revision != "*");
        let revision = revision.map(|revision| {
            revision.parse().map_err(|_| {
                let message = format!(
                    "revision: expected the `revision` of a job or `*`, found `{revision}`"
                );
                Error::new(ErrorKind::InvalidJob, message)
            })
        });
        Ok(key.at_revision(revision.transpose()?))
    }
}

pub(crate) const RUN: Doc =
    Doc::new("Runs jobs now").body::<Batch>().json::<schemas::BatchResults>();

pub(crate) async fn run(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Body { value, raw }: Body<Batch>,
) -> Result<Json<Value>, Problem> {
    let run = |scheduler: &Scheduler, key: JobKey| Ok(json!({"run_id": scheduler.run_now(key)?}));
    each(&app, &who, (value.jobs, &raw), run).await
}

pub(crate) const PAUSE: Doc =
    Doc::new("Pauses jobs").body::<PauseBatch>().json::<schemas::BatchResults>();

pub(crate) async fn pause(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Body { value, raw }: Body<PauseBatch>,
) -> Result<Json<Value>, Problem> {
    let given = PauseBody { note: value.note, until: value.until };
    let pause = app.call(move |scheduler| given.read(scheduler.timezone())).await;
    let pause = pause.map_err(|error| Problem::in_body(error, &raw))?;
    let pause = move |scheduler: &Scheduler, key: JobKey| {
        scheduler.pause_job_with(key, pause.clone())?;
        Ok(json!({}))
    };
    each(&app, &who, (value.jobs, &raw), pause).await
}

pub(crate) const RESUME: Doc =
    Doc::new("Resumes jobs").body::<Batch>().json::<schemas::BatchResults>();

pub(crate) async fn resume(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Body { value, raw }: Body<Batch>,
) -> Result<Json<Value>, Problem> {
    let resume = |scheduler: &Scheduler, key: JobKey| {
        scheduler.resume_job(key)?;
        Ok(json!({}))
    };
    each(&app, &who, (value.jobs, &raw), resume).await
}

pub(crate) const REMOVE: Doc =
    Doc::new("Removes jobs").body::<Batch>().json::<schemas::BatchResults>();

/// Removes jobs as they were read: each needs its revision, or `*`.
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Body { value, raw }: Body<Batch>,
) -> Result<Json<Value>, Problem> {
    if let Some(index) = value.jobs.iter().position(|job| job.revision.is_none()) {
        let problem = missing("give the `revision` of each job as you read it, or `*`");
        return Err(problem.at(format!("/jobs/{index}")));
    }
    let remove = |scheduler: &Scheduler, key: JobKey| {
        scheduler.remove_job(key)?;
        Ok(json!({}))
    };
    each(&app, &who, (value.jobs, &raw), remove).await
}

/// Does something with each job. Whatever becomes of one, the others have their turn.
async fn each(
    app: &App,
    who: &Identity,
    (jobs, raw): (Vec<Named>, &Value),
    act: impl Fn(&Scheduler, JobKey) -> Result<Value> + Send + 'static,
) -> Result<Json<Value>, Problem> {
    if !(1..=MOST).contains(&jobs.len()) {
        let message = format!("jobs: expected 1 to {MOST} jobs, found {}", jobs.len());
        return Err(Problem::in_body(Error::new(ErrorKind::InvalidJob, message), raw));
    }
    let results = app.call_as(who.name().clone(), move |scheduler| {
        let result = |job: &Named| {
            let done = job.key().and_then(|key| act(scheduler, key));
            let mut result = json!({"id": job.id, "jobstore": job.jobstore});
            if let Some(alias) = &job.jobstore {
                result["path"] = job_path(alias, &job.id).into();
            }
            match done {
                Ok(more) => {
                    result["status"] = StatusCode::OK.as_u16().into();
                    if let (Value::Object(result), Value::Object(more)) = (&mut result, more) {
                        result.extend(more);
                    }
                }
                Err(error) => {
                    let problem = Problem::from(error);
                    result["status"] = problem.status().as_u16().into();
                    result["problem"] = json!(problem);
                }
            }
            result
        };
        Ok(jobs.iter().map(result).collect::<Vec<_>>())
    });
    Ok(Json(json!({"results": results.await?})))
}
