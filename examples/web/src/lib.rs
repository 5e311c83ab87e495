//! Two web servers that manage jobs, `axum` and `actix`. This crate has their common code: the scheduler, and jobs and
//! errors as JSON. The servers themselves pass requests to the scheduler, and shut down.
//!
//! | request | does |
//! |---|---|
//! | `GET /jobs` | lists the jobs |
//! | `POST /jobs` | adds a job, with the keys of a job in a config file |
//! | `GET /jobs/ID` | shows a job |
//! | `DELETE /jobs/ID` | removes it |
//! | `POST /jobs/ID/pause` | pauses it |
//! | `POST /jobs/ID/resume` | resumes it |
//! | `GET /outcomes` | lists the outcomes of the last runs |

mod outcomes;
mod signals;

use std::time::Duration;

use apscheduler::function::Function;
use apscheduler::prelude::*;
use apscheduler::schedulers::{AsyncJob, AsyncScheduler};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use outcomes::Outcomes;
pub use signals::stop_signal;

/// Returns a scheduler whose jobs can call only the functions registered here. Whoever can add jobs can call every
/// function in the registry, so a server should not have one that runs programs.
///
/// # Errors
/// If two plugins or two functions have the same name.
pub fn scheduler() -> Result<TokioScheduler> {
    let registry = apscheduler::builtin::plugins();
    registry.add_function(Function::with_kwargs("web::greet", |_context, Greet { name }| {
        format!("hello, {name}")
    }))?;
    registry.register_function("web::nap", nap)?;
    TokioScheduler::builder().registry(registry).build()
}

#[derive(Deserialize)]
struct Greet {
    name: String,
}

/// Sleeps for a while; a shutdown waits for it.
#[expect(clippy::print_stdout, reason = "an example")]
async fn nap(seconds: f64) -> Result<()> {
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| {
        Error::new(ErrorKind::Other, "invalid number of seconds").with_source(error)
    })?;
    println!("a nap begins");
    tokio::time::sleep(time).await;
    println!("a nap ends");
    Ok(())
}

/// Returns the job that a request describes, with the keys of a job in a config file.
///
/// # Errors
/// If the request is not valid.
pub fn requested_job(scheduler: &AsyncScheduler, request: &Value) -> Result<JobBuilder> {
    let table = request.as_object().ok_or_else(|| {
        Error::new(ErrorKind::Config, "the request: expected an object with the keys of a job")
    })?;
    JobBuilder::from_table("the request", table, scheduler.timezone())
}

/// A job in a response.
#[derive(Debug, Serialize)]
pub struct JobView {
    id: String,
    name: String,
    /// `None` if the job can't be restored.
    trigger: Option<String>,
    /// In the zone of the trigger; `None` while the job is paused.
    next_run_time: Option<String>,
}

impl From<&AsyncJob> for JobView {
    fn from(job: &AsyncJob) -> Self {
        let trigger = job.spec().map(|spec| spec.trigger());
        let next_run_time = job.next_run_time().instant().map(|time| {
            let zone = trigger.map_or(Zone::UTC, |trigger| trigger.zone(time));
            zone.iso(time)
        });
        Self {
            id: job.id().to_owned(),
            name: job.name().to_owned(),
            trigger: trigger.map(ToString::to_string),
            next_run_time,
        }
    }
}

/// An error in a response.
#[derive(Debug, Serialize)]
pub struct ErrorView {
    error: String,
}

impl From<&Error> for ErrorView {
    fn from(error: &Error) -> Self {
        Self { error: error.chain() }
    }
}

/// Returns the HTTP status for an error.
pub fn status(error: &Error) -> u16 {
    match error.kind() {
        ErrorKind::JobLookup => 404,
        ErrorKind::ConflictingId => 409,
        ErrorKind::NotRunning | ErrorKind::Unavailable => 503,
        ErrorKind::Store | ErrorKind::BrokenRecord | ErrorKind::Io | ErrorKind::Other => 500,
        _ => 400,
    }
}
