//! Runs, and changes of jobs.

use apscheduler_core::ledger::{RunQuery, RunRecord, RunState};
use apscheduler_core::run::RunId;
use apscheduler_core::{Error, ErrorKind, Result, suggestion};
use apscheduler_engine::Cancelling;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::answer::{page, record};
use super::query::{Asked, not_valid, within};
use crate::access::Identity;
use crate::app::App;
use crate::doc::{Doc, schemas};
use crate::problem::Problem;

const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsQuery {
    /// Only runs of this job.
    job_id: Option<String>,
    /// Only runs in these states, with commas between them.
    state: Option<String>,
    /// Only runs before this one: the `next` of the page before.
    #[param(format = "uuid")]
    after: Option<String>,
    /// The most runs to return; at most 1000. Default: 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl RunsQuery {
    fn read(self) -> Result<RunQuery, Problem> {
        let limit = within("limit", self.limit, PAGE, MAX_PAGE)?;
        let mut query = RunQuery::new().limit(limit);
        query.job_id = self.job_id.map(Into::into);
        query.before = self.after.as_deref().map(run_id).transpose()?;
        for name in self.state.iter().flat_map(|states| states.split(',')) {
            let state = RunState::from_name(name).ok_or_else(|| {
                let known = RunState::ALL.map(RunState::name);
                let hint = suggestion::hint(name, "known states", known);
                not_valid(format!("state: unknown state `{name}`{hint}"))
            })?;
            query.states.push(state);
        }
        Ok(query)
    }
}

fn run_id(text: &str) -> Result<RunId, Problem> {
    text.parse().map_err(|_| not_valid(format!("`{text}` is not the identifier of a run")))
}

pub(crate) const LIST: Doc = Doc::new("Lists runs").query::<RunsQuery>().json::<schemas::RunPage>();

pub(crate) async fn list(
    State(app): State<App>,
    Asked(asked): Asked<RunsQuery>,
) -> Result<Response, Problem> {
    let query = asked.read()?;
    let limit = query.limit;
    let runs = app.call(move |scheduler| scheduler.runs(&query)).await?;
    Ok(answer(&app, &runs, limit))
}

pub(crate) const AUDIT: Doc =
    Doc::new("Lists changes").query::<RunsQuery>().json::<schemas::RunPage>();

/// The records of changes.
pub(crate) async fn audit(
    State(app): State<App>,
    Asked(asked): Asked<RunsQuery>,
) -> Result<Response, Problem> {
    let query = asked.read()?;
    let limit = query.limit;
    let changes = app.call(move |scheduler| scheduler.audit(&query)).await?;
    Ok(answer(&app, &changes, limit))
}

fn answer(app: &App, runs: &[RunRecord], limit: usize) -> Response {
    let last = runs.last().filter(|_| runs.len() >= limit);
    let next = last.map(|run| run.run_id.to_string());
    page(runs.iter().map(|run| record(app, run)).collect(), next.as_deref()).into_response()
}

pub(crate) const SHOW: Doc = Doc::new("Shows a run").json::<schemas::Attempts>();

/// All attempts of a run, the latest first.
pub(crate) async fn show(
    State(app): State<App>,
    Path(run): Path<String>,
) -> Result<Json<Value>, Problem> {
    let run = run_id(&run)?;
    let attempts = app.call(move |scheduler| scheduler.runs(&RunQuery::new().run(run))).await?;
    if attempts.is_empty() {
        let message = format!("no store knows the run {run}");
        return Err(Error::new(ErrorKind::RunLookup, message).into());
    }
    let attempts: Vec<Value> = attempts.iter().map(|attempt| record(&app, attempt)).collect();
    Ok(Json(json!({"run_id": run, "attempts": attempts})))
}

pub(crate) const CANCEL: Doc = Doc::new("Cancels a run").json::<schemas::Cancelling>().status(202);

pub(crate) async fn cancel(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Path(run): Path<String>,
) -> Result<Response, Problem> {
    let run = run_id(&run)?;
    let cancelling = app.call_as(who.name().clone(), move |scheduler| scheduler.cancel_run(run));
    let answer = match cancelling.await? {
        Cancelling::Ended => "ended",
        Cancelling::Told => "told",
        _ => "asked",
    };
    Ok((StatusCode::ACCEPTED, Json(json!({"cancelling": answer}))).into_response())
}

pub(crate) const RETRY: Doc = Doc::new("Makes another attempt of a run").status(202);

pub(crate) async fn retry(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Path(run): Path<String>,
) -> Result<StatusCode, Problem> {
    let run = run_id(&run)?;
    app.call_as(who.name().clone(), move |scheduler| scheduler.retry_run(run)).await?;
    Ok(StatusCode::ACCEPTED)
}
