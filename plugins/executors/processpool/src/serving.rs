//! The work of a worker process.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::executor::CancellationToken;
use apscheduler_core::function::{JobContext, JobError, JobResult};
use apscheduler_core::registry::Registry;
use apscheduler_core::{Extensions, Result};
use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group, kill_process};
use tracing::level_filters::LevelFilter;

use crate::argument::ARGUMENT;
use crate::frames::{self, Frames};
use crate::message::{FromWorker, PROTOCOL, RELEASE, RunMessage, ToWorker};
use crate::parent::Parent;

/// The exit status of a worker that was not started by a pool: `EX_USAGE`.
const NOT_STARTED_BY_A_POOL: i32 = 64;
/// The exit status of a worker that could not be set up: `EX_UNAVAILABLE`.
const NOT_SET_UP: i32 = 69;

/// Executes runs until the scheduler sends that there are no more, and exits.
pub(crate) fn serve(
    registry: impl FnOnce() -> Registry,
    set_up: impl FnOnce(&Registry, &Extensions) -> Result<()>,
) -> ! {
    let socket = match take_socket() {
        Ok(socket) => Arc::new(socket),
        Err(error) => {
            eprintln!("{ARGUMENT} is for worker processes, which a process pool starts: {error}");
            std::process::exit(NOT_STARTED_BY_A_POOL);
        }
    };
    set_name();
    let cancellation = Arc::new(Mutex::default());
    let (sender, orders) = channel();
    let reader = {
        let (socket, cancellation) = (Arc::clone(&socket), Arc::clone(&cancellation));
        // Started before the set-up, which may take long, so that the end of the scheduler is noticed meanwhile.
        move || read(&socket, sender, &cancellation)
    };
    let mut scheduler = Answers { socket: &socket, frame: Vec::new() };
    if let Err(error) =
        std::thread::Builder::new().name("apscheduler-orders".to_owned()).spawn(reader)
    {
        scheduler.tell(&FromWorker::NotReady { reason: format!("can't start a thread: {error}") });
        std::process::exit(NOT_SET_UP);
    }
    match make(registry, set_up) {
        Ok((registry, states)) => {
            let logs = LevelFilter::current() != LevelFilter::OFF;
            scheduler.tell(&FromWorker::Ready {
                protocol: PROTOCOL,
                release: RELEASE.to_owned(),
                logs,
            });
            let worker = Worker { registry, states, cancellation: &cancellation };
            worker.work(&orders, &mut scheduler);
            std::process::exit(0);
        }
        Err(reason) => {
            scheduler.tell(&FromWorker::NotReady { reason });
            std::process::exit(NOT_SET_UP);
        }
    }
}

/// Takes the socket from standard input, which is empty from then on for jobs and for the programs that they start.
fn take_socket() -> io::Result<UnixStream> {
    let stdin = io::stdin();
    let socket = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(&stdin, 3)?);
    // Fails if it is not a socket.
    socket.peer_addr()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(socket)
}

/// Sets the process name to that of the program: Linux has named it `exe`, after the link that it was started by.
#[cfg(target_os = "linux")]
fn set_name() {
    use std::os::unix::ffi::OsStrExt as _;

    let program = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&program).file_name().unwrap_or_default();
    if let Ok(name) = std::ffi::CString::new(name.as_bytes()) {
        // Only for people who list processes.
        let _ = rustix::thread::set_name(&name);
    }
}

#[cfg(not(target_os = "linux"))]
fn set_name() {}

fn make(
    registry: impl FnOnce() -> Registry,
    set_up: impl FnOnce(&Registry, &Extensions) -> Result<()>,
) -> Result<(Registry, Extensions), String> {
    let made = catch_unwind(AssertUnwindSafe(|| {
        let (registry, states) = (registry(), Extensions::default());
        set_up(&registry, &states).map(|()| (registry, states))
    }));
    match made {
        Ok(made) => made.map_err(|error| error.chain()),
        Err(payload) => Err(JobError::from_panic(&*payload).to_string()),
    }
}

/// A run, or the reason why it can't be read. The channel is closed when no more will come.
type Order = Result<RunMessage<'static>, String>;

/// Reads the messages of the scheduler, also while jobs run.
fn read(socket: &UnixStream, orders: Sender<Order>, cancellation: &Mutex<Cancellation>) -> ! {
    let mut orders = Some(orders);
    let mut frames = Frames::default();
    let parent = Parent::of(socket);
    loop {
        let message = match frames.next() {
            Ok(Some(frame)) => serde_json::from_slice(frame),
            Ok(None) => {
                if !parent.wait(socket).unwrap_or(false) {
                    die();
                }
                match frames.read(socket) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) | Err(_) => die(),
                    Ok(_) => continue,
                }
            }
            Err(_) => die(),
        };
        let order = match message {
            Ok(ToWorker::Run(run)) => {
                // What was cancelled before is another run, which has ended.
                lock(cancellation).cancelled = false;
                Ok(*run)
            }
            Ok(ToWorker::Cancel) => {
                lock(cancellation).cancel();
                continue;
            }
            Ok(ToWorker::Quit) => {
                orders = None;
                continue;
            }
            Err(error) => Err(error.to_string()),
        };
        if let Some(orders) = &orders {
            // Without a receiver the process is about to exit.
            let _ = orders.send(order);
        }
    }
}

/// Kills this process and the processes that its jobs have started: the scheduler's process has ended.
fn die() -> ! {
    if getpgrp() == getpid() {
        let _ = kill_current_process_group(Signal::KILL);
    }
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}

/// The token of the job that runs.
#[derive(Debug, Default)]
struct Cancellation {
    token: CancellationToken,
    cancelled: bool,
}

impl Cancellation {
    fn cancel(&mut self) {
        self.cancelled = true;
        self.token.cancel();
    }

    fn begin(&mut self) -> CancellationToken {
        self.token = CancellationToken::new();
        if self.cancelled {
            self.token.cancel();
        }
        self.token.clone()
    }
}

fn lock(cancellation: &Mutex<Cancellation>) -> MutexGuard<'_, Cancellation> {
    cancellation.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The way back to the scheduler.
struct Answers<'a> {
    socket: &'a UnixStream,
    frame: Vec<u8>,
}

impl Answers<'_> {
    fn tell(&mut self, message: &FromWorker) {
        if let Err(reason) = frames::encode(message, &mut self.frame) {
            let error = JobError::new(format!(
                "the return value can't be sent by the worker process: {reason}"
            ));
            // A message this short always can.
            let _ = frames::encode(&FromWorker::from(Err(error)), &mut self.frame);
        }
        if self.socket.write_all(&self.frame).is_err() {
            die();
        }
    }
}

struct Worker<'a> {
    registry: Registry,
    states: Extensions,
    cancellation: &'a Mutex<Cancellation>,
}

impl Worker<'_> {
    fn work(&self, orders: &Receiver<Order>, scheduler: &mut Answers<'_>) {
        for order in orders {
            let result = match order {
                Ok(run) => self.run(run),
                Err(reason) => Err(JobError::new(format!(
                    "the job can't be read in its worker process: {reason}"
                ))),
            };
            // The output of the job is flushed before its end is reported. If nobody reads it, that is not an error of
            // the job.
            let _ = io::stdout().flush();
            scheduler.tell(&result.into());
        }
    }

    fn run(&self, run: RunMessage<'_>) -> JobResult {
        let function = self.registry.function(&run.func).map_err(|error| {
            JobError::new(format!(
                "in a worker process {error}; functions that `main` registers have to be registered in workers too, in \
                 `apscheduler::init_worker_with(...)`"
            ))
        })?;
        let (arguments, parts) = run.unpack()?;
        let context =
            JobContext::in_worker(parts, self.states.clone(), lock(self.cancellation).begin());
        function.call(&context, &arguments)
    }
}
