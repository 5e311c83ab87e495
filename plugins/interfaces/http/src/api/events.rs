//! The events of the scheduler, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as SentEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use super::query::{Asked, not_valid};
use crate::app::App;
use crate::doc::Doc;
use crate::live::{Filter, Reader, Told};
use crate::problem::Problem;

/// How often a comment is sent, so that both sides notice when the other one is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// Only events of these kinds, such as `JOB_ERROR`, with commas between them.
    kind: Option<String>,
    /// Only events of this job.
    job_id: Option<String>,
    /// Only events of this store and its jobs.
    jobstore: Option<String>,
}

pub(crate) const EVENTS: Doc = Doc::new("Streams the events of the scheduler")
    .query::<EventsQuery>()
    .text("text/event-stream");

/// The events from now on, or from the one after `Last-Event-ID`. An event `resync` says that events are missing, so that
/// everything has to be read anew.
pub(crate) async fn events(
    State(app): State<App>,
    headers: HeaderMap,
    Asked(asked): Asked<EventsQuery>,
) -> Result<Response, Problem> {
    let filter = Filter::new(asked.kind.as_deref(), asked.job_id, asked.jobstore);
    let filter = filter.map_err(not_valid)?;
    let last = headers.get("last-event-id").map(|last| last.to_str().unwrap_or_default());
    let reader = app.feed().reader(filter, last).ok_or_else(|| {
        let detail = "there are too many readers of events; close some";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many readers", detail);
        problem.retry_after(10)
    })?;
    let events = stream::unfold((reader, app), |(mut reader, app)| async move {
        let told = reader.next().await?;
        let sent = sent(&reader, &app, &told);
        Some((Ok::<_, Infallible>(sent), (reader, app)))
    });
    let alive = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    Ok(Sse::new(events).keep_alive(alive).into_response())
}

fn sent(reader: &Reader, app: &App, told: &Told) -> SentEvent {
    match told {
        Told::Event(entry) => {
            let event = SentEvent::default().id(reader.id_of(entry)).event(entry.event.name());
            event.data(entry.text(app.redaction()))
        }
        Told::Resync { missed } => {
            let event = SentEvent::default().id(reader.id_before_next()).event("resync");
            event.data(format!("{{\"event\":\"resync\",\"missed\":{missed}}}"))
        }
    }
}
