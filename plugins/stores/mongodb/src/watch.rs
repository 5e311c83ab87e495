//! Watches for changes by others: by change streams, or by polling.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::store::{ChangeNotifier, Watch};
use apscheduler_core::time::{Clock as _, SystemClock};
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::{ChangeStreamEvent, OperationType};
use tokio::task::AbortHandle;

use crate::connection::Connection;
use crate::document::run_time;
use crate::failure::{code, is_temporary};

/// How long the server waits for a change before it answers that there is none.
const WAIT: Duration = Duration::from_millis(500);

/// The pause before a broken stream is opened again: the first, and the longest.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// Ends the task when dropped, and keeps the connection until then.
struct Guard {
    task: AbortHandle,
    _connection: Arc<Connection>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches by a change stream, or by polling with this period if the server has none or refuses it. `own` is the prefix of
/// the marks of this store, whose own changes a stream ignores.
pub(crate) fn start(
    connection: Arc<Connection>,
    period: Duration,
    own: String,
    notifier: ChangeNotifier,
) -> Result<Watch> {
    let jobs = connection.jobs.clone();
    let stream = if connection.is_replicated { open_first(&connection)? } else { None };
    // From here on no change is missed, so the caller may read the store.
    let task = if let Some(stream) = stream {
        connection.spawn(listen(jobs, stream, own, notifier))
    } else {
        let looking = jobs.clone();
        let first = connection.run(async move { look(&looking).await })?;
        connection.spawn(poll(jobs, period, first, notifier))
    };
    Ok(Watch::new(Guard { task, _connection: connection }))
}

/// Opens the stream. Returns `None` if the server refuses.
fn open_first(connection: &Connection) -> Result<Option<Stream>> {
    let jobs = connection.jobs.clone();
    match connection.try_run(async move { open(&jobs).await })? {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if code(&error).is_some_and(|code| !is_temporary(code)) => {
            let reason = connection.address.explain(&error);
            tracing::info!("no change stream, polling instead: {}", reason.chain());
            Ok(None)
        }
        Err(error) => Err(connection.address.explain(&error)),
    }
}

type Stream = ChangeStream<ChangeStreamEvent<Document>>;

async fn open(jobs: &Collection<Document>) -> mongodb::error::Result<Stream> {
    // Closing a batch changes its jobs, but not their revisions.
    let relevant = doc! {"$or": [
        {"operationType": {"$ne": "update"}},
        {"updateDescription.updatedFields.revision": {"$exists": true}},
    ]};
    jobs.watch().pipeline([doc! {"$match": relevant}]).max_await_time(WAIT).await
}

async fn listen(
    jobs: Collection<Document>,
    mut stream: Stream,
    own: String,
    notifier: ChangeNotifier,
) {
    let [mut pause, longest] = RETRY_DELAYS;
    loop {
        match stream.next_if_any().await {
            Ok(Some(event)) => {
                pause = RETRY_DELAYS[0];
                if !is_own(&event, &own) {
                    notifier.notify();
                }
                if event.operation_type != OperationType::Invalidate {
                    continue;
                }
            }
            Ok(None) => {
                // Some servers answer at once instead of waiting.
                tokio::time::sleep(Duration::from_millis(20)).await;
                if stream.is_alive() {
                    continue;
                }
            }
            Err(error) => tracing::debug!("watching for changes: {}", error.kind),
        }
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
            match open(&jobs).await {
                Ok(opened) => break stream = opened,
                Err(error) => tracing::debug!("watching for changes: {}", error.kind),
            }
        }
        // Changes in between were missed.
        notifier.notify();
    }
}

/// Whether this store made the change. Unknown for removals.
fn is_own(event: &ChangeStreamEvent<Document>, own: &str) -> bool {
    let updated = event.update_description.as_ref().map(|update| &update.updated_fields);
    let written = updated.or(event.full_document.as_ref());
    written
        .and_then(|fields| fields.get_str("writer").ok())
        .is_some_and(|mark| mark.starts_with(own))
}

/// The last job that is due, the first that is not, and the number of jobs.
type Snapshot = (Option<Document>, Option<Document>, u64);

/// Takes a snapshot. Jobs that are set aside or wait for room stay due, before all others, so it looks for the last due job,
/// not for the first.
async fn look(jobs: &Collection<Document>) -> mongodb::error::Result<Snapshot> {
    let now = run_time(Some(SystemClock.now()));
    let due = doc! {"next_run_time": {"$gte": i64::MIN, "$lte": now.clone()}};
    let last = jobs
        .find_one(due)
        .sort(doc! {"next_run_time": -1, "_id": -1})
        .projection(doc! {"revision": 1})
        .await?;
    let next = jobs
        .find_one(doc! {"next_run_time": {"$gt": now}})
        .sort(doc! {"next_run_time": 1, "_id": 1})
        .projection(doc! {"revision": 1})
        .await?;
    Ok((last, next, jobs.estimated_document_count().await?))
}

/// Notifies when the snapshot changes. A change by others matters if the job is due now or is the next one; others are seen
/// later anyway. Own changes and jobs that become due are reported too, which costs an unnecessary look.
async fn poll(
    jobs: Collection<Document>,
    period: Duration,
    mut last: Snapshot,
    notifier: ChangeNotifier,
) {
    loop {
        tokio::time::sleep(period).await;
        match look(&jobs).await {
            Ok(seen) if seen != last => {
                last = seen;
                notifier.notify();
            }
            Ok(_) => {}
            Err(error) => tracing::debug!("looking for changes: {}", error.kind),
        }
    }
}
