//! Triggers that no job has yet.

use apscheduler_core::trigger::TriggerContext;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::body::Body;
use super::job::instant;
use super::schedule::Simulated;
use crate::app::App;
use crate::doc::{Doc, schemas};
use crate::problem::Problem;
use crate::report::fires::fires;

/// A trigger to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preview {
    /// The name of a trigger, or an object with `type` and the options of the trigger.
    #[schema(value_type = schemas::TriggerTable)]
    trigger: Value,
    /// Fire times from this time on, in ISO 8601; now, if it is not given.
    #[serde(default)]
    #[schema(format = DateTime)]
    now: Option<String>,
    /// How many fire times to return; at most 1000. Default: 10.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    count: Option<usize>,
}

pub(crate) const PREVIEW: Doc = Doc::new("Returns the fire times of a trigger")
    .body::<Preview>()
    .json::<schemas::TriggerFires>();

/// The fire times that a trigger would have.
pub(crate) async fn preview(
    State(app): State<App>,
    Body { value: asked, raw }: Body<Preview>,
) -> Result<Json<Value>, Problem> {
    let answer = app.call(move |scheduler| {
        let zone = scheduler.timezone();
        let now = match &asked.now {
            Some(text) => instant("now", text, zone)?,
            None => scheduler.clock().now(),
        };
        let asked = Simulated { trigger: asked.trigger, count: asked.count };
        let context = TriggerContext::at(scheduler.registry(), zone, now);
        let trigger = context.build(&asked.config()?);
        let trigger = trigger.map_err(|error| error.with_context("trigger"))?;
        let first = trigger.next_fire_time(None, now);
        let fires = fires(&*trigger, first).take(asked.count()?);
        let fires: Vec<String> = fires.map(|time| trigger.zone(time).iso(time)).collect();
        Ok(json!({"text": trigger.to_string(), "fires": fires}))
    });
    Ok(Json(answer.await.map_err(|error| Problem::in_body(error, &raw))?))
}
