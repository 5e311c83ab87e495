//! What became of runs, what is to come, and how everything is doing.

use apscheduler_core::{Error, ErrorKind};
use axum::Json;
use axum::extract::State;
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::answer::report;
use super::job::instant;
use super::query::{Asked, not_valid, within};
use crate::app::App;
use crate::doc::Doc;
use crate::problem::Problem;
use crate::report::stats::StatsQuery;
use crate::report::{
    forecast as forecasts, health as healths, plugins as installed, stats as statistics,
};

/// The longest period of one answer, in hours: a year.
const MOST_HOURS: usize = 366 * 24;

const MOST_BUCKETS: usize = 1000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatsParams {
    /// The length of the period in hours; at most a year. Default: 24.
    #[param(minimum = 1, maximum = 8784)]
    hours: Option<usize>,
    /// The end of the period in ISO 8601; without an offset, in the zone of the scheduler. Default: now.
    #[param(format = DateTime)]
    to: Option<String>,
    /// Into how many parts the period is divided; at most 1000. Default: 24.
    #[param(minimum = 1, maximum = 1000)]
    buckets: Option<usize>,
    /// Only runs of this job.
    job_id: Option<String>,
}

pub(crate) const STATS: Doc =
    Doc::new("Counts the runs of a period").query::<StatsParams>().json::<statistics::Stats>();

/// What became of the runs of a period.
pub(crate) async fn stats(
    State(app): State<App>,
    Asked(asked): Asked<StatsParams>,
) -> Result<Json<Value>, Problem> {
    let hours = within("hours", asked.hours, 24, MOST_HOURS)?;
    let buckets = within("buckets", asked.buckets, 24, MOST_BUCKETS)?;
    let stats = app.call(move |scheduler| {
        let to = match &asked.to {
            Some(text) => instant("to", text, scheduler.timezone())?,
            // Runs of this millisecond are part of it.
            None => scheduler.clock().now() + TimeDelta::milliseconds(1),
        };
        let length = TimeDelta::hours(i64::try_from(hours).unwrap_or(i64::MAX / 3_600_000));
        let from = to.checked_sub_signed(length).ok_or_else(|| {
            Error::new(ErrorKind::InvalidTrigger, "to: the period begins before all times")
        })?;
        let buckets = u32::try_from(buckets).unwrap_or(u32::MAX);
        let job_id = asked.job_id.map(Into::into);
        statistics::stats(scheduler, &StatsQuery { from, to, buckets, job_id })
    });
    Ok(report(&app, &stats.await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForecastParams {
    /// The beginning of an hour, in ISO 8601, to be counted minute by minute. Default: the week from now on, hour by hour.
    #[param(format = DateTime)]
    hour: Option<String>,
}

pub(crate) const FORECAST: Doc = Doc::new("Counts the fire times to come")
    .query::<ForecastParams>()
    .json::<forecasts::Forecast>();

/// How many runs the stored jobs will have.
pub(crate) async fn forecast(
    State(app): State<App>,
    Asked(asked): Asked<ForecastParams>,
) -> Result<Json<Value>, Problem> {
    let forecast = app.call(move |scheduler| {
        let period = match &asked.hour {
            Some(text) => forecasts::hour(instant("hour", text, scheduler.timezone())?),
            None => forecasts::week(scheduler, scheduler.clock().now()),
        };
        forecasts::forecast(scheduler, period)
    });
    let forecast = forecast.await.map_err(|error| match error.kind() {
        ErrorKind::Config => not_valid(error.message()),
        _ => error.into(),
    })?;
    Ok(report(&app, &forecast))
}

pub(crate) const HEALTH: Doc =
    Doc::new("Shows how the stores and executors are doing").json::<healths::Health>();

/// How the scheduler, its stores and its executors are doing.
pub(crate) async fn health(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let health = app.call(|scheduler| Ok(healths::health(scheduler))).await?;
    Ok(report(&app, &health))
}

pub(crate) const PLUGINS: Doc =
    Doc::new("Lists the plugins and functions").json::<installed::Plugins>();

/// The plugins and the functions of the program.
pub(crate) async fn plugins(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let allowed = app.functions().to_vec();
    let plugins = app.call(move |scheduler| Ok(installed::plugins(scheduler, &allowed))).await?;
    Ok(report(&app, &plugins))
}
