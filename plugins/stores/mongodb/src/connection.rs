//! The driver, in threads of its own.

use std::fmt;
use std::future::Future;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use apscheduler_core::{Error, ErrorKind, Result};
use mongodb::bson::{Document, doc};
use mongodb::error::Error as DriverError;
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection, Database};
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::failure::Address;
use crate::options::{MongoDbOptions, Target};
use crate::{WHAT, schema};

/// A started store's way to the server.
pub(crate) struct Connection {
    runtime: &'static Runtime,
    pub(crate) client: Client,
    pub(crate) database: Database,
    pub(crate) jobs: Collection<Document>,
    /// Whether it is a replica set or a sharded cluster, which have transactions and change streams.
    pub(crate) is_replicated: bool,
    pub(crate) address: Address,
    pub(crate) timeout: Duration,
}

impl Connection {
    /// Connects, and makes the collections where they are not there yet.
    pub(crate) fn open(options: &MongoDbOptions, target: &Target) -> Result<Self> {
        let (address, timeout) = (target.address.clone(), target.timeout);
        let runtime = runtime()?;
        let (url, given) = (target.url.clone(), options.clone());
        let opening = async move {
            let mut client = ClientOptions::parse(url).await?;
            given.apply(&mut client);
            let client = Client::with_options(client)?;
            let hello = client.database("admin").run_command(doc! {"hello": 1}).await?;
            Ok((client, hello))
        };
        let (client, hello) = run(runtime, timeout, &address, opening)?
            .map_err(|error: DriverError| address.explain(&error))?;
        let is_replicated = hello.get_str("setName").is_ok()
            || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid");
        let database = client.database(&options.database);
        let jobs = database.collection(&options.collection);
        let connection = Self { runtime, client, database, jobs, is_replicated, address, timeout };
        schema::prepare(&connection)?;
        Ok(connection)
    }

    /// Waits for the driver, not longer than the options say.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = mongodb::error::Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.try_run(call)?.map_err(|error| self.address.explain(&error))
    }

    /// As [`run`](Self::run), with the error of the driver.
    pub(crate) fn try_run<T: Send + 'static>(
        &self,
        call: impl Future<Output = mongodb::error::Result<T>> + Send + 'static,
    ) -> Result<Result<T, DriverError>> {
        run(self.runtime, self.timeout, &self.address, call)
    }

    /// Does something beside.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.spawn(task).abort_handle()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // This may happen where nothing may wait.
        self.runtime.spawn(self.client.clone().shutdown().immediate(true).into_future());
    }
}

/// The threads of the driver. They stay when a store is shut down: the driver still cleans up then.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let built = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("apscheduler-mongodb")
        .enable_all()
        .build()
        .map_err(|error| {
            Error::new(ErrorKind::Other, "can't start the threads of the driver")
                .with_plugin(WHAT)
                .with_source(error)
        })?;
    if let Err(late) = RUNTIME.set(built) {
        late.shutdown_background();
    }
    Ok(RUNTIME.wait())
}

/// The call runs in a thread of the runtime, so that it may be waited for even in threads of another runtime.
fn run<T: Send + 'static>(
    runtime: &Runtime,
    timeout: Duration,
    address: &Address,
    call: impl Future<Output = mongodb::error::Result<T>> + Send + 'static,
) -> Result<Result<T, DriverError>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let answer = tokio::time::timeout(timeout, call).await;
        // The caller waits for it, and for nothing else.
        let _ = sender.send(answer);
    });
    match receiver.recv() {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(address.silence()),
        Err(_) => Err(Error::new(ErrorKind::Other, "the driver panicked").with_plugin(WHAT)),
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}
