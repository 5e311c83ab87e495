//! The connection to the servers: a client whose I/O is done in a thread of its own.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{self, DriverRuntime, wait_until};
use etcd_client::{
    Client, ConnectOptions, Error as ClientError, KvClient, Txn, TxnResponse, WatchClient,
};
use futures_util::future::try_join_all;
use tokio::task::AbortHandle;

use crate::failure::{Address, Failed, how};
use crate::names::STORE_NAME;
use crate::options::Config;

/// How often the client asks whether the server is there. The server refuses clients that ask more often than every 5 s.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long the server may take to say so.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether a call may be repeated when it is unknown whether the server executed it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It only reads.
    Allowed,
    /// It writes.
    Forbidden,
}

/// The connection of a started store.
pub(crate) struct Connection {
    runtime: DriverRuntime,
    kv: KvClient,
    watch: WatchClient,
    pub(crate) address: Address,
    pub(crate) timeout: Duration,
    /// How often a call is made if no server is reached. A cluster may have some that are away.
    attempts: usize,
    is_stopped: AtomicBool,
}

impl Connection {
    /// Connects. Changes nothing.
    pub(crate) fn open(config: &Config, alias: &str) -> Result<Self> {
        let runtime = DriverRuntime::start(format!("apscheduler-etcd-{alias}"))
            .map_err(|error| error.with_plugin(STORE_NAME))?;
        let (endpoints, options) = (config.endpoints.clone(), options(config)?);
        let limit = config.connect_timeout + config.timeout;
        let (sender, receiver) = mpsc::sync_channel(1);
        runtime.handle().spawn(async move {
            let connecting = Client::connect(endpoints, Some(options));
            // The receiver waits until this.
            let _ = sender.send(tokio::time::timeout(limit, connecting).await);
        });
        let client = match receiver.recv() {
            Ok(Ok(Ok(client))) => client,
            Ok(Ok(Err(error))) => return Err(config.address.explain(&error)),
            Ok(Err(_)) | Err(_) => return Err(config.address.no_answer()),
        };
        Ok(Self {
            runtime,
            // Answers may have the states of many jobs.
            kv: client.kv_client().max_decoding_message_size(usize::MAX),
            watch: client.watch_client(),
            address: config.address.clone(),
            timeout: config.timeout,
            attempts: if config.endpoints.len() > 1 { 2 * config.endpoints.len() } else { 1 },
            is_stopped: AtomicBool::new(false),
        })
    }

    /// Interrupts all calls, and refuses new ones.
    pub(crate) fn interrupt(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.runtime.stop();
    }

    /// Makes a transaction.
    pub(crate) fn transact(&self, transaction: Txn, repeat: Repeat) -> Result<TxnResponse> {
        let call = self.call(transaction, repeat);
        self.run(call)?.map_err(|error| self.address.explain(&error))
    }

    /// Makes transactions that only read, all at once.
    pub(crate) fn read_all(&self, transactions: Vec<Txn>) -> Result<Vec<TxnResponse>> {
        let calls = transactions.into_iter().map(|read| self.call(read, Repeat::Allowed));
        self.run(try_join_all(calls))?.map_err(|error| self.address.explain(&error))
    }

    async fn call(&self, transaction: Txn, repeat: Repeat) -> Result<TxnResponse, ClientError> {
        let mut left = self.attempts;
        let mut may_repeat = repeat == Repeat::Allowed;
        loop {
            let answer = self.kv.clone().txn(transaction.clone()).await;
            match answer.as_ref().err().map(how) {
                Some(Failed::Unreached) if left > 1 => left -= 1,
                // An idle connection may have died.
                Some(Failed::Lost) if may_repeat => may_repeat = false,
                _ => return answer,
            }
        }
    }

    /// Waits for a call of the client, up to the timeout of the options.
    fn run<T>(&self, call: impl Future<Output = T>) -> Result<T> {
        if self.is_stopped() {
            return Err(shut_down());
        }
        let answer = wait_until(Instant::now() + self.timeout, call);
        if self.is_stopped() {
            return Err(shut_down());
        }
        answer.ok_or_else(|| self.address.no_answer())
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Runs a task in the background.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.handle().spawn(task).abort_handle()
    }

    pub(crate) fn kv(&self) -> KvClient {
        self.kv.clone()
    }

    pub(crate) fn watch(&self) -> WatchClient {
        self.watch.clone()
    }
}

fn shut_down() -> Error {
    store::shut_down().with_plugin(STORE_NAME)
}

fn options(config: &Config) -> Result<ConnectOptions> {
    let mut options = ConnectOptions::new()
        .with_connect_timeout(config.connect_timeout)
        .with_keep_alive(KEEP_ALIVE, KEEP_ALIVE_TIMEOUT)
        .with_keep_alive_while_idle(true)
        // A member without a leader would never report changes.
        .with_require_leader(true);
    if let Some((user, password)) = &config.login {
        options = options.with_user(user, password).with_auto_token_refresh(true);
    }
    #[cfg(feature = "tls")]
    if let Some(files) = &config.tls {
        options = options.with_tls(crate::tls::options(files)?);
    }
    Ok(options)
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}
