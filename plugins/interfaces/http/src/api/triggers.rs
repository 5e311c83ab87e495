//! Triggers that no job has yet.

use apscheduler_core::time::parse_datetime;
use apscheduler_core::trigger::{TriggerConfig, TriggerContext};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use crate::dashboard::App;
use crate::problem::Problem;

const MOST_FIRES: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preview {
    trigger: Value,
    /// Fire times from this time on; now, if it is not given.
    now: Option<String>,
    count: Option<usize>,
}

/// The fire times that a trigger would have.
pub(crate) async fn preview(
    State(app): State<App>,
    Body(asked): Body<Preview>,
) -> Result<Json<Value>, Problem> {
    let count = asked.count.unwrap_or(10);
    if !(1..=MOST_FIRES).contains(&count) {
        let detail = format!("count: expected 1 to {MOST_FIRES}, found {count}");
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The request is not valid",
            detail,
        ));
    }
    let answer = app.call(move |scheduler| {
        let zone = scheduler.timezone();
        let now = match &asked.now {
            Some(text) => parse_datetime(text, zone).map_err(|error| error.with_context("now"))?.0,
            None => scheduler.clock().now(),
        };
        let config = TriggerConfig::from_value(&asked.trigger)
            .map_err(|error| error.with_context("trigger"))?;
        let trigger = TriggerContext::at(scheduler.registry(), zone, now).build(&config)?;
        let first = trigger.next_fire_time(None, now);
        let following =
            |time: &_| trigger.next_fire_time(Some(*time), *time).filter(|next| next > time);
        let fires = std::iter::successors(first, following).take(count);
        let fires: Vec<String> = fires.map(|time| trigger.zone(time).iso(time)).collect();
        Ok(json!({"text": trigger.to_string(), "fires": fires}))
    });
    Ok(Json(answer.await?))
}
