//! Finds the processes of a tree in `/proc`, and signals them. Where `/proc` is not mounted, a tree is a process group.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, kill_process, kill_process_group, pidfd_open,
    pidfd_send_signal, test_kill_process_group,
};

use super::marker::{KEEPER, TreeId, VARIABLE};

/// Identifies a process uniquely: ids alone are reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity {
    pid: Pid,
    /// The start time, in clock ticks since the boot.
    start: u64,
}

/// The state of a process when it was read.
#[derive(Debug)]
struct Process {
    identity: Identity,
    parent: i32,
    group: i32,
    /// It has exited, but has not been reaped.
    exited: bool,
    /// The value of the variable.
    marker: OnceCell<Option<Vec<u8>>>,
}

/// All processes.
#[derive(Debug)]
pub(super) struct Snapshot(Vec<Process>);

impl Snapshot {
    pub(super) fn take() -> Self {
        let processes = match fs::read_dir("/proc") {
            Ok(entries) => entries
                .filter_map(|entry| {
                    let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
                    Process::read(Pid::from_raw(pid)?)
                })
                .collect(),
            Err(error) => {
                tracing::warn!("can't look for the processes of a job in /proc: {error}");
                Vec::new()
            }
        };
        Self(processes)
    }

    /// Returns whether `/proc` shows no processes: this one should always be there.
    fn is_unavailable(&self) -> bool {
        let ours = getpid();
        !self.0.iter().any(|process| process.identity.pid == ours)
    }
}

impl Process {
    /// Returns `None` if it does not exist.
    fn read(pid: Pid) -> Option<Self> {
        let stat = fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        // The name of the program is in parentheses, and may contain some.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let threads: u32 = fields.get(17)?.parse().ok()?;
        Some(Self {
            identity: Identity { pid, start: fields.get(19)?.parse().ok()? },
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            // A main thread may end before the others.
            exited: matches!(*fields.first()?, "Z" | "X") && threads <= 1,
            marker: OnceCell::new(),
        })
    }

    fn marker(&self) -> Option<&[u8]> {
        let read = || {
            // Processes of other users can't be read.
            let environment =
                fs::read(format!("/proc/{}/environ", self.identity.pid.as_raw_nonzero())).ok()?;
            environment.split(|byte| *byte == 0).find_map(|variable| {
                variable.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec)
            })
        };
        self.marker.get_or_init(read).as_deref()
    }

    fn is_keeper(&self) -> bool {
        self.marker() == Some(KEEPER.as_bytes())
    }

    fn signal(&self, signal: Signal) {
        let pid = self.identity.pid;
        let sent = match pidfd_open(pid, PidfdFlags::empty()) {
            // From here on, the descriptor refers to the process that has the id now.
            Ok(process) if self.is_still_there() => pidfd_send_signal(process, signal),
            Ok(_) => return,
            // Linux before 5.3, or a sandbox.
            Err(Errno::NOSYS | Errno::PERM) if self.is_still_there() => kill_process(pid, signal),
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => tracing::debug!("can't signal the process {pid:?}: {error}"),
        }
    }

    fn is_still_there(&self) -> bool {
        Self::read(self.identity.pid).is_some_and(|now| now.identity == self.identity)
    }
}

/// Finds the processes of a tree.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The process group of the tree.
    group: Option<Pid>,
    /// The first process of the tree.
    leader: Option<Identity>,
    /// The processes found before: they may lose their parent, group and environment later.
    known: HashSet<Identity>,
    /// The processes that got TERM, if it was sent.
    told: Option<HashSet<Identity>>,
}

impl Search {
    /// Sets the first process of the tree, which was just started.
    pub(super) fn begin(&mut self, child: &Child) {
        let pid = Pid::from_child(child);
        self.group = Some(pid);
        self.leader = Process::read(pid).map(|process| process.identity);
    }

    /// Returns the process group of the tree.
    pub(super) fn group(&self) -> Option<i32> {
        self.group.map(|group| group.as_raw_nonzero().get())
    }

    /// Returns the living processes of the tree.
    fn members<'a>(&mut self, id: &TreeId, snapshot: &'a Snapshot) -> Vec<&'a Process> {
        // While the first process exists, even as a zombie, the group id is not reused.
        let group = self
            .leader
            .filter(|leader| snapshot.0.iter().any(|process| process.identity == *leader))
            .and(self.group());
        let since = self.leader.map_or(0, |leader| leader.start);
        let ours = getpid();
        let mut found: HashSet<i32> = HashSet::new();
        let mut members = Vec::new();
        let mut others: Vec<&Process> = Vec::new();
        for process in &snapshot.0 {
            let Identity { pid, start } = process.identity;
            if pid == ours || process.exited {
                continue;
            }
            let belongs = self.known.contains(&process.identity)
                || group == Some(process.group)
                || self.leader == Some(process.identity)
                || (start >= since
                    && process.marker().is_some_and(|marker| id.grace_in(marker).is_some()));
            if belongs {
                found.insert(pid.as_raw_nonzero().get());
                members.push(process);
            } else {
                others.push(process);
            }
        }
        // Adds children of children, until there are no more.
        loop {
            let before = members.len();
            others.retain(|process| {
                let belongs = found.contains(&process.parent) && !process.is_keeper();
                if belongs {
                    found.insert(process.identity.pid.as_raw_nonzero().get());
                    members.push(process);
                }
                !belongs
            });
            if members.len() == before {
                break;
            }
        }
        self.known = members.iter().map(|process| process.identity).collect();
        members
    }

    pub(super) fn is_empty(&mut self, id: &TreeId, snapshot: &Snapshot) -> bool {
        if snapshot.is_unavailable() {
            return self.group.is_none_or(|group| test_kill_process_group(group).is_err());
        }
        let members = self.members(id, snapshot);
        self.terminate_late_starters(&members);
        members.is_empty()
    }

    /// Sends TERM to processes that were being started when the others got it. Processes that a living process of the
    /// tree starts later get none: they may be part of its cleanup.
    fn terminate_late_starters(&mut self, members: &[&Process]) {
        let Some(told) = &mut self.told else { return };
        let pids: HashSet<i32> =
            members.iter().map(|process| process.identity.pid.as_raw_nonzero().get()).collect();
        for process in members {
            if !pids.contains(&process.parent) && told.insert(process.identity) {
                process.signal(Signal::TERM);
            }
        }
    }

    /// Returns the longest grace period in the markers of the tree's processes; `None` if there is no process.
    pub(super) fn grace(&mut self, id: &TreeId, snapshot: &Snapshot) -> Option<Duration> {
        let members = self.members(id, snapshot);
        let grace = |process: &&Process| process.marker().and_then(|marker| id.grace_in(marker));
        members.iter().map(|process| grace(process).unwrap_or_default()).max()
    }

    pub(super) fn terminate(&mut self, id: &TreeId, snapshot: &Snapshot) {
        if snapshot.is_unavailable() {
            return self.signal_group(Signal::TERM);
        }
        let members = self.members(id, snapshot);
        let group = self.group();
        let in_group = |process: &&Process| group == Some(process.group);
        // All at once, so that no process started in this moment is missed.
        if members.iter().any(in_group) {
            self.signal_group(Signal::TERM);
        }
        for process in members.iter().filter(|process| !in_group(process)) {
            process.signal(Signal::TERM);
        }
        self.told = Some(members.iter().map(|process| process.identity).collect());
    }

    pub(super) fn kill(&mut self, id: &TreeId, snapshot: &Snapshot) {
        if snapshot.is_unavailable() {
            return self.signal_group(Signal::KILL);
        }
        for process in self.members(id, snapshot) {
            process.signal(Signal::KILL);
        }
    }

    fn signal_group(&self, signal: Signal) {
        match self.group.map(|group| kill_process_group(group, signal)) {
            None | Some(Ok(()) | Err(Errno::SRCH)) => {}
            Some(Err(error)) => {
                tracing::debug!("can't signal the process group {:?}: {error}", self.group);
            }
        }
    }

    /// Describes the remaining processes, for the log.
    pub(super) fn describe(&mut self, id: &TreeId, snapshot: &Snapshot) -> String {
        let pids: Vec<String> = self
            .members(id, snapshot)
            .iter()
            .map(|process| process.identity.pid.as_raw_nonzero().to_string())
            .collect();
        pids.join(", ")
    }
}
