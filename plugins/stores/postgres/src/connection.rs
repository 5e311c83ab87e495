//! Connections to the server.

use std::fmt;
use std::future::poll_fn;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{Connector, wait_until};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Notification, Socket};

use crate::address::Address;
use crate::failure::{Failure, connect_timed_out, no_connection};
use crate::names::STORE_NAME;
use crate::options::Config;

/// Handles notifications from the server.
pub(crate) type OnNotice = Box<dyn FnMut(&Notification) + Send>;

/// How long an answer may take beyond the server's own limit for a statement.
const GRACE: Duration = Duration::from_secs(5);

/// The server, the login, and the runtime that drives the connections.
#[derive(Clone)]
pub(crate) struct Server {
    address: Address,
    runtime: Handle,
    connect_timeout: Duration,
    statement_timeout: Duration,
    #[cfg(feature = "tls")]
    tls: tokio_postgres_rustls::MakeRustlsConnect,
}

/// A connection. A task in the store's runtime does its I/O.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) task: JoinHandle<()>,
    /// How long an answer may take.
    answer_timeout: Duration,
}

impl Connection {
    /// Waits for an answer from the server.
    pub(crate) fn run<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        match wait_until(Instant::now() + self.answer_timeout, work) {
            Some(done) => Ok(done?),
            None => Err(Failure::NoAnswer),
        }
    }

    /// Executes a statement without parameters.
    pub(crate) async fn command(&self, statement: &str) -> Result<(), Failure> {
        Ok(self.client.batch_execute(statement).await?)
    }
}

impl Connector for Server {
    type Connection = Connection;

    fn connect(&self) -> Result<Connection> {
        let server = self.clone();
        let (sender, receiver) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // The caller may be gone, with the store.
            let _ = sender.send(server.open(Box::new(|_| ())).await);
        });
        // The attempt has a timeout of its own. The sender is dropped if the store is shut down meanwhile.
        receiver.recv().unwrap_or_else(|_| Err(shut_down()))
    }

    fn address(&self) -> &str {
        &self.address.shown
    }

    fn is_alive(&self, connection: &mut Connection, _idle: Duration) -> bool {
        !connection.client.is_closed()
    }

    /// Closes it at once. Dropping the client would let the server execute what was sent.
    fn abort(&self, connection: Connection) {
        connection.task.abort();
    }
}

/// The error of a call that waits for a connection while the store is shut down.
pub(crate) fn shut_down() -> Error {
    apscheduler_plugin_kit::store::shut_down().with_plugin(STORE_NAME)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.address())
    }
}

impl Server {
    pub(crate) fn new(config: &Config, runtime: Handle) -> Result<Self> {
        let mut address = config.address.clone();
        let (connect_timeout, statement_timeout) =
            (config.server.connect_timeout, config.server.statement_timeout);
        // Keepalives notice a server that is gone without closing its connections, idle ones too.
        let idle = Duration::from_secs(30).min(statement_timeout);
        let config = &mut address.config;
        config
            .keepalives_idle(idle)
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3);
        config.tcp_user_timeout(statement_timeout + Duration::from_secs(30));
        let one_host = *config.get_connect_timeout().unwrap_or(&connect_timeout);
        config.connect_timeout(one_host);
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len()).max(1);
        let connect_timeout = one_host * u32::try_from(hosts).unwrap_or(1);
        if config.get_application_name().is_none() {
            config.application_name("apscheduler");
        }
        Ok(Self {
            #[cfg(feature = "tls")]
            tls: crate::tls::connector(&address.security)?,
            address,
            runtime,
            connect_timeout,
            statement_timeout,
        })
    }

    /// Connects. Must be called in the runtime.
    pub(crate) async fn open(&self, on_notice: OnNotice) -> Result<Connection> {
        tokio::time::timeout(self.connect_timeout, self.handshake(on_notice))
            .await
            .unwrap_or_else(|_| Err(connect_timed_out(self.address())))
    }

    async fn handshake(&self, on_notice: OnNotice) -> Result<Connection> {
        #[cfg(feature = "tls")]
        let connected = self.address.config.connect(self.tls.clone()).await;
        #[cfg(not(feature = "tls"))]
        let connected = self.address.config.connect(tokio_postgres::NoTls).await;
        let (client, connection) =
            connected.map_err(|error| no_connection(self.address(), error))?;
        let task = self.runtime.spawn(drive(connection, on_notice));
        let answer_timeout = self.statement_timeout + GRACE;
        let connection = Connection { client, task, answer_timeout };
        let timeout = self.statement_timeout.as_millis();
        // So that a scheduler that hangs during a claim does not lock the jobs forever.
        let settings = format!(
            "SET statement_timeout = {timeout}; SET idle_in_transaction_session_timeout = {timeout}; \
             SET client_min_messages = warning"
        );
        let set = connection.client.batch_execute(&settings).await;
        set.map_err(|error| Failure::from(error).explain(self.address(), "connecting"))?;
        Ok(connection)
    }
}

/// Does the I/O of a connection until it ends.
async fn drive<S>(mut connection: tokio_postgres::Connection<Socket, S>, mut on_notice: OnNotice)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(notice))) => on_notice(&notice),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!("a connection to PostgreSQL ended: {error}");
                return;
            }
            None => return,
        }
    }
}
