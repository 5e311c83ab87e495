//! What happens in the simulated world.

/// The number of a process, in the order of their starts.
pub(super) type ProcessId = usize;

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A process starts on a node.
    Start { node: usize },
    /// The event loop of a process makes a turn.
    Turn { process: ProcessId, number: u64 },
    /// A run of a process begins or ends.
    Run { process: ProcessId, run: u64 },
    /// The scheduler of a process is shut down.
    ShutDown { process: ProcessId, wait: bool },
    /// A job is added, by any node.
    Add { job: usize },
    /// A user asks any node for something about a job.
    Ask { job: usize, wish: usize },
    /// A user resumes a job on any node, if it is paused.
    Resume { job: usize },
    /// A fault begins.
    Fault(usize),
    /// All faults end.
    Heal,
}

impl Event {
    /// Returns the process that the event concerns.
    pub(super) fn process(self) -> Option<ProcessId> {
        match self {
            Self::Turn { process, .. }
            | Self::Run { process, .. }
            | Self::ShutDown { process, .. } => Some(process),
            _ => None,
        }
    }
}
