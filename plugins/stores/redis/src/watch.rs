//! Watches for changes by others: a thread that reads published messages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apscheduler_core::Result;
use apscheduler_core::executor::CancellationToken;
use apscheduler_core::store::{ChangeNotifier, Watch};
use apscheduler_plugin_kit::store::watch_in_thread;
use redis::{Connection, PubSub, RedisResult};

use crate::connection::Connections;
use crate::names::STORE_NAME;

/// How soon the thread notices that the watch has ended.
const TICK: Duration = Duration::from_millis(250);

/// A connection that was silent for this long is pinged.
const SILENCE: Duration = Duration::from_secs(15);

/// The pause before connecting again: the first, and the longest.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// The state of the thread.
struct Listener {
    connections: Arc<Connections>,
    channel: String,
    /// What this store publishes, to ignore its own changes.
    own: String,
    notifier: ChangeNotifier,
    stopped: CancellationToken,
}

/// Subscribes, and starts the thread.
pub(crate) fn start(
    connections: Arc<Connections>,
    channel: String,
    own: String,
    notifier: ChangeNotifier,
) -> Result<Watch> {
    let stopped = CancellationToken::new();
    let listener = Listener { connections, channel, own, notifier, stopped };
    let mut connection = listener.connections.connect()?;
    // From here on no change is missed, so the caller may read the store.
    redis::cmd("SUBSCRIBE")
        .arg(&listener.channel)
        .exec(&mut connection)
        .map_err(|error| listener.connections.explain(&error))?;
    let stopped = listener.stopped.clone();
    watch_in_thread("apscheduler-redis-watch", STORE_NAME, stopped, move || {
        listener.run(connection);
    })
}

impl Listener {
    fn is_stopped(&self) -> bool {
        self.stopped.is_cancelled()
    }

    fn run(&self, mut connection: Connection) {
        loop {
            if let Err(error) = self.listen(&mut connection) {
                let error = self.connections.explain(&error);
                tracing::debug!("watching for changes, connecting again: {}", error.chain());
            }
            let Some(next) = self.connect_again() else { return };
            connection = next;
            // Changes in between were missed.
            self.notifier.notify();
        }
    }

    /// Notifies of changes until the connection breaks or the watch ends.
    fn listen(&self, connection: &mut Connection) -> RedisResult<()> {
        let mut channel = connection.as_pubsub();
        let mut last = Instant::now();
        channel.set_read_timeout(Some(TICK))?;
        while !self.is_stopped() {
            match channel.get_message() {
                Ok(message) => {
                    last = Instant::now();
                    if message.get_payload_bytes() != self.own.as_bytes() && !self.is_stopped() {
                        self.notifier.notify();
                    }
                }
                Err(error) if error.is_timeout() => {
                    if last.elapsed() >= SILENCE {
                        self.ping(&mut channel)?;
                        last = Instant::now();
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn ping(&self, channel: &mut PubSub<'_>) -> RedisResult<()> {
        channel.set_read_timeout(Some(self.connections.timeout()))?;
        channel.ping::<redis::Value>()?;
        channel.set_read_timeout(Some(TICK))
    }

    /// Subscribes again. Returns `None` if the watch has ended.
    fn connect_again(&self) -> Option<Connection> {
        let [mut pause, longest] = RETRY_DELAYS;
        while !self.is_stopped() {
            let connected = self.connections.connect().and_then(|mut connection| {
                redis::cmd("SUBSCRIBE")
                    .arg(&self.channel)
                    .exec(&mut connection)
                    .map_err(|error| self.connections.explain(&error))?;
                Ok(connection)
            });
            match connected {
                Ok(connection) => {
                    tracing::debug!("watching {} again", self.connections.address());
                    return Some(connection);
                }
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
