//! A worker process, on the side of the scheduler.
//!
//! Only the thread that owns it talks to it, signals it and reaps it, so its id can't belong to another process.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use apscheduler_core::executor::{CancellationToken, RunId};
use apscheduler_core::function::{JobError, JobResult};
use apscheduler_plugin_kit::process_tree::{ProcessTree, TreeId, end_together};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::process::Signal;

use crate::frames::{self, Frames};
use crate::hurry::{CANCEL_GRACE, GRACE, Hurry, Patience};
use crate::leader::Leader;
use crate::message::{self, FromWorker, Retrying, ToWorker};
use crate::recall::Recall;
use crate::stop::Stop;
use crate::wait::{self, Woke};

/// How often to check whether the programs of a run have ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// How long an idle worker may take to exit. One that hangs in its exit is killed.
const EXIT_WITHIN: Duration = Duration::from_secs(5);

/// The reason why there is no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The worker died before it had read all of the message, so it did not begin.
    NotBegun,
    /// The worker died, or closed its socket.
    Died,
    /// The run exceeded its timeout.
    TimedOut,
    /// The pool was shut down.
    Stopped,
    /// Somebody has cancelled the run, and it did not end in time.
    Cancelled,
    /// The connection to the worker is broken.
    Broken(String),
}

/// A worker process.
#[derive(Debug)]
pub(crate) struct WorkerProcess {
    leader: Leader,
    /// The worker, and the processes that its jobs start without the function `command`.
    tree: ProcessTree,
    /// The processes that the run starts by the function `command`.
    programs: Option<ProcessTree>,
    socket: UnixStream,
    received: Frames,
    frame: Vec<u8>,
    /// How many runs it was given.
    pub(crate) runs: u32,
}

impl WorkerProcess {
    /// A worker that has been started.
    pub(crate) fn new(leader: Leader, tree: ProcessTree, socket: UnixStream) -> Self {
        Self {
            leader,
            tree,
            programs: None,
            socket,
            received: Frames::default(),
            frame: Vec::new(),
            runs: 0,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.leader.id()
    }

    /// Calls a function in the worker.
    ///
    /// # Errors
    /// The reason why there is no answer. The worker can't be used any more then.
    pub(crate) fn call(
        &mut self,
        message: &ToWorker<'_>,
        (run_id, attempt): (RunId, u32),
        (stop, recall): (&Stop, (&Recall, &CancellationToken)),
        timeout: Option<Duration>,
    ) -> Result<JobResult, Lost> {
        // A deadline that overflows means no deadline.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        if let Err(reason) = frames::encode(message, &mut self.frame) {
            return Ok(Err(JobError::new(format!(
                "the job can't be sent to a worker process: {reason}"
            ))));
        }
        self.runs += 1;
        self.programs = Some(ProcessTree::in_worker(TreeId::of_run(run_id, attempt)));
        self.send(stop, deadline)?;
        let (bell, token) = recall;
        let answer =
            bell.during(token, || self.receive(stop, Some(recall), deadline, Patience::WithJobs))?;
        // Processes that outlive a run that ended by itself may stay.
        self.programs = None;
        match answer {
            FromWorker::Returned(value) => Ok(Ok(value)),
            FromWorker::Failed { message, trace, panic, retry } => {
                Ok(Err(message::failure(message, trace, panic, retry)))
            }
            other => Err(Lost::Broken(format!(
                "the worker process sent an unexpected answer: {other:?}"
            ))),
        }
    }

    /// Sends the frame.
    fn send(&mut self, stop: &Stop, deadline: Option<Instant>) -> Result<(), Lost> {
        let mut sent = 0;
        while sent < self.frame.len() {
            match send_now(&self.socket, &self.frame[sent..]) {
                Ok(part) => sent += part,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let exit = self.leader.exit();
                    let wakers = (Some(stop), wait::NO_STOP);
                    match wait::wait(&self.socket, PollFlags::OUT, exit, wakers, deadline) {
                        Ok(Woke::Socket) => {}
                        Ok(Woke::Exited) => return Err(Lost::NotBegun),
                        Ok(Woke::Stopped | Woke::Recalled) => return Err(Lost::Stopped),
                        Ok(Woke::Deadline) => return Err(Lost::TimedOut),
                        Err(error) => return Err(broken(&error)),
                    }
                }
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(Lost::NotBegun),
                Err(error) => return Err(broken(&error.into())),
            }
        }
        Ok(())
    }

    /// Waits for a message. After a shutdown of the pool, or if somebody cancels the run, the job is cancelled, then gets
    /// TERM, then is given up. A job that
    /// exceeds its timeout is given up at once, unless it has programs: then it is cancelled, so that it ends them, and may
    /// take as long as they do.
    pub(crate) fn receive(
        &mut self,
        stop: &Stop,
        mut recall: Option<(&Recall, &CancellationToken)>,
        mut deadline: Option<Instant>,
        patience: Patience,
    ) -> Result<FromWorker, Lost> {
        let mut hurry = Hurry::None;
        let mut timed_out = false;
        let mut is_cancelled = false;
        let mut had_programs = false;
        loop {
            match self.received.next() {
                Ok(None) => {}
                // The programs have ended, but after the timeout.
                Ok(Some(_)) if timed_out => return Err(Lost::TimedOut),
                Ok(Some(frame)) => return read(frame),
                Err(error) => return Err(broken(&error)),
            }
            let hurried = hurry.until();
            let (stop_or_told, until) = match hurried {
                None => (Some(stop), deadline),
                Some(hurried) => {
                    (None, Some(deadline.map_or(hurried, |deadline| deadline.min(hurried))))
                }
            };
            let died = match hurried {
                _ if timed_out => Lost::TimedOut,
                Some(_) if is_cancelled => Lost::Cancelled,
                Some(_) => Lost::Stopped,
                None => Lost::Died,
            };
            let exit = self.leader.exit();
            let bell = recall.map(|(bell, _)| bell);
            match wait::wait(&self.socket, PollFlags::IN, exit, (stop_or_told, bell), until) {
                Ok(Woke::Socket) => match self.received.read(&self.socket) {
                    Ok(0) => return Err(died),
                    Ok(_) => {}
                    Err(error)
                        if matches!(
                            error.kind(),
                            io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                        ) => {}
                    // Linux reports this when the peer never read something that was sent, perhaps the cancellation.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                        return Err(if hurried.is_some() { died } else { Lost::NotBegun });
                    }
                    Err(error) => return Err(broken(&error)),
                },
                Ok(Woke::Exited) => return Err(died),
                Ok(Woke::Stopped) if patience == Patience::None => return Err(Lost::Stopped),
                Ok(Woke::Stopped) => {
                    self.tell(&ToWorker::Cancel);
                    hurry = Hurry::Asked(Instant::now() + GRACE);
                }
                Ok(Woke::Recalled) => {
                    let Some((bell, token)) = recall else { continue };
                    bell.clear();
                    if token.is_requested() && hurry.until().is_none() {
                        self.tell(&ToWorker::Cancel);
                        hurry = Hurry::Asked(Instant::now() + CANCEL_GRACE);
                        is_cancelled = true;
                    }
                    if hurry.until().is_some() {
                        recall = None;
                    }
                }
                Ok(Woke::Deadline) => {
                    let now = Instant::now();
                    let programs_end =
                        self.programs.as_ref().and_then(ProcessTree::is_asked_to_end);
                    if deadline.is_some_and(|deadline| deadline <= now) {
                        if programs_end.is_none() {
                            return Err(Lost::TimedOut);
                        }
                        (timed_out, had_programs, deadline) = (true, true, None);
                        if hurry.until().is_none() {
                            self.tell(&ToWorker::Cancel);
                        }
                        hurry = Hurry::Asked(now + CHECK_INTERVAL);
                        continue;
                    }
                    hurry = match hurry {
                        Hurry::Asked(_) if programs_end.is_some_and(|end| now < end + GRACE) => {
                            had_programs = true;
                            Hurry::Asked(now + CHECK_INTERVAL)
                        }
                        // The function has noticed their end too, and is about to answer.
                        Hurry::Asked(_) if std::mem::take(&mut had_programs) => {
                            Hurry::Asked(now + GRACE)
                        }
                        Hurry::Asked(_) => {
                            self.leader.signal_group(Signal::TERM);
                            Hurry::Told(now + GRACE)
                        }
                        Hurry::None | Hurry::Told(_) => return Err(died),
                    };
                }
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    /// Sends a short message, if there is room for it. A worker that does not read it is ended by other means.
    fn tell(&mut self, message: &ToWorker<'_>) {
        if frames::encode(message, &mut self.frame).is_ok() {
            let _ = send_now(&self.socket, &self.frame);
        }
    }

    /// Ends an idle worker: waits until it has exited, and kills it if it takes too long or if the pool is shut down
    /// without waiting.
    ///
    /// The end of the socket proves nothing here: a process that outlives its job may hold a copy of it, and a worker that
    /// hangs in its exit may have closed it. Processes that jobs have started stay if the worker exits by itself.
    pub(crate) fn quit(mut self, stop: &Stop) {
        self.tell(&ToWorker::Quit);
        let mut stop = Some(stop);
        let mut deadline = Instant::now() + EXIT_WITHIN;
        loop {
            match self.leader.exit().wait(stop, deadline) {
                Ok(Woke::Exited) => {
                    self.leader.reap();
                    return;
                }
                Ok(Woke::Stopped) => {
                    stop = None;
                    deadline = deadline.min(Instant::now() + GRACE);
                }
                Ok(Woke::Deadline | Woke::Socket | Woke::Recalled) => break,
                Err(error) => {
                    tracing::warn!("can't wait for the worker process {}: {error}", self.id());
                    break;
                }
            }
        }
        tracing::warn!(
            "the worker process {} did not exit when asked to, and is killed",
            self.id()
        );
    }

    /// Reaps a worker that has died, and ends the processes that its job has started. Returns a description of its end, and
    /// whether a signal ended it.
    pub(crate) fn reap_dead(&mut self) -> (String, bool) {
        // A worker may have closed its socket and still live. The status of a dead one does not change.
        self.kill();
        match self.leader.reap() {
            Some(status) => (
                status.to_string(),
                std::os::unix::process::ExitStatusExt::signal(&status).is_some(),
            ),
            None => ("it was killed, and its exit status is unknown".to_owned(), false),
        }
    }

    /// Kills the worker, and ends the processes that its run has started.
    fn kill(&mut self) {
        self.leader.kill();
        let programs = self.programs.take();
        if let Some(programs) = &programs {
            // The function has sent them TERM, or its keeper does when the worker dies.
            programs.is_asked_to_end();
        }
        let trees: Vec<&ProcessTree> = programs.iter().chain(std::iter::once(&self.tree)).collect();
        end_together(&trees);
    }
}

/// Kills the worker and the processes that its jobs have started.
impl Drop for WorkerProcess {
    fn drop(&mut self) {
        if !self.leader.is_reaped() {
            self.kill();
            self.leader.reap();
        }
    }
}

fn read(frame: &[u8]) -> Result<FromWorker, Lost> {
    serde_json::from_slice(frame).or_else(|error| {
        // The returned value may be nested too deeply to be read. The next message can be read again.
        Ok(FromWorker::Failed {
            retry: Retrying::Unsaid,
            message: format!("the answer of the worker process can't be read: {error}"),
            trace: None,
            panic: false,
        })
    })
}

fn broken(error: &io::Error) -> Lost {
    Lost::Broken(format!("can't communicate with the worker process: {error}"))
}

/// A program that has SIGPIPE enabled must survive the death of a worker.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::DONTWAIT;

fn send_now(socket: &UnixStream, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::net::send(socket, bytes, SEND)
}
