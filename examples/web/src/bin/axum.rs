//! A web server on axum that manages jobs.
//!
//! ```sh
//! cargo run -p apscheduler-examples-web --bin axum -- 127.0.0.1:8080
//! curl 127.0.0.1:8080/jobs --json '{"id": "greet", "func": "web::greet", "kwargs": {"name": "Ada"},
//!     "trigger": {"type": "interval", "seconds": 1}}'
//! curl 127.0.0.1:8080/outcomes
//! ```
//!
//! # Where the scheduler lives
//! In `main`, on the runtime of the server. `main` owns it; handlers get an [`AsyncScheduler`], a handle that can be cloned. Async
//! jobs are tasks beside the requests.
//!
//! After a signal, the server ends first, with its current requests, so no request encounters a stopped scheduler. Then
//! the scheduler ends, with its current jobs.
#![allow(clippy::print_stdout, reason = "an example")]

use apscheduler::Shutdown;
use apscheduler::schedulers::AsyncScheduler;
use apscheduler::{Error, Result};
use apscheduler_examples_web::{
    ErrorView, JobView, Outcomes, requested_job, scheduler, status, stop_signal,
};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let scheduler = scheduler()?;
    let outcomes = Outcomes::of(&scheduler)?;
    scheduler.start().await?;

    let jobs = Router::new()
        .route("/jobs", get(list).post(add))
        .route("/jobs/{id}", get(show).delete(remove))
        .route("/jobs/{id}/pause", post(pause))
        .route("/jobs/{id}/resume", post(resume))
        .with_state(scheduler.handle());
    let app = jobs.route("/outcomes", get(|| async move { Json(outcomes.all()) }));

    let listener = TcpListener::bind(address).await?;
    let stop = stop_signal()?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    scheduler.shutdown(Shutdown::Wait).await?;
    println!("all jobs have ended");
    Ok(())
}

type Jobs = State<AsyncScheduler>;

async fn list(State(scheduler): Jobs) -> Result<Json<Vec<JobView>>, Failure> {
    let jobs = scheduler.get_jobs().await?;
    Ok(Json(jobs.iter().map(JobView::from).collect()))
}

async fn add(
    State(scheduler): Jobs,
    Json(request): Json<Value>,
) -> Result<(StatusCode, Json<JobView>), Failure> {
    let job = scheduler.add_job(requested_job(&scheduler, &request)?).await?;
    Ok((StatusCode::CREATED, Json(JobView::from(&job))))
}

async fn show(State(scheduler): Jobs, Path(id): Path<String>) -> Result<Json<JobView>, Failure> {
    let job = scheduler.get_job(&id).await?.ok_or_else(|| Error::job_lookup(id))?;
    Ok(Json(JobView::from(&job)))
}

async fn remove(State(scheduler): Jobs, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    scheduler.remove_job(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn pause(State(scheduler): Jobs, Path(id): Path<String>) -> Result<Json<JobView>, Failure> {
    let job = scheduler.pause_job(&id).await?;
    Ok(Json(JobView::from(&job)))
}

/// Responds with `null` for a job whose schedule has ended: it is removed.
async fn resume(
    State(scheduler): Jobs,
    Path(id): Path<String>,
) -> Result<Json<Option<JobView>>, Failure> {
    let job = scheduler.resume_job(&id).await?;
    Ok(Json(job.as_ref().map(JobView::from)))
}

/// An error of the scheduler as a response.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(status(&self.0));
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(ErrorView::from(&self.0))).into_response()
    }
}
