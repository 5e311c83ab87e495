//! Nonblocking output: a stalled reader does not delay jobs.
//!
//! It differs from tracing-appender in three ways. While the reader keeps up, a line is written when `write` returns, so the
//! log has the last lines of a job that crashes the process. The output says where lines were dropped, and how many. And
//! the event stream uses it too.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

/// How long a write waits for the reader. After that, writes don't wait until the queue is empty again.
const PATIENCE: Duration = Duration::from_millis(100);

/// The size in bytes that a dropped-lines notice counts as.
const NOTICE_SIZE: usize = 64;

/// All outlets, for `flush_all`.
static OUTLETS: Mutex<Vec<Outlet>> = Mutex::new(Vec::new());

/// Writes a whole line and handles its own errors.
pub(crate) type Sink = Box<dyn FnMut(&[u8]) + Send>;

/// Returns the line that replaces this number of dropped lines.
pub(crate) type DroppedNotice = Box<dyn FnMut(u64) -> Vec<u8> + Send>;

/// Takes whole lines without blocking the writer for long. Clones share one queue.
#[derive(Clone)]
pub(crate) struct Outlet(Arc<Inner>);

enum Inner {
    /// A regular file, whose writes do not wait for a reader.
    Direct(Mutex<Sink>),
    Queued(Queue),
}

struct Queue {
    state: Mutex<State>,
    /// The most bytes that are queued.
    limit: usize,
    line_queued: Condvar,
    line_written: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    /// How many items were ever queued.
    queued: u64,
    /// How many of them were written.
    written: u64,
    /// The reader does not keep up, so writers don't wait for it.
    stalled: bool,
}

enum Item {
    Line(Vec<u8>),
    /// This number of lines was dropped here.
    Dropped(u64),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlet {
    /// An outlet to a file of any kind. Queues up to `limit` bytes for a stalled reader. Further lines are dropped, and
    /// replaced by `notice`.
    ///
    /// # Errors
    /// If the writer thread can't be started.
    pub(crate) fn new(
        file: &File,
        name: &str,
        limit: usize,
        sink: Sink,
        notice: DroppedNotice,
    ) -> io::Result<Self> {
        let outlet = if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            Self(Arc::new(Inner::Direct(Mutex::new(sink))))
        } else {
            Self::queued(name, limit, sink, notice)?
        };
        lock(&OUTLETS).push(outlet.clone());
        Ok(outlet)
    }

    fn queued(name: &str, limit: usize, sink: Sink, notice: DroppedNotice) -> io::Result<Self> {
        let queue = Queue {
            state: Mutex::default(),
            limit,
            line_queued: Condvar::new(),
            line_written: Condvar::new(),
        };
        let outlet = Self(Arc::new(Inner::Queued(queue)));
        let reader = outlet.clone();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            if let Inner::Queued(queue) = &*reader.0 {
                queue.write_out(sink, notice);
            }
        })?;
        Ok(outlet)
    }

    /// Writes a line.
    pub(crate) fn write(&self, line: Vec<u8>) {
        self.write_with(|| line);
    }

    /// Writes the line that `make` returns. It is called under the lock, so timestamps in lines are in order.
    pub(crate) fn write_with(&self, make: impl FnOnce() -> Vec<u8>) {
        match &*self.0 {
            Inner::Direct(sink) => {
                let mut sink = lock(sink);
                sink(&make());
            }
            Inner::Queued(queue) => queue.put(make),
        }
    }

    /// Waits until all lines are written, or until the deadline.
    fn flush(&self, deadline: Instant) {
        let Inner::Queued(queue) = &*self.0 else { return };
        let mut state = lock(&queue.state);
        while state.written < state.queued {
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return;
            }
            state = queue
                .line_written
                .wait_timeout(state, rest)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Waits until all queued lines are written, for `limit` at most.
pub(crate) fn flush_all(limit: Duration) {
    let deadline = Instant::now() + limit;
    let outlets = lock(&OUTLETS).clone();
    for outlet in outlets {
        outlet.flush(deadline);
    }
}

impl Queue {
    fn put(&self, make: impl FnOnce() -> Vec<u8>) {
        let mut state = lock(&self.state);
        let line = make();
        if state.bytes + line.len() > self.limit && !state.items.is_empty() {
            if let Some(Item::Dropped(count)) = state.items.back_mut() {
                *count += 1;
            } else {
                state.push(Item::Dropped(1));
                self.line_queued.notify_one();
            }
            return;
        }
        state.push(Item::Line(line));
        self.line_queued.notify_one();
        let number = state.queued;
        let (mut state, _) = self
            .line_written
            .wait_timeout_while(state, PATIENCE, |state| state.written < number && !state.stalled)
            .unwrap_or_else(PoisonError::into_inner);
        if state.written < number && !state.stalled {
            state.stalled = true;
            self.line_written.notify_all();
        }
    }

    fn write_out(&self, mut sink: Sink, mut notice: DroppedNotice) {
        let mut state = lock(&self.state);
        loop {
            let Some(item) = state.items.pop_front() else {
                state.stalled = false;
                state = self.line_queued.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.bytes -= item.size();
            drop(state);
            match item {
                Item::Line(line) => sink(&line),
                Item::Dropped(count) => sink(&notice(count)),
            }
            state = lock(&self.state);
            state.written += 1;
            self.line_written.notify_all();
        }
    }
}

impl State {
    fn push(&mut self, item: Item) {
        self.bytes += item.size();
        self.queued += 1;
        self.items.push_back(item);
    }
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Line(line) => line.len(),
            Self::Dropped(_) => NOTICE_SIZE,
        }
    }
}

/// Writes all bytes, even if another program has made the shared file description non-blocking.
///
/// # Errors
/// How many bytes were written, and the cause.
pub(crate) fn write_all(mut file: &File, mut bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let total = bytes.len();
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err((total - bytes.len(), io::ErrorKind::WriteZero.into())),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut fds = [PollFd::new(&file, PollFlags::OUT)];
                // The next write returns the error.
                let _ = poll(&mut fds, None);
            }
            Err(error) => return Err((total - bytes.len(), error)),
        }
    }
    Ok(())
}

/// Duplicates a descriptor as a file.
pub(crate) fn file_of(descriptor: impl AsFd) -> io::Result<File> {
    Ok(File::from(descriptor.as_fd().try_clone_to_owned()?))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    /// An outlet that writes a line for each message from the sender, or at once after the sender was dropped.
    fn outlet(limit: usize) -> (Outlet, Sender<()>, Receiver<String>) {
        let (let_go, gate) = mpsc::channel::<()>();
        let (sender, lines) = mpsc::channel();
        let sink = Box::new(move |line: &[u8]| {
            let _ = gate.recv();
            let _ = sender.send(String::from_utf8_lossy(line).into_owned());
        });
        let notice = Box::new(|count| format!("{count} dropped").into_bytes());
        (Outlet::queued("test", limit, sink, notice).unwrap(), let_go, lines)
    }

    #[test]
    fn a_line_is_written_when_write_returns() {
        let (outlet, open, lines) = outlet(1000);
        drop(open);
        for number in 0..1000 {
            outlet.write(number.to_string().into_bytes());
            assert_eq!(lines.try_recv().unwrap(), number.to_string());
        }
    }

    #[test]
    fn a_stalled_reader_delays_one_write_and_gets_a_notice_of_dropped_lines() {
        let (outlet, gate, lines) = outlet(100);
        let begun = Instant::now();
        for number in 0..1_000_000 {
            outlet.write(format!("line {number:04}").into_bytes());
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        drop(gate);
        outlet.flush(Instant::now() + Duration::from_secs(20));
        outlet.write(b"afterwards".to_vec());
        outlet.flush(Instant::now() + Duration::from_secs(20));
        let lines: Vec<String> = lines.try_iter().collect();
        // One is being written, eleven wait.
        assert_eq!(lines[..2], ["line 0000", "line 0001"]);
        assert_eq!(lines[lines.len() - 2..], ["999988 dropped", "afterwards"], "{lines:?}");
        assert_eq!(lines.len(), 14);
    }

    #[test]
    fn flush_returns_at_its_deadline() {
        let (outlet, _gate, _lines) = outlet(1000);
        outlet.write(b"never read".to_vec());
        let begun = Instant::now();
        outlet.flush(begun + Duration::from_millis(20));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
