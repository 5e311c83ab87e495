//! Two web servers that look after jobs, `axum` and `actix`. Here is what they have in common: the scheduler, and how jobs and
//! mistakes look in JSON. What is left to them is how a request gets to the scheduler, and how both come to an end.
//!
//! | request | does |
//! |---|---|
//! | `GET /jobs` | lists the jobs |
//! | `POST /jobs` | adds a job, with the keys of a job in a config file |
//! | `GET /jobs/ID` | shows a job |
//! | `DELETE /jobs/ID` | removes it |
//! | `POST /jobs/ID/pause` | pauses it |
//! | `POST /jobs/ID/resume` | resumes it |
//! | `GET /outcomes` | what became of the last runs |

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

/// A scheduler whose jobs can call what is registered here, and nothing else. Who may add jobs may call every function that
/// the registry knows: a server has no use for one that runs programs.
///
/// # Errors
/// Two plugins, or two functions, of one name.
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

/// Takes its time, which a shutdown waits for.
#[expect(clippy::print_stdout, reason = "an example")]
async fn nap(seconds: f64) -> Result<()> {
    let time = Duration::try_from_secs_f64(seconds)
        .map_err(|error| Error::new(ErrorKind::Other, "no such time").with_source(error))?;
    println!("a nap begins");
    tokio::time::sleep(time).await;
    println!("a nap ends");
    Ok(())
}

/// The job that a request describes, with the keys of a job in a config file.
///
/// # Errors
/// What is wrong with it.
pub fn requested_job(scheduler: &AsyncScheduler, request: &Value) -> Result<JobBuilder> {
    let table = request.as_object().ok_or_else(|| {
        Error::new(ErrorKind::Config, "the request: expected an object with the keys of a job")
    })?;
    JobBuilder::from_table("the request", table, scheduler.timezone())
}

/// A job as the servers show it.
#[derive(Debug, Serialize)]
pub struct JobView {
    id: String,
    name: String,
    /// None where the job can't be restored.
    trigger: Option<String>,
    /// In the zone of the trigger; none while the job is paused.
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

/// A mistake as the servers show it.
#[derive(Debug, Serialize)]
pub struct ErrorView {
    error: String,
}

impl From<&Error> for ErrorView {
    fn from(error: &Error) -> Self {
        Self { error: error.chain() }
    }
}

/// The HTTP status that says whose mistake it was.
pub fn status(error: &Error) -> u16 {
    match error.kind() {
        ErrorKind::JobLookup => 404,
        ErrorKind::ConflictingId => 409,
        ErrorKind::NotRunning | ErrorKind::Unavailable => 503,
        ErrorKind::Store | ErrorKind::BrokenRecord | ErrorKind::Io | ErrorKind::Other => 500,
        _ => 400,
    }
}
