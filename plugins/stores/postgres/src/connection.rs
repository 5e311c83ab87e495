//! One connection, and how it is made.

use std::fmt;
use std::future::poll_fn;
use std::time::Duration;

use apscheduler_core::Result;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Notification, Socket};

use crate::address::Address;
use crate::failure::{Failure, connecting_takes_too_long, no_connection};
use crate::options::{PostgresOptions, seconds};

/// What is done with notices from the server.
pub(crate) type OnNotice = Box<dyn FnMut(&Notification) + Send>;

/// Makes connections to one database.
#[derive(Clone)]
pub(crate) struct Connector {
    address: Address,
    connect_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    #[cfg(feature = "tls")]
    tls: tokio_postgres_rustls::MakeRustlsConnect,
}

/// A connection. Its I/O is done by a task in the store's runtime.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) task: JoinHandle<()>,
}

impl Connection {
    /// Ends it at once, whatever the server is doing. Dropping it lets what was sent be carried out.
    pub(crate) fn abort(self) {
        self.task.abort();
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connector({})", self.shown())
    }
}

impl Connector {
    pub(crate) fn new(options: &PostgresOptions) -> Result<Self> {
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
            connect_timeout,
            statement_timeout,
        })
    }

    /// The address for people.
    pub(crate) fn shown(&self) -> &str {
        &self.address.shown
    }

    /// Connects. Must be called within the runtime.
    pub(crate) async fn connect(&self, on_notice: OnNotice) -> Result<Connection> {
        tokio::time::timeout(self.connect_timeout, self.handshake(on_notice))
            .await
            .unwrap_or_else(|_| Err(connecting_takes_too_long(self.shown())))
    }

    async fn handshake(&self, on_notice: OnNotice) -> Result<Connection> {
        #[cfg(feature = "tls")]
        let connected = self.address.config.connect(self.tls.clone()).await;
        #[cfg(not(feature = "tls"))]
        let connected = self.address.config.connect(tokio_postgres::NoTls).await;
        let (client, connection) = connected.map_err(|error| no_connection(self.shown(), error))?;
        let task = Handle::current().spawn(carry(connection, on_notice));
        let connection = Connection { client, task };
        let timeout = self.statement_timeout.as_millis();
        // A scheduler that hangs in the middle of a claim does not keep others from these jobs for ever.
        let settings = format!(
            "SET statement_timeout = {timeout}; SET idle_in_transaction_session_timeout = {timeout}; \
             SET client_min_messages = warning"
        );
        let set = connection.client.batch_execute(&settings).await;
        set.map_err(|error| Failure::from(error).explain(self.shown(), "connecting"))?;
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
