//! A web server on Actix Web that manages jobs.
//!
//! ```sh
//! cargo run -p apscheduler-examples-web --bin actix -- 127.0.0.1:8080
//! curl 127.0.0.1:8080/jobs --json '{"id": "greet", "func": "web::greet", "kwargs": {"name": "Ada"},
//!     "trigger": {"type": "interval", "seconds": 1}}'
//! curl 127.0.0.1:8080/outcomes
//! ```
//!
//! # Where the scheduler lives
//! In `main`, outside the closure of `HttpServer::new`. Actix Web calls that closure in each of its workers, which are
//! threads with their own current-thread runtimes: a scheduler started there would exist once per worker, run every job
//! once per worker, and end with its worker. Workers get an [`AsyncScheduler`], a handle that can be cloned and used
//! from any thread.
//!
//! `#[actix_web::main]` creates a current-thread runtime for `main`, where the scheduler is a task. The workers serve
//! requests, so jobs do not delay them; but all async jobs share the one thread of `main`. Plain functions run on
//! threads of the blocking pool. If async jobs need much CPU time, use `#[tokio::main]`: Actix Web runs there as well,
//! and jobs have all threads of that runtime.
//!
//! After a signal, the server ends first, with its current requests, so no request encounters a stopped scheduler. Then
//! the scheduler ends, with its current jobs. By default, Actix Web drops its requests at Ctrl-C and lets them end at
//! SIGTERM; with the signal handling of this program, they end in both cases.
#![allow(clippy::print_stdout, reason = "an example")]

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{App, HttpResponse, HttpServer, Responder, ResponseError, delete, get, post};
use apscheduler::Shutdown;
use apscheduler::schedulers::AsyncScheduler;
use apscheduler::{Error, Result};
use apscheduler_examples_web::{
    ErrorView, JobView, Outcomes, requested_job, scheduler, status, stop_signal,
};
use serde_json::Value;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let scheduler = scheduler()?;
    let outcomes = Outcomes::of(&scheduler)?;
    scheduler.start().await?;

    let handle: AsyncScheduler = scheduler.handle();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(handle.clone()))
            .app_data(Data::new(outcomes.clone()))
            .service((list, add, show, remove, pause, resume, last_outcomes))
    });
    let server = server.shutdown_signal(stop_signal()?).bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await?;
    scheduler.shutdown(Shutdown::Wait).await?;
    println!("all jobs have ended");
    Ok(())
}

type Jobs = Data<AsyncScheduler>;

#[get("/jobs")]
async fn list(scheduler: Jobs) -> Result<impl Responder, Failure> {
    let jobs = scheduler.get_jobs().await?;
    Ok(Json(jobs.iter().map(JobView::from).collect::<Vec<_>>()))
}

#[post("/jobs")]
async fn add(scheduler: Jobs, request: Json<Value>) -> Result<impl Responder, Failure> {
    let job = scheduler.add_job(requested_job(&scheduler, &request)?).await?;
    Ok((Json(JobView::from(&job)), StatusCode::CREATED))
}

#[get("/jobs/{id}")]
async fn show(scheduler: Jobs, id: Path<String>) -> Result<impl Responder, Failure> {
    let job = scheduler.get_job(id.as_str()).await?;
    let job = job.ok_or_else(|| Error::job_lookup(id.into_inner()))?;
    Ok(Json(JobView::from(&job)))
}

#[delete("/jobs/{id}")]
async fn remove(scheduler: Jobs, id: Path<String>) -> Result<impl Responder, Failure> {
    scheduler.remove_job(id.as_str()).await?;
    Ok(HttpResponse::NoContent())
}

#[post("/jobs/{id}/pause")]
async fn pause(scheduler: Jobs, id: Path<String>) -> Result<impl Responder, Failure> {
    let job = scheduler.pause_job(id.as_str()).await?;
    Ok(Json(JobView::from(&job)))
}

/// Responds with `null` for a job whose schedule has ended: it is removed.
#[post("/jobs/{id}/resume")]
async fn resume(scheduler: Jobs, id: Path<String>) -> Result<impl Responder, Failure> {
    let job = scheduler.resume_job(id.as_str()).await?;
    Ok(Json(job.as_ref().map(JobView::from)))
}

#[get("/outcomes")]
async fn last_outcomes(outcomes: Data<Outcomes>) -> impl Responder {
    Json(outcomes.all())
}

/// An error of the scheduler as a response.
#[derive(Debug)]
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(status(&self.0)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).json(ErrorView::from(&self.0))
    }
}
