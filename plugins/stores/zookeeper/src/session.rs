//! A session with the server.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use apscheduler_core::executor::CancellationToken;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::{shut_down, wait_until};
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use tokio::runtime::{Builder, Runtime};
use zookeeper_client::{
    Acls, Client, CreateMode, CreateOptions, Error as ClientError, OneshotWatcher, SessionState,
    Stat,
};

use crate::address::Config;
use crate::failure::Attempt;
use crate::names::STORE_NAME;

/// How long a session may take to close.
const CLOSING: Duration = Duration::from_millis(300);

/// A session, with the thread that does its I/O.
///
/// A client that has lost its connection sends what was queued when it has another one, whenever that is. So a session that
/// has failed is ended together with its thread, and nothing of it reaches the server later.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Who may access the nodes that it creates.
    acls: Acls<'static>,
    runtime: Mutex<Option<Runtime>>,
}

impl Session {
    /// Connects. `interrupted` ends the attempt.
    pub(crate) fn connect(
        config: &Config,
        name: &str,
        interrupted: &CancellationToken,
    ) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Other, "can't start a thread for the connection")
                    .with_plugin(STORE_NAME)
                    .with_source(error)
            })?;
        let mut connector =
            Client::connector().with_session_timeout(config.timeout).with_fail_eagerly();
        for login in &config.logins {
            connector = connector.with_auth(&login.scheme, login.credential.as_bytes());
        }
        let (sender, receiver) = oneshot::channel();
        let hosts = config.hosts.clone();
        runtime.spawn(async move {
            // The caller may be gone.
            let _ = sender.send(connector.connect(&hosts).await);
        });
        let deadline = Instant::now() + config.timeout;
        let answer = wait_until(deadline, select(receiver, interrupted.cancelled()));
        let client = match answer {
            Some(Either::Left((Ok(Ok(client)), _))) => Ok(client),
            Some(Either::Left((Ok(Err(error)), _))) => Err(config.address.unreachable(&error)),
            Some(Either::Left((Err(_), _))) => {
                Err(Error::new(ErrorKind::Other, "the client panicked").with_plugin(STORE_NAME))
            }
            Some(Either::Right(_)) => Err(shut_down().with_plugin(STORE_NAME)),
            None => Err(config.address.no_answer()),
        };
        match client {
            Ok(client) => {
                let is_open = config.logins.is_empty();
                let acls = if is_open { Acls::anyone_all() } else { Acls::creator_all() };
                Ok(Self { client, acls, runtime: Mutex::new(Some(runtime)) })
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Reads a node. Returns `None` if there is none.
    ///
    /// The request is sent at once, also by the methods that follow. So many of them take one round trip, in their order.
    pub(crate) fn get(
        &self,
        path: &str,
    ) -> impl Future<Output = Attempt<Option<(Vec<u8>, Stat)>>> + use<'_> {
        let read = self.client.get_data(path);
        async move { existing(read.await) }
    }

    /// Returns the names of the nodes below one, in any order, or `None` if there is no such node.
    pub(crate) fn list(
        &self,
        path: &str,
    ) -> impl Future<Output = Attempt<Option<Vec<String>>>> + use<'_> {
        let listed = self.client.get_children(path);
        async move { Ok(existing(listed.await)?.map(|(names, _)| names)) }
    }

    /// Returns what the server knows about a node, or `None` if there is none.
    pub(crate) fn stat(&self, path: &str) -> impl Future<Output = Attempt<Option<Stat>>> + use<'_> {
        let read = self.client.check_stat(path);
        async move { Ok(read.await?) }
    }

    /// Removes a node, without waiting for that. Nothing depends on whether it is done.
    pub(crate) fn discard(&self, path: &str) {
        drop(self.client.delete(path, None));
    }

    /// The options of a node that stays.
    pub(crate) fn persistent(&self) -> CreateOptions<'static> {
        CreateMode::Persistent.with_acls(self.acls)
    }

    /// The options of a node that the server removes some time after the last node below it.
    pub(crate) fn container(&self) -> CreateOptions<'static> {
        CreateMode::Container.with_acls(self.acls)
    }

    /// Returns when the node that this watches was changed, or the session has ended.
    pub(crate) fn event(&self, watcher: OneshotWatcher) -> impl Future<Output = ()> + use<> {
        let (sender, receiver) = oneshot::channel();
        // In the thread of the session, because waiting panics if that ends.
        if let Some(runtime) = &*self.runtime.lock().unwrap_or_else(PoisonError::into_inner) {
            runtime.spawn(async move {
                watcher.changed().await;
                // The watch may have ended.
                let _ = sender.send(());
            });
        }
        async move {
            // An error says that the session has ended.
            let _ = receiver.await;
        }
    }

    /// Whether it has a connection, as far as is known.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.client.state(), SessionState::SyncConnected | SessionState::ConnectedReadOnly)
    }

    /// Ends it without a word to the server. Calls in progress fail.
    pub(crate) fn end(&self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }

    /// Tells the server that it ends, if the server answers soon.
    pub(crate) fn close(mut self) {
        let runtime = self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let mut state = self.client.state_watcher();
        drop(self);
        if !state.peek_state().is_terminated() {
            // It need not.
            let _ = wait_until(Instant::now() + CLOSING, async {
                while !state.changed().await.is_terminated() {}
            });
        }
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

fn existing<T>(read: std::result::Result<T, ClientError>) -> Attempt<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(ClientError::NoNode) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
