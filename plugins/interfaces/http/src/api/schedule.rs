//! When a job runs, why it did not, and when it would.

use apscheduler_core::trigger::TriggerConfig;
use apscheduler_core::{Error, ErrorKind, Result};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::answer::report;
use super::body::Body;
use super::job::{instant, read};
use super::query::{Asked, within};
use crate::app::App;
use crate::doc::{Doc, schemas};
use crate::job_path::JobPath;
use crate::problem::Problem;
use crate::report::fires::fires as fire_times;
use crate::report::simulate;

/// The most fire times of one answer.
const MOST_FIRES: usize = 1000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct FiresQuery {
    /// How many to return; at most 1000. Default: 10.
    #[param(minimum = 1, maximum = 1000)]
    count: Option<usize>,
}

pub(crate) const FIRES: Doc =
    Doc::new("Returns the next fire times of a job").query::<FiresQuery>().json::<schemas::Fires>();

/// The next fire times of a job, in its zone.
pub(crate) async fn fires(
    State(app): State<App>,
    JobPath(key): JobPath,
    Asked(asked): Asked<FiresQuery>,
) -> Result<Json<Value>, Problem> {
    let count = within("count", asked.count, 10, MOST_FIRES)?;
    let fires = app.call(move |scheduler| {
        let job = read(scheduler, &key)?;
        let next = job.next_run_time().instant();
        let iso = |time| job.zone(time).iso(time);
        Ok(match job.spec() {
            Some(spec) => fire_times(&**spec.trigger(), next).take(count).map(iso).collect(),
            None => next.into_iter().map(iso).collect::<Vec<_>>(),
        })
    });
    Ok(Json(json!({"fires": fires.await?})))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhyQuery {
    /// A time in ISO 8601; without an offset, in the zone of the scheduler. Default: the next run.
    #[param(format = DateTime)]
    time: Option<String>,
}

pub(crate) const EXPLAIN: Doc = Doc::new("Explains why a job ran, or did not")
    .query::<WhyQuery>()
    .json::<schemas::Explanation>();

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
    Ok(report(&app, &why.await?))
}

/// A trigger that a job might get.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Simulated {
    /// The name of a trigger, or an object with `type` and the options of the trigger.
    #[schema(value_type = schemas::TriggerTable)]
    pub(super) trigger: Value,
    /// How many fire times of each to compare; at most 1000. Default: 10.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    pub(super) count: Option<usize>,
}

impl Simulated {
    pub(super) fn config(&self) -> Result<TriggerConfig> {
        match &self.trigger {
            Value::String(kind) => Ok(TriggerConfig::new(kind.as_str())),
            table => {
                TriggerConfig::from_value(table).map_err(|error| error.with_context("trigger"))
            }
        }
    }

    pub(super) fn count(&self) -> Result<usize> {
        let count = self.count.unwrap_or(10);
        if (1..=MOST_FIRES).contains(&count) {
            return Ok(count);
        }
        let message = format!("count: expected 1 to {MOST_FIRES}, found {count}");
        Err(Error::new(ErrorKind::InvalidTrigger, message))
    }
}

pub(crate) const SIMULATED: Doc =
    Doc::new("Compares the fire times of a job with those of another trigger")
        .body::<Simulated>()
        .json::<simulate::Simulation>();

/// The fire times of a job with its trigger, and with another one.
pub(crate) async fn simulated(
    State(app): State<App>,
    JobPath(key): JobPath,
    Body { value, raw }: Body<Simulated>,
) -> Result<Json<Value>, Problem> {
    let simulation = app.call(move |scheduler| {
        let (config, count) = (value.config()?, value.count()?);
        simulate::simulate(scheduler, &key, &config, count)
    });
    let simulation = simulation.await.map_err(|error| Problem::in_body(error, &raw))?;
    Ok(report(&app, &simulation))
}
