//! The jobs: lists and additions.

use apscheduler_core::job::JobBuilder;
use apscheduler_core::store::Cursor;
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result, suggestion};
use apscheduler_engine::Scheduler;
use apscheduler_engine::job::Job;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::body::{Body, one, page, table};
use super::query::{Asked, not_valid};
use crate::access::Identity;
use crate::dashboard::App;
use crate::problem::Problem;

/// The jobs of a page, and the most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// The most jobs that one request looks at to find those that match.
const MOST_SEEN: usize = 20_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobsQuery {
    jobstore: Option<String>,
    /// Where the page before has ended.
    after: Option<String>,
    limit: Option<usize>,
    /// Only jobs whose id or name contains this text.
    search: Option<String>,
    /// Only jobs with this status.
    status: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    Asked(asked): Asked<JobsQuery>,
) -> Result<Response, Problem> {
    let limit = asked.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(not_valid(format!("limit: expected 1 to {MAX_PAGE}, found {limit}")));
    }
    let after = asked.after.as_deref().map(Place::read).transpose()?;
    if let Some(status) = asked.status.as_deref()
        && !["scheduled", "paused", "broken"].contains(&status)
    {
        return Err(not_valid(format!(
            "status: expected `scheduled`, `paused` or `broken`, found `{status}`"
        )));
    }
    let found = app.call(move |scheduler| find(scheduler, &asked, after.as_ref(), limit)).await?;
    let (jobs, next) = found;
    let next = next.map(|place| place.text());
    Ok(page(jobs, next.as_deref()).into_response())
}

/// Returns the jobs that match, and where to go on.
fn find(
    scheduler: &Scheduler,
    asked: &JobsQuery,
    after: Option<&Place>,
    limit: usize,
) -> Result<(Vec<Value>, Option<Place>)> {
    let mut aliases = match &asked.jobstore {
        Some(alias) => vec![alias.clone()],
        None => scheduler.jobstore_aliases(),
    };
    aliases.sort_unstable();
    let is_left = |alias: &&String| after.is_none_or(|after| after.jobstore <= **alias);
    let (mut found, mut seen) = (Vec::new(), 0);
    for alias in aliases.iter().filter(is_left) {
        let mut cursor = after.filter(|after| after.jobstore == *alias).map(Place::cursor);
        loop {
            let page = scheduler.jobs_page(alias, cursor.as_ref(), limit)?;
            for job in &page.jobs {
                seen += 1;
                if matches(job, asked) {
                    found.push(table(job));
                }
                if found.len() == limit || seen == MOST_SEEN {
                    return Ok((found, Some(Place::of(job))));
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok((found, None))
}

fn matches(job: &Job, asked: &JobsQuery) -> bool {
    let contains = |text: &String| job.id().contains(&**text) || job.name().contains(&**text);
    asked.search.as_ref().is_none_or(contains)
        && asked.status.as_ref().is_none_or(|status| job.status().name() == status)
}

/// A place in the list of all jobs. As text: the run time in microseconds or `-`, the store, and the id.
struct Place {
    time: Option<Timestamp>,
    jobstore: String,
    id: String,
}

impl Place {
    fn of(job: &Job) -> Self {
        let time = job.next_run_time().instant();
        Self { time, jobstore: job.jobstore().to_owned(), id: job.id().to_owned() }
    }

    fn cursor(&self) -> Cursor {
        Cursor::new(self.time, &*self.id)
    }

    fn text(&self) -> String {
        let time =
            self.time.map_or_else(|| "-".to_owned(), |time| time.timestamp_micros().to_string());
        serde_json::json!([time, self.jobstore, self.id]).to_string()
    }

    fn read(text: &str) -> Result<Self, Problem> {
        let place = serde_json::from_str::<[String; 3]>(text).ok();
        let place = place.and_then(|[time, jobstore, id]| {
            let time = match &*time {
                "-" => None,
                micros => Some(Timestamp::from_timestamp_micros(micros.parse().ok()?)?),
            };
            Some(Self { time, jobstore, id })
        });
        place.ok_or_else(|| not_valid("after: expected the `next` of the page before"))
    }
}

pub(crate) async fn add(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Body(entry): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    refuse_function(&app, &entry)?;
    let added = app.call_as(who.name().clone(), move |scheduler| {
        let job = JobBuilder::from_table("the job", &entry, scheduler.timezone())?;
        let job = scheduler.add_job(job)?;
        // With the revision that it has now, unless it has ended already.
        Ok(scheduler.get_job(job.key())?.unwrap_or(job))
    });
    Ok(one(StatusCode::CREATED, &added.await?))
}

/// Refuses a job that calls a function that the program does not allow here.
fn refuse_function(app: &App, entry: &Map<String, Value>) -> Result<()> {
    let Some(Value::String(name)) = entry.get("func") else { return Ok(()) };
    if app.functions().contains(name) {
        return Ok(());
    }
    let known = app.functions().iter().map(String::as_str);
    let message = format!(
        "func: `{name}` may not be called by jobs that are added here{}",
        suggestion::hint(name, "allowed functions", known)
    );
    Err(Error::new(ErrorKind::UnknownFunction, message))
}
