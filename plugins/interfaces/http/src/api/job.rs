//! One job.

use apscheduler_core::job::{JobKey, Pause};
use apscheduler_core::time::{Timestamp, Zone, parse_datetime};
use apscheduler_core::{Error, Result};
use apscheduler_engine::Scheduler;
use apscheduler_engine::job::Job;
use axum::extract::State;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{OptionalBody, one};
use super::query::{Asked, not_valid};
use crate::access::Identity;
use crate::dashboard::App;
use crate::job_path::JobPath;
use crate::problem::Problem;

/// The most fire times of one answer.
const MOST_FIRES: usize = 1000;

pub(crate) async fn show(
    State(app): State<App>,
    JobPath(key): JobPath,
) -> Result<Response, Problem> {
    let job = app.call(move |scheduler| read(scheduler, &key)).await?;
    Ok(one(StatusCode::OK, &job))
}

fn read(scheduler: &Scheduler, key: &JobKey) -> Result<Job> {
    scheduler.get_job(key)?.ok_or_else(|| Error::job_lookup(key.id()))
}

/// Removes a job as it was read: `If-Match` names its revision.
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    JobPath(key): JobPath,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let key = key.at_revision(revision(&headers)?);
    app.call_as(who.name().clone(), move |scheduler| scheduler.remove_job(key)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads `If-Match`: the `ETag` of the job, or `*` for whichever revision it has.
fn revision(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(given) = headers.get(IF_MATCH) else {
        let detail = "send `If-Match` with the ETag of the job as you read it, or `*`";
        return Err(Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "The revision of the job is missing",
            detail,
        ));
    };
    let given = given.to_str().unwrap_or_default().trim();
    if given == "*" {
        return Ok(None);
    }
    let number = given.strip_prefix('"').and_then(|given| given.strip_suffix('"'));
    let number = number.and_then(|number| number.parse().ok());
    number.map(Some).ok_or_else(|| {
        Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "The job has changed since it was read",
            "`If-Match` is not an ETag of a job",
        )
    })
}

pub(crate) async fn run(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    JobPath(key): JobPath,
) -> Result<Response, Problem> {
    let run = app.call_as(who.name().clone(), move |scheduler| scheduler.run_now(key)).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"run_id": run}))).into_response())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseBody {
    note: Option<String>,
    until: Option<String>,
}

pub(crate) async fn pause(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    JobPath(key): JobPath,
    OptionalBody(body): OptionalBody<PauseBody>,
) -> Result<Response, Problem> {
    let paused = app.call_as(who.name().clone(), move |scheduler| {
        let mut pause = Pause::new();
        pause.note = body.note;
        if let Some(until) = body.until {
            let until = parse_datetime(&until, scheduler.timezone());
            pause = pause.until(until.map_err(|error| error.with_context("until"))?.0);
        }
        scheduler.pause_job_with(&key, pause)?;
        read(scheduler, &key)
    });
    Ok(one(StatusCode::OK, &paused.await?))
}

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
        Some(job) => one(StatusCode::OK, &job),
        // It has no run time left, and was removed.
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FiresQuery {
    count: Option<usize>,
}

/// The next fire times of a job, in its zone.
pub(crate) async fn fires(
    State(app): State<App>,
    JobPath(key): JobPath,
    Asked(asked): Asked<FiresQuery>,
) -> Result<Json<Value>, Problem> {
    let count = asked.count.unwrap_or(10);
    if !(1..=MOST_FIRES).contains(&count) {
        return Err(not_valid(format!("count: expected 1 to {MOST_FIRES}, found {count}")));
    }
    let fires = app.call(move |scheduler| {
        let job = read(scheduler, &key)?;
        let next = job.next_run_time().instant();
        let following = |time: &Timestamp| {
            job.spec()?.trigger().next_fire_time(Some(*time), *time).filter(|next| next > time)
        };
        let times = std::iter::successors(next, following).take(count);
        Ok(times.map(|time| job.zone(time).iso(time)).collect::<Vec<_>>())
    });
    Ok(Json(json!({"fires": fires.await?})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhyQuery {
    /// A time in ISO 8601; without an offset, in the zone of the scheduler.
    time: Option<String>,
}

/// Why the job ran at a time, or did not, or what it waits for.
pub(crate) async fn explain(
    State(app): State<App>,
    JobPath(key): JobPath,
    Asked(asked): Asked<WhyQuery>,
) -> Result<Json<Value>, Problem> {
    let why = app.call(move |scheduler| {
        let time =
            asked.time.map(|time| instant("time", &time, scheduler.timezone())).transpose()?;
        scheduler.why(&key, time)
    });
    let why = serde_json::to_value(why.await?);
    Ok(Json(why.unwrap_or_else(|error| json!({"answer": error.to_string()}))))
}

fn instant(key: &str, text: &str, zone: Zone) -> Result<Timestamp> {
    Ok(parse_datetime(text, zone).map_err(|error| error.with_context(key))?.0)
}
