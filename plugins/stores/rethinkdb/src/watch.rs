//! Watches for changes by others, with a feed of changes.
//!
//! A feed does not resume, and drops changes under load. So it only wakes, and a new one always does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apscheduler_core::executor::CancellationToken;
use apscheduler_core::store::{ChangeNotifier, Watch};
use apscheduler_core::{ErrorKind, Result};
use apscheduler_plugin_kit::store::watch_in_thread;
use serde_json::Value;

use crate::client::{FeedEvent, Term};
use crate::connection::{Connection, RegisteredFeed, Table};
use crate::names::STORE_NAME;

/// How often a watch looks whether it has ended.
const TICK: Duration = Duration::from_millis(100);

/// A server that was silent for this long is asked for a sign of life.
const SILENCE: Duration = Duration::from_secs(30);

/// The pause before a broken feed is opened again: the first, and the longest.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

struct Listener {
    connection: Arc<Connection>,
    /// The prefix of the marks of this store, whose own changes are ignored.
    own: String,
    notifier: ChangeNotifier,
    stopped: CancellationToken,
}

/// Watches until the returned value is dropped.
pub(crate) fn start(
    connection: Arc<Connection>,
    own: String,
    notifier: ChangeNotifier,
) -> Result<Watch> {
    // From here on no change is missed, so the caller may read the store.
    let feed = connection.feed(&query(&connection))?;
    let stopped = CancellationToken::new();
    let listener = Listener { connection, own, notifier, stopped };
    let stopped = listener.stopped.clone();
    watch_in_thread("apscheduler-rethinkdb-watch", STORE_NAME, stopped, move || listener.run(feed))
}

/// Returns a query for the writers of changes. Closing a batch, and removing a hidden job, change no writer that counts.
fn query(connection: &Connection) -> Term {
    let writer = |row: Term| {
        let is_hidden = row.clone().has_field("finished");
        is_hidden.branch("", row.field("writer")).default("")
    };
    let is_relevant = Term::function(|change| {
        let (old, new) = (change.clone().field("old_val"), change.clone().field("new_val"));
        change.has_field("error").or(writer(old).ne(writer(new)))
    });
    let changes = connection.table(Table::Jobs).changes().filter(is_relevant);
    changes.map(Term::function(|change| writer(change.field("new_val"))))
}

impl Listener {
    fn is_stopped(&self) -> bool {
        self.stopped.is_cancelled()
    }

    fn run(&self, mut feed: RegisteredFeed) {
        loop {
            if let Err(error) = self.listen(&mut feed) {
                tracing::debug!("watching for changes, connecting again: {}", error.chain());
            }
            drop(feed);
            let Some(next) = self.open_again() else { return };
            feed = next;
            // Changes in between were missed.
            self.notifier.notify();
        }
    }

    /// Notifies of changes until the feed breaks or the watch ends.
    fn listen(&self, feed: &mut RegisteredFeed) -> Result<()> {
        let explain = |error| self.connection.address().explain(&error);
        while !self.is_stopped() {
            match feed.feed.next(TICK, SILENCE).map_err(explain)? {
                FeedEvent::Changes(writers) => {
                    let is_own = |writer: &Value| {
                        writer.as_str().is_some_and(|writer| writer.starts_with(&self.own))
                    };
                    if !writers.iter().all(is_own) && !self.is_stopped() {
                        self.notifier.notify();
                    }
                }
                FeedEvent::Nothing => {}
            }
        }
        feed.feed.stop().map_err(explain)
    }

    /// Opens the feed again. Returns `None` if the watch has ended.
    fn open_again(&self) -> Option<RegisteredFeed> {
        let [mut pause, longest] = RETRY_DELAYS;
        while !self.is_stopped() {
            match self.connection.feed(&query(&self.connection)) {
                Ok(feed) => return Some(feed),
                Err(error) if error.kind() == ErrorKind::NotRunning => return None,
                Err(error) => tracing::debug!("watching for changes: {}", error.chain()),
            }
            let until = Instant::now() + pause;
            while Instant::now() < until && !self.is_stopped() {
                std::thread::sleep(TICK.min(pause));
            }
            pause = (pause * 2).min(longest);
        }
        None
    }
}
