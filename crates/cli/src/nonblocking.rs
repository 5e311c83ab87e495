//! Output that holds nobody up: a reader that stops reading stops no job.
//!
//! The crate tracing-appender has such a writer. This one differs in three ways that a scheduler needs: a line is out when
//! `write` returns, as long as its reader keeps up, so that a job that crashes its process has its last lines in the log;
//! the output itself says where lines are missing, and how many; and it serves the event stream too.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

/// How long a line waits for its reader. After that, lines are queued without waiting until the queue is empty.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the mark of missing lines counts as in the queue.
const MARK: usize = 64;

/// All outlets, to be flushed at the end.
static OUTLETS: Mutex<Vec<Outlet>> = Mutex::new(Vec::new());

/// Takes a line, to its end. Errors are its own concern.
pub(crate) type Sink = Box<dyn FnMut(&[u8]) + Send>;

/// Makes the line that says how many lines are missing.
pub(crate) type Note = Box<dyn FnMut(u64) -> Vec<u8> + Send>;

/// Takes whole lines, and never holds their writer up for long.
#[derive(Clone)]
pub(crate) struct Outlet(Arc<Inner>);

enum Inner {
    /// Nobody has to read it: a regular file.
    Direct(Mutex<Sink>),
    Queued(Queue),
}

struct Queue {
    state: Mutex<State>,
    /// No more bytes than that wait.
    limit: usize,
    filled: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    /// How many items were put into the queue since the start.
    taken: u64,
    /// How many of them are written.
    done: u64,
    /// The reader does not read: nobody waits for it.
    stalled: bool,
}

enum Item {
    Line(Vec<u8>),
    /// Here so many lines are missing.
    Missing(u64),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlet {
    /// An outlet to a file of any kind. A reader that stalls is left up to `limit` bytes behind; what comes then is dropped
    /// and counted, and `note` tells the reader of it.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub(crate) fn new(
        file: &File,
        name: &str,
        limit: usize,
        sink: Sink,
        note: Note,
    ) -> io::Result<Self> {
        let outlet = if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            Self(Arc::new(Inner::Direct(Mutex::new(sink))))
        } else {
            Self::queued(name, limit, sink, note)?
        };
        lock(&OUTLETS).push(outlet.clone());
        Ok(outlet)
    }

    fn queued(name: &str, limit: usize, sink: Sink, note: Note) -> io::Result<Self> {
        let queue = Queue {
            state: Mutex::default(),
            limit,
            filled: Condvar::new(),
            written: Condvar::new(),
        };
        let outlet = Self(Arc::new(Inner::Queued(queue)));
        let reader = outlet.clone();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            if let Inner::Queued(queue) = &*reader.0 {
                queue.write_out(sink, note);
            }
        })?;
        Ok(outlet)
    }

    /// Writes a line.
    pub(crate) fn write(&self, line: Vec<u8>) {
        self.write_with(|| line);
    }

    /// Writes the line that `make` makes: in the order of the lines, so that times in them never go back.
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
        while state.done < state.taken {
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return;
            }
            state =
                queue.written.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Waits until all that was written is out, but no longer than that: a reader that stalls loses the rest.
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
            if let Some(Item::Missing(count)) = state.items.back_mut() {
                *count += 1;
            } else {
                state.push(Item::Missing(1));
                self.filled.notify_one();
            }
            return;
        }
        state.push(Item::Line(line));
        self.filled.notify_one();
        let number = state.taken;
        let (mut state, _) = self
            .written
            .wait_timeout_while(state, PATIENCE, |state| state.done < number && !state.stalled)
            .unwrap_or_else(PoisonError::into_inner);
        if state.done < number && !state.stalled {
            state.stalled = true;
            self.written.notify_all();
        }
    }

    fn write_out(&self, mut sink: Sink, mut note: Note) {
        let mut state = lock(&self.state);
        loop {
            let Some(item) = state.items.pop_front() else {
                state.stalled = false;
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.bytes -= item.size();
            drop(state);
            match item {
                Item::Line(line) => sink(&line),
                Item::Missing(count) => sink(&note(count)),
            }
            state = lock(&self.state);
            state.done += 1;
            self.written.notify_all();
        }
    }
}

impl State {
    fn push(&mut self, item: Item) {
        self.bytes += item.size();
        self.taken += 1;
        self.items.push_back(item);
    }
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Line(line) => line.len(),
            Self::Missing(_) => MARK,
        }
    }
}

/// Writes all bytes, also where another program has made the file non-blocking for everybody who has it.
pub(crate) fn write_all(mut file: &File, mut bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let total = bytes.len();
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err((total - bytes.len(), io::ErrorKind::WriteZero.into())),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut fds = [PollFd::new(&file, PollFlags::OUT)];
                // An error of the file shows in the next write.
                let _ = poll(&mut fds, None);
            }
            Err(error) => return Err((total - bytes.len(), error)),
        }
    }
    Ok(())
}

/// A file for a descriptor of this process that stays as it is.
pub(crate) fn file_of(descriptor: impl AsFd) -> io::Result<File> {
    Ok(File::from(descriptor.as_fd().try_clone_to_owned()?))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    /// An outlet whose reader takes a line when the sender lets it.
    fn outlet(limit: usize) -> (Outlet, Sender<()>, Receiver<String>) {
        let (let_go, gate) = mpsc::channel::<()>();
        let (sender, lines) = mpsc::channel();
        let sink = Box::new(move |line: &[u8]| {
            // Without a sender the gate is open.
            let _ = gate.recv();
            let _ = sender.send(String::from_utf8_lossy(line).into_owned());
        });
        let note = Box::new(|count| format!("{count} missing").into_bytes());
        (Outlet::queued("test", limit, sink, note).unwrap(), let_go, lines)
    }

    #[test]
    fn a_line_is_out_when_it_is_written() {
        let (outlet, open, lines) = outlet(1000);
        drop(open);
        for number in 0..1000 {
            outlet.write(number.to_string().into_bytes());
            assert_eq!(lines.try_recv().unwrap(), number.to_string());
        }
    }

    #[test]
    fn a_reader_that_stalls_holds_up_one_line_for_a_moment_and_is_told_what_it_missed() {
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
        assert_eq!(lines[lines.len() - 2..], ["999988 missing", "afterwards"], "{lines:?}");
        assert_eq!(lines.len(), 14);
    }

    #[test]
    fn a_flush_has_an_end() {
        let (outlet, _gate, _lines) = outlet(1000);
        outlet.write(b"never read".to_vec());
        let begun = Instant::now();
        outlet.flush(begun + Duration::from_millis(20));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
