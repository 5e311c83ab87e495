//! The scheduler.

use apscheduler_engine::Scheduler;
use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::access::Identity;
use crate::app::App;
use crate::doc::{Doc, schemas};
use crate::problem::Problem;
use crate::report::health::state_name;

type Answer = Result<Json<Value>, Problem>;

pub(crate) const SHOW: Doc = Doc::new("Shows the scheduler").json::<schemas::SchedulerState>();

pub(crate) async fn show(State(app): State<App>) -> Answer {
    Ok(Json(app.call(|scheduler| Ok(table(scheduler))).await?))
}

pub(crate) const PAUSE: Doc = Doc::new("Pauses the scheduler").json::<schemas::SchedulerState>();

pub(crate) async fn pause(State(app): State<App>, Extension(who): Extension<Identity>) -> Answer {
    let paused = app.call_as(who.name().clone(), |scheduler| {
        scheduler.pause()?;
        Ok(table(scheduler))
    });
    Ok(Json(paused.await?))
}

pub(crate) const RESUME: Doc = Doc::new("Resumes the scheduler").json::<schemas::SchedulerState>();

pub(crate) async fn resume(State(app): State<App>, Extension(who): Extension<Identity>) -> Answer {
    let resumed = app.call_as(who.name().clone(), |scheduler| {
        scheduler.resume()?;
        Ok(table(scheduler))
    });
    Ok(Json(resumed.await?))
}

fn table(scheduler: &Scheduler) -> Value {
    json!({
        "state": state_name(scheduler.state()),
        "time": scheduler.timezone().iso(scheduler.clock().now()),
        "timezone": scheduler.timezone().to_string(),
        "instances": scheduler.instances(),
        "jobstores": scheduler.jobstore_aliases(),
        "executors": scheduler.executor_aliases(),
    })
}
