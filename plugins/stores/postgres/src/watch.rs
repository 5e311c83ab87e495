//! Notifications of changes through `LISTEN` and `NOTIFY`.

use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::store::{ChangeNotifier, Watch};
use apscheduler_plugin_kit::store::{Connector as _, DriverRuntime, LookAgain};
use tokio::task::AbortHandle;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::connection::{Server, shut_down};
use crate::failure::Failure;

/// The pause before a lost listening connection is opened again.
const RECONNECT: Duration = Duration::from_secs(1);

/// Sends notifications of changes to other schedulers, and receives theirs.
#[derive(Debug)]
pub(crate) struct Notifications {
    channel: String,
    /// Identifies this store, so that it ignores its own notifications.
    sender: String,
    look_again: LookAgain,
}

impl Notifications {
    /// `table` is the OID of the table: the same for all schedulers, whatever name or schema they use.
    pub(crate) fn new(table: u32) -> Self {
        Self {
            channel: format!("apscheduler_{table}"),
            sender: format!("{:016x}", fastrand::u64(..)),
            look_again: LookAgain::default(),
        }
    }

    /// Returns the parameters of `pg_notify`.
    pub(crate) fn parameters(&self) -> [(&(dyn ToSql + Sync), Type); 2] {
        [(&self.channel, Type::TEXT), (&self.sender, Type::TEXT)]
    }

    /// Notifies others of a change, once the transaction is committed.
    pub(crate) async fn send(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        client.query_typed("SELECT pg_notify($1, $2)::text", &self.parameters()).await.map(drop)
    }

    /// Makes our own scheduler look again soon: others had due jobs locked, and may release them without a claim.
    pub(crate) fn look_again(&self, runtime: &DriverRuntime) {
        let (watcher, pause) = self.look_again.watcher();
        runtime.handle().spawn(async move {
            tokio::time::sleep(pause).await;
            if let Some(watcher) = watcher.upgrade() {
                watcher.notify();
            }
        });
    }

    /// Reports a possible change in every interval until the watch is dropped: for poolers that don't support `LISTEN`.
    ///
    /// A look at the due jobs costs as much as one at a counter of changes, so there is no counter.
    pub(crate) fn poll(&self, interval: Duration, changed: ChangeNotifier) -> Result<Watch> {
        let notifier = self.look_again.set(changed.clone());
        let poll = Watch::poll(interval, changed, || Ok(true))?;
        Ok(Watch::new((poll, notifier)))
    }

    /// Listens for changes of others until the watch is dropped. Returns once it listens.
    pub(crate) fn watch(
        &self,
        runtime: &DriverRuntime,
        server: Server,
        changed: ChangeNotifier,
    ) -> Result<Watch> {
        let notifier = self.look_again.set(changed);
        let listener = Listener {
            server,
            channel: self.channel.clone(),
            sender: self.sender.clone(),
            watcher: Arc::downgrade(&notifier),
        };
        let (started, is_started) = mpsc::sync_channel(1);
        let task = runtime.handle().spawn(listener.run(started)).abort_handle();
        let guard = Guard { task, _notifier: notifier };
        is_started.recv().unwrap_or_else(|_| Err(shut_down()))?;
        Ok(Watch::new(guard))
    }
}

struct Guard {
    task: AbortHandle,
    /// The only long-lived reference: dropping it ends the notifications.
    _notifier: Arc<ChangeNotifier>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens for changes of others.
struct Listener {
    server: Server,
    channel: String,
    sender: String,
    watcher: Weak<ChangeNotifier>,
}

impl Listener {
    async fn run(self, started: mpsc::SyncSender<Result<()>>) {
        let first = self.listen(|| drop(started.send(Ok(())))).await;
        if let Err(error) = first {
            // If it had started, nobody waits for this any more.
            let _ = started.try_send(Err(error));
        }
        loop {
            tokio::time::sleep(RECONNECT).await;
            let Some(watcher) = self.watcher.upgrade() else { return };
            // Changes in between were missed.
            if let Err(error) = self.listen(move || watcher.notify()).await {
                tracing::debug!("can't listen for changes: {}", error.chain());
            }
        }
    }

    /// Calls `listening` once it listens, and returns when the connection ends.
    async fn listen(&self, listening: impl FnOnce()) -> Result<()> {
        let (watcher, sender) = (Weak::clone(&self.watcher), self.sender.clone());
        let on_notice = Box::new(move |notice: &tokio_postgres::Notification| {
            if notice.payload() != sender
                && let Some(watcher) = watcher.upgrade()
            {
                watcher.notify();
            }
        });
        let connection = self.server.open(on_notice).await?;
        let mut ends = AbortOnDrop(connection.task);
        let listen = format!("LISTEN \"{}\"", self.channel);
        let begun = connection.client.batch_execute(&listen).await;
        begun.map_err(|error| {
            Failure::from(error).explain(self.server.address(), "listening for changes")
        })?;
        listening();
        // Runs until the connection ends.
        let _ = (&mut ends.0).await;
        Ok(())
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
