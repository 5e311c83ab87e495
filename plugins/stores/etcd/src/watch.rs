//! Watches for changes by others: one key, which each write of jobs changes.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::store::{ChangeNotifier, Watch};
use etcd_client::{Error as ClientError, KvClient, ResponseHeader, WatchClient, WatchOptions};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::access::{Access, Session};
use crate::transaction::Query;

/// The pause before a broken stream is opened again: the first, and the longest.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// Ends the task when dropped, and keeps the connection until then.
struct Guard {
    task: AbortHandle,
    _session: Arc<Session>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the task needs.
struct Listener {
    kv: KvClient,
    watch: WatchClient,
    key: String,
    /// What this store writes, to ignore its own changes.
    own: String,
    limit: Duration,
    notifier: ChangeNotifier,
}

/// Watches for changes after this call.
pub(crate) fn start(access: &Access, notifier: ChangeNotifier) -> Result<Watch> {
    let (session, key) = (access.session()?, access.keys().changed());
    // From this revision on no change is missed, so the caller may read the store.
    let revision = access.read([Query::key(key.clone())])?.revision;
    let connection = &session.connection;
    let listener = Listener {
        kv: connection.kv(),
        watch: connection.watch(),
        key,
        own: access.own.clone(),
        limit: connection.timeout,
        notifier,
    };
    let task = connection.spawn(listener.run(revision));
    Ok(Watch::new(Guard { task, _session: session }))
}

impl Listener {
    async fn run(mut self, mut revision: i64) {
        let [mut pause, longest] = RETRY_DELAYS;
        loop {
            match self.listen(revision).await {
                Ok(()) => pause = RETRY_DELAYS[0],
                Err(error) => tracing::debug!("watching for changes: {error}"),
            }
            revision = loop {
                sleep(pause).await;
                pause = (pause * 2).min(longest);
                match self.current_revision().await {
                    Ok(revision) => break revision,
                    Err(error) => tracing::debug!("watching for changes: {error}"),
                }
            };
            // Changes in between were missed.
            self.notifier.notify();
        }
    }

    /// Notifies of changes after a revision until the stream ends: because the connection is lost, or because the server has
    /// forgotten this revision.
    async fn listen(&mut self, revision: i64) -> Result<(), ClientError> {
        let options = WatchOptions::new().with_start_revision(revision.saturating_add(1));
        let opening = self.watch.watch(self.key.clone(), Some(options));
        let mut stream = in_time(self.limit, opening).await?;
        while let Some(answer) = stream.message().await? {
            let by_others = answer.events().iter().any(|event| {
                event.kv().is_none_or(|changed| changed.value() != self.own.as_bytes())
            });
            if by_others {
                self.notifier.notify();
            }
            if answer.canceled() {
                break;
            }
        }
        Ok(())
    }

    async fn current_revision(&mut self) -> Result<i64, ClientError> {
        let reading = self.kv.get(self.key.clone(), None);
        let answer = in_time(self.limit, reading).await?;
        Ok(answer.header().map_or(0, ResponseHeader::revision))
    }
}

async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    let no_answer = |_| ClientError::WatchError("no answer in time".to_owned());
    timeout(limit, call).await.map_err(no_answer)?
}
