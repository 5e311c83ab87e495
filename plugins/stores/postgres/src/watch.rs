//! Notice of changes, and the runtime that hears them.

use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::Duration;

use apscheduler_core::store::{ChangeNotifier, Watch};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::Connector as _;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::WHAT;
use crate::connection::{Server, shut_down};
use crate::failure::Failure;

/// How long it takes until a lost connection to hear on is made again.
const RECONNECT: Duration = Duration::from_secs(1);

/// The runtime in which the I/O of a store is done, in a thread of its own. It ends with this value.
#[derive(Debug)]
pub(crate) struct Runtime {
    handle: Handle,
    /// Dropping it says so.
    stop: Mutex<Option<oneshot::Sender<()>>>,
}

impl Runtime {
    pub(crate) fn start(alias: &str) -> Result<Self> {
        let failed = |error| {
            Error::new(ErrorKind::Other, "can't start the thread for the connections")
                .with_plugin(WHAT)
                .with_source(error)
        };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name(format!("apscheduler-postgres-{alias}"))
            .spawn(move || {
                // An error is how the other end says that it is gone.
                let _ = runtime.block_on(stopped);
            })
            .map_err(failed)?;
        Ok(Self { handle, stop: Mutex::new(Some(stop)) })
    }

    /// Ends it, and with it all connections and whatever waits for them.
    pub(crate) fn stop(&self) {
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(stop);
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Tells others of changes, and hears of theirs.
#[derive(Debug)]
pub(crate) struct Notices {
    channel: String,
    /// Who we are, so that we do not tell ourselves.
    sender: String,
    watcher: Mutex<Weak<ChangeNotifier>>,
}

impl Notices {
    /// `table` is the server's own number of the table: the same for all that use it, whatever they call it.
    pub(crate) fn new(table: u32) -> Self {
        Self {
            channel: format!("apscheduler_{table}"),
            sender: format!("{:016x}", fastrand::u64(..)),
            watcher: Mutex::default(),
        }
    }

    /// What `pg_notify` wants to know.
    pub(crate) fn parameters(&self) -> [(&(dyn ToSql + Sync), Type); 2] {
        [(&self.channel, Type::TEXT), (&self.sender, Type::TEXT)]
    }

    /// Tells others of a change, once the transaction is committed.
    pub(crate) async fn tell(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        client.query_typed("SELECT pg_notify($1, $2)::text", &self.parameters()).await.map(drop)
    }

    /// Has our own scheduler look again soon: others held due jobs locked, and may have let go of them without a claim.
    pub(crate) fn look_again(&self, runtime: &Runtime) {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Not all at the same time.
        let pause = Duration::from_millis(fastrand::u64(20..100));
        runtime.handle.spawn(async move {
            tokio::time::sleep(pause).await;
            if let Some(watcher) = watcher.upgrade() {
                watcher.notify();
            }
        });
    }

    /// Listens to others until the watch is dropped. Returns once it does.
    pub(crate) fn watch(
        &self,
        runtime: &Runtime,
        server: Server,
        changed: ChangeNotifier,
    ) -> Result<Watch> {
        let notifier = Arc::new(changed);
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&notifier);
        let listener = Listener {
            server,
            channel: self.channel.clone(),
            sender: self.sender.clone(),
            watcher: Arc::downgrade(&notifier),
        };
        let (started, is_started) = mpsc::sync_channel(1);
        let task = runtime.handle.spawn(listener.run(started)).abort_handle();
        let guard = Guard { task, _notifier: notifier };
        is_started.recv().unwrap_or_else(|_| Err(shut_down()))?;
        Ok(Watch::new(guard))
    }
}

struct Guard {
    task: AbortHandle,
    /// The only one that holds it for long.
    _notifier: Arc<ChangeNotifier>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hears of the changes of others.
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
            // Where it had begun already, nobody waits for this any more.
            let _ = started.try_send(Err(error));
        }
        loop {
            tokio::time::sleep(RECONNECT).await;
            let Some(watcher) = self.watcher.upgrade() else { return };
            // What happened in between was not heard.
            if let Err(error) = self.listen(move || watcher.notify()).await {
                tracing::debug!("can't listen to changes of others: {}", error.chain());
            }
        }
    }

    /// Calls `listening` when it listens, and returns when the connection ends.
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
            Failure::from(error).explain(self.server.address(), "listening to changes")
        })?;
        listening();
        // The end of the connection is all that there is to wait for.
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
