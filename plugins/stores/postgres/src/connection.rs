//! One connection, and how it is made.

use std::fmt;
use std::future::poll_fn;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::Connector;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Notification, Socket};

use crate::WHAT;
use crate::address::Address;
use crate::failure::{Failure, connecting_takes_too_long, no_connection};
use crate::options::{PostgresOptions, seconds};
use crate::wait::wait_until;

/// What is done with notices from the server.
pub(crate) type OnNotice = Box<dyn FnMut(&Notification) + Send>;

/// How long the server may be silent beyond its own limit for a statement.
const GRACE: Duration = Duration::from_secs(5);

/// The server, how to log in, and the runtime in which connections to it live.
#[derive(Clone)]
pub(crate) struct Server {
    address: Address,
    runtime: Handle,
    connect_timeout: Duration,
    statement_timeout: Duration,
    #[cfg(feature = "tls")]
    tls: tokio_postgres_rustls::MakeRustlsConnect,
}

/// A connection. Its I/O is done by a task in the store's runtime.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) task: JoinHandle<()>,
    /// How long an answer may take.
    patience: Duration,
}

impl Connection {
    /// Waits for an answer of the server.
    pub(crate) fn run<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        match wait_until(Instant::now() + self.patience, work) {
            Some(done) => Ok(done?),
            None => Err(Failure::Silence),
        }
    }

    /// A statement without parameters.
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
            // Whoever asked may be gone, with the store.
            let _ = sender.send(server.open(Box::new(|_| ())).await);
        });
        // The attempt has a time limit of its own; it ends without a word when the store is shut down meanwhile.
        receiver.recv().unwrap_or_else(|_| Err(shut_down()))
    }

    fn address(&self) -> &str {
        &self.address.shown
    }

    fn lives(&self, connection: &mut Connection, _idle: Duration) -> bool {
        !connection.client.is_closed()
    }

    /// Ends it at once, whatever the server is doing. Dropping it lets what was sent be carried out.
    fn abort(&self, connection: Connection) {
        connection.task.abort();
    }
}

/// The store was shut down while somebody waited for a connection.
pub(crate) fn shut_down() -> Error {
    Error::new(ErrorKind::NotRunning, "the job store was shut down").with_plugin(WHAT)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.address())
    }
}

impl Server {
    pub(crate) fn new(options: &PostgresOptions, runtime: Handle) -> Result<Self> {
        let mut address = Address::parse(&options.url)?;
        let connect_timeout = seconds("connect_timeout", options.connect_timeout)?;
        let statement_timeout = seconds("statement_timeout", options.statement_timeout)?;
        // A server that is gone without a word is noticed, on idle connections too.
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

    /// Connects. Must be called within the runtime.
    pub(crate) async fn open(&self, on_notice: OnNotice) -> Result<Connection> {
        tokio::time::timeout(self.connect_timeout, self.handshake(on_notice))
            .await
            .unwrap_or_else(|_| Err(connecting_takes_too_long(self.address())))
    }

    async fn handshake(&self, on_notice: OnNotice) -> Result<Connection> {
        #[cfg(feature = "tls")]
        let connected = self.address.config.connect(self.tls.clone()).await;
        #[cfg(not(feature = "tls"))]
        let connected = self.address.config.connect(tokio_postgres::NoTls).await;
        let (client, connection) =
            connected.map_err(|error| no_connection(self.address(), error))?;
        let task = self.runtime.spawn(carry(connection, on_notice));
        let patience = self.statement_timeout + GRACE;
        let connection = Connection { client, task, patience };
        let timeout = self.statement_timeout.as_millis();
        // A scheduler that hangs in the middle of a claim does not keep others from these jobs for ever.
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
async fn carry<S>(mut connection: tokio_postgres::Connection<Socket, S>, mut on_notice: OnNotice)
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
