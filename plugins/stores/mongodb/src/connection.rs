//! The connection to the server: runs the driver's futures in threads of its own.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use mongodb::error::Error as DriverError;
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection, Database};
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::failure::{Address, code};
use crate::names::{OPEN_RUNS_SUFFIX, OWNERS_SUFFIX, RUNS_SUFFIX, STORE_NAME};
use crate::options::Config;

/// The code for a user without permission.
const UNAUTHORIZED: i32 = 13;

/// The connection of a started store.
pub(crate) struct Connection {
    runtime: &'static Runtime,
    pub(crate) client: Client,
    pub(crate) database: Database,
    pub(crate) jobs: Collection<Document>,
    /// The records of runs.
    pub(crate) runs: Collection<Document>,
    /// The owners of runs.
    pub(crate) owners: Collection<Document>,
    /// The rows of open runs.
    pub(crate) open_runs: Collection<Document>,
    /// Whether it is a replica set or a sharded cluster, which have transactions and change streams.
    pub(crate) is_replicated: bool,
    pub(crate) address: Address,
    pub(crate) timeout: Duration,
    /// The UUID of the collection of jobs, which a replaced collection does not have.
    pub(crate) collection: Option<Binary>,
    calls: Arc<Calls>,
}

impl Connection {
    /// Connects. Creates nothing.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let (address, timeout) = (config.address.clone(), config.timeout);
        let runtime = runtime()?;
        let config_of_driver = config.clone();
        let opening = async move {
            let mut client = ClientOptions::parse(&config_of_driver.url).await?;
            config_of_driver.apply(&mut client);
            let client = Client::with_options(client)?;
            let hello = client.database("admin").run_command(doc! {"hello": 1}).await?;
            Ok((client, hello))
        };
        let calls = Arc::default();
        let (client, hello) = run(runtime, &calls, timeout, &address, opening)?
            .map_err(|error: DriverError| address.explain(&error))?;
        let is_replicated = hello.get_str("setName").is_ok()
            || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid");
        let database = client.database(config.database());
        let jobs = database.collection(config.collection());
        let beside = |suffix| database.collection(&format!("{}{suffix}", config.collection()));
        let [runs, owners, open_runs] = [RUNS_SUFFIX, OWNERS_SUFFIX, OPEN_RUNS_SUFFIX].map(beside);
        let collection = None;
        Ok(Self {
            runtime,
            client,
            database,
            jobs,
            runs,
            owners,
            open_runs,
            is_replicated,
            address,
            timeout,
            collection,
            calls,
        })
    }

    /// Returns the UUID of the collection of jobs, or `None` if there is none or this user may not ask.
    pub(crate) fn current_collection(&self) -> Result<Option<Binary>> {
        let (database, name) = (self.database.clone(), self.jobs.name().to_owned());
        let asked = self.try_run(async move {
            let mut found = database.list_collections().filter(doc! {"name": name}).await?;
            let is_found = found.advance().await?;
            if !is_found {
                return Ok(None);
            }
            // If the server does not return it, all collections have the same.
            let uuid = found.deserialize_current()?.info.uuid;
            Ok(Some(uuid.unwrap_or(Binary { subtype: BinarySubtype::Uuid, bytes: Vec::new() })))
        })?;
        match asked {
            Err(error) if code(&error) == Some(UNAUTHORIZED) => Ok(None),
            asked => asked.map_err(|error| self.address.explain(&error)),
        }
    }

    /// Interrupts all calls, and refuses new ones.
    pub(crate) fn interrupt(&self) {
        self.calls.interrupt();
    }

    /// Runs a call of the driver, with the timeout of the options.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = mongodb::error::Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.try_run(call)?.map_err(|error| self.address.explain(&error))
    }

    /// Runs a call as [`run`](Self::run) does, and returns the driver's own error.
    pub(crate) fn try_run<T: Send + 'static>(
        &self,
        call: impl Future<Output = mongodb::error::Result<T>> + Send + 'static,
    ) -> Result<Result<T, DriverError>> {
        run(self.runtime, &self.calls, self.timeout, &self.address, call)
    }

    /// Runs a task in the background.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.spawn(task).abort_handle()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // In the background: the caller may not be allowed to block.
        self.runtime.spawn(self.client.clone().shutdown().immediate(true).into_future());
    }
}

/// Returns the runtime of the driver. It keeps running when a store is shut down, because the driver still cleans up.
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
                .with_plugin(STORE_NAME)
                .with_source(error)
        })?;
    if let Err(late) = RUNTIME.set(built) {
        late.shutdown_background();
    }
    Ok(RUNTIME.wait())
}

/// Runs a call in a thread of the runtime, so that the caller may wait for it even in a thread of another runtime.
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
        // The receiver waits until this.
        let _ = sender.send(answer);
    });
    let Some(_call) = calls.begin(task.abort_handle()) else {
        task.abort();
        return Err(shut_down());
    };
    match receiver.recv() {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(address.no_answer()),
        Err(_) if calls.are_interrupted() => Err(shut_down()),
        Err(_) => Err(Error::new(ErrorKind::Other, "the driver panicked").with_plugin(STORE_NAME)),
    }
}

fn shut_down() -> Error {
    store::shut_down().with_plugin(STORE_NAME)
}

/// The calls in progress, so that a shutdown can interrupt them.
#[derive(Default)]
struct Calls(Mutex<CallsState>);

#[derive(Default)]
struct CallsState {
    in_progress: HashMap<u64, AbortHandle>,
    last: u64,
    are_interrupted: bool,
}

/// Keeps a call registered until it is dropped.
struct Call {
    calls: Arc<Calls>,
    number: u64,
}

impl Calls {
    /// Registers a call. Returns `None` after [`interrupt`](Self::interrupt).
    fn begin(self: &Arc<Self>, task: AbortHandle) -> Option<Call> {
        let mut state = self.state();
        if state.are_interrupted {
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.in_progress.insert(number, task);
        Some(Call { calls: Arc::clone(self), number })
    }

    fn interrupt(&self) {
        let mut state = self.state();
        state.are_interrupted = true;
        state.in_progress.drain().for_each(|(_, task)| task.abort());
    }

    fn are_interrupted(&self) -> bool {
        self.state().are_interrupted
    }

    fn state(&self) -> MutexGuard<'_, CallsState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.state().in_progress.remove(&self.number);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}
