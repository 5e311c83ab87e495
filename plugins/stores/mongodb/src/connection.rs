//! The driver, in threads of its own.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use apscheduler_core::{Error, ErrorKind, Result};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use mongodb::error::Error as DriverError;
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection, Database};
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::failure::{Address, code};
use crate::options::{MongoDbOptions, Target};
use crate::{WHAT, schema};

/// What the server says to a user without the right.
const UNAUTHORIZED: i32 = 13;

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
    /// What the server calls the collection of jobs since it was made: another one has another name.
    pub(crate) collection: Option<Binary>,
    calls: Arc<Calls>,
}

impl Connection {
    /// Connects, and makes the collections where they are not there yet.
    pub(crate) fn open(options: &MongoDbOptions, target: &Target) -> Result<Self> {
        let mut connection = Self::connect(options, target)?;
        schema::prepare(&connection)?;
        connection.collection = connection.collection_there()?;
        Ok(connection)
    }

    /// Connects, and makes nothing.
    pub(crate) fn read_only(options: &MongoDbOptions, target: &Target) -> Result<Self> {
        let connection = Self::connect(options, target)?;
        if !schema::check(&connection)? {
            tracing::warn!(
                "there are no jobs in `{}.{}` at {}",
                connection.database.name(),
                connection.jobs.name(),
                connection.address.shown
            );
        }
        Ok(connection)
    }

    fn connect(options: &MongoDbOptions, target: &Target) -> Result<Self> {
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
        let calls = Arc::default();
        let (client, hello) = run(runtime, &calls, timeout, &address, opening)?
            .map_err(|error: DriverError| address.explain(&error))?;
        let is_replicated = hello.get_str("setName").is_ok()
            || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid");
        let database = client.database(&options.database);
        let jobs = database.collection(&options.collection);
        let collection = None;
        Ok(Self {
            runtime,
            client,
            database,
            jobs,
            is_replicated,
            address,
            timeout,
            collection,
            calls,
        })
    }

    /// What the server calls the collection of jobs now; `None` where there is none, or where this user may not ask.
    pub(crate) fn collection_there(&self) -> Result<Option<Binary>> {
        let (database, name) = (self.database.clone(), self.jobs.name().to_owned());
        let asked = self.try_run(async move {
            let mut found = database.list_collections().filter(doc! {"name": name}).await?;
            let is_found = found.advance().await?;
            if !is_found {
                return Ok(None);
            }
            // A server that does not say it calls all of them the same.
            let uuid = found.deserialize_current()?.info.uuid;
            Ok(Some(uuid.unwrap_or(Binary { subtype: BinarySubtype::Uuid, bytes: Vec::new() })))
        })?;
        match asked {
            Err(error) if code(&error) == Some(UNAUTHORIZED) => Ok(None),
            asked => asked.map_err(|error| self.address.explain(&error)),
        }
    }

    /// Ends all calls, now and later.
    pub(crate) fn cut(&self) {
        self.calls.cut();
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
        run(self.runtime, &self.calls, self.timeout, &self.address, call)
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
    calls: &Arc<Calls>,
    timeout: Duration,
    address: &Address,
    call: impl Future<Output = mongodb::error::Result<T>> + Send + 'static,
) -> Result<Result<T, DriverError>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let task = runtime.spawn(async move {
        let answer = tokio::time::timeout(timeout, call).await;
        // The caller waits for it, and for nothing else.
        let _ = sender.send(answer);
    });
    let Some(_call) = calls.begin(task.abort_handle()) else {
        task.abort();
        return Err(shut_down());
    };
    match receiver.recv() {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(address.silence()),
        Err(_) if calls.are_cut() => Err(shut_down()),
        Err(_) => Err(Error::new(ErrorKind::Other, "the driver panicked").with_plugin(WHAT)),
    }
}

fn shut_down() -> Error {
    Error::new(ErrorKind::NotRunning, "the job store was shut down").with_plugin(WHAT)
}

/// The calls that are under way, so that a shutdown can cut them short.
#[derive(Default)]
struct Calls(Mutex<CallsState>);

#[derive(Default)]
struct CallsState {
    under_way: HashMap<u64, AbortHandle>,
    last: u64,
    are_cut: bool,
}

/// A call among the others, until this is dropped.
struct Call {
    calls: Arc<Calls>,
    number: u64,
}

impl Calls {
    /// Adds a call; `None` where they have been cut.
    fn begin(self: &Arc<Self>, task: AbortHandle) -> Option<Call> {
        let mut state = self.state();
        if state.are_cut {
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.under_way.insert(number, task);
        Some(Call { calls: Arc::clone(self), number })
    }

    fn cut(&self) {
        let mut state = self.state();
        state.are_cut = true;
        state.under_way.drain().for_each(|(_, task)| task.abort());
    }

    fn are_cut(&self) -> bool {
        self.state().are_cut
    }

    fn state(&self) -> MutexGuard<'_, CallsState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.state().under_way.remove(&self.number);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}
