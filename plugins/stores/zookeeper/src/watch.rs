//! Watches for changes by others: a thread that waits until the server reports that the node `changed` was written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apscheduler_core::executor::CancellationToken;
use apscheduler_core::store::{ChangeNotifier, Watch};
use apscheduler_core::{ErrorKind, Result};
use apscheduler_plugin_kit::store::{wait_until, watch_in_thread};
use futures_util::future::{BoxFuture, Either, FutureExt as _, select};

use crate::access::Access;
use crate::failure::Failure;
use crate::names::STORE_NAME;

/// How long the thread waits before it looks whether the connection has been replaced.
const LOOK: Duration = Duration::from_secs(1);

/// The pause before watching again after a failure: the first, and the longest.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// What is known of the node, and the watch on it.
struct Armed {
    /// How often the node was written.
    version: i32,
    /// Whether this store wrote it last.
    is_own: bool,
    event: BoxFuture<'static, ()>,
}

/// The state of the thread.
struct Watcher {
    access: Arc<Access>,
    notifier: ChangeNotifier,
    stopped: CancellationToken,
}

/// Starts to watch.
pub(crate) fn start(access: &Arc<Access>, notifier: ChangeNotifier) -> Result<Watch> {
    let stopped = CancellationToken::new();
    let watcher = Watcher { access: Arc::clone(access), notifier, stopped };
    // From here on no change is missed, so the caller may read the store.
    let armed = watcher.arm()?;
    let stopped = watcher.stopped.clone();
    watch_in_thread("apscheduler-zookeeper-watch", STORE_NAME, stopped, move || watcher.run(armed))
}

impl Watcher {
    /// Reads the node, and asks for the next change of it.
    fn arm(&self) -> Result<Armed> {
        let own = self.access.own.as_bytes();
        self.access.run(async |session, nodes| {
            let read = session.client.get_and_watch_data(&nodes.changed()).await;
            let (data, stat, watcher) = match read {
                Ok(read) => read,
                Err(zookeeper_client::Error::NoNode) => return Err(Failure::Missing),
                Err(error) => return Err(error.into()),
            };
            let event = session.event(watcher).boxed();
            Ok(Armed { version: stat.version, is_own: data == own, event })
        })
    }

    fn run(&self, mut armed: Armed) {
        let [mut pause, longest] = RETRY_DELAYS;
        while self.wait_for_event(armed.event) {
            armed = loop {
                if self.stopped.is_cancelled() {
                    return;
                }
                match self.arm() {
                    Ok(next) => {
                        let is_next = next.version == armed.version.wrapping_add(1);
                        if !(is_next && next.is_own) {
                            self.notifier.notify();
                        }
                        pause = RETRY_DELAYS[0];
                        break next;
                    }
                    Err(error) if error.kind() == ErrorKind::NotRunning => return,
                    Err(error) => {
                        tracing::debug!("watching for changes: {}", error.chain());
                        self.wait(pause);
                        pause = (pause * 2).min(longest);
                    }
                }
            };
        }
    }

    /// Waits until the node was changed, or the session has ended. Returns `false` if the watch has ended.
    fn wait_for_event(&self, event: BoxFuture<'static, ()>) -> bool {
        let mut event = select(event, self.stopped.cancelled());
        loop {
            match wait_until(Instant::now() + LOOK, &mut event) {
                Some(Either::Left(_)) => return true,
                Some(Either::Right(_)) => return false,
                None if self.access.connection().is_err() => return false,
                None => {}
            }
        }
    }

    fn wait(&self, pause: Duration) {
        // Whether it was stopped is asked afterwards.
        let _ = wait_until(Instant::now() + pause, self.stopped.cancelled());
    }
}
