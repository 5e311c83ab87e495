//! The faults that are injected into a simulation.

use std::fmt;

use super::random::Random;
use super::time::{Micros, SECOND, Seconds};

/// A fault. Times are simulated, and a node is a place where one scheduler process after another runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Concerns the first such call of the node at or after this time, after `skip` others.
    Call { at: Micros, node: usize, call: Call, skip: u64, trouble: Trouble },
    /// The process is killed, and another one starts after `down`.
    Kill { at: Micros, node: usize, down: Micros },
    /// The process is stopped, and continues later.
    Stop { at: Micros, node: usize, time: Micros },
    /// The machine sleeps: the process is stopped, and its monotonic clock stands still.
    Sleep { at: Micros, node: usize, time: Micros },
    /// The scheduler is shut down, and another process starts after `down`.
    Shutdown { at: Micros, node: usize, wait: bool, down: Micros },
    /// The time of day of the node is set by this many microseconds.
    SetClock { at: Micros, node: usize, by: i64 },
    /// The clock of the store is set.
    SetStoreClock { at: Micros, by: i64 },
    /// The store can't be reached, by one node or by all.
    Outage { at: Micros, node: Option<usize>, time: Micros },
}

/// The calls that a fault may concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Start,
    Add,
    Change,
    Read,
    NextRunTime,
    /// Reads what is due.
    Due,
    /// Writes what was decided.
    Claim,
    /// Asks whether claims in doubt were written.
    FindOut,
    Append,
    Runs,
    Journal,
    Heartbeat,
    End,
    Owners,
    Condemn,
    Prune,
    OpenRuns,
    ClaimOpen,
    NextOpen,
    /// The executor takes a run.
    Submit,
    /// The executor begins a run time.
    Begin,
    /// The executor ends a run time.
    Finish,
}

/// What is wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It fails, and has no effect.
    Fail,
    /// It has its effect, and fails.
    LoseAnswer,
    /// The process is killed before the effect.
    KillBefore { down: Micros },
    /// The process is killed after the effect, before the answer.
    KillAfter { down: Micros },
    /// The whole process waits before the effect.
    DelayBefore { time: Micros },
    /// The whole process waits after the effect.
    DelayAfter { time: Micros },
}

impl Call {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Add => "add_jobs",
            Self::Change => "update_job",
            Self::Read => "lookup_job",
            Self::NextRunTime => "next_run_time",
            Self::Due => "claim_due, which reads",
            Self::Claim => "claim_due, which writes",
            Self::FindOut => "question about claims in doubt",
            Self::Append => "append",
            Self::Runs => "runs",
            Self::Journal => "journal",
            Self::Heartbeat => "heartbeat",
            Self::End => "end",
            Self::Owners => "owners",
            Self::Condemn => "condemn",
            Self::Prune => "prune",
            Self::OpenRuns => "open_runs",
            Self::ClaimOpen => "claim_open",
            Self::NextOpen => "next_open",
            Self::Submit => "submit",
            Self::Begin => "begin",
            Self::Finish => "finish",
        }
    }

    pub(super) const fn is_of_store(self) -> bool {
        !matches!(self, Self::Submit | Self::Begin | Self::Finish)
    }
}

/// The calls of which faults are generated; those that matter most are there more than once.
const TARGETS: [Call; 25] = [
    Call::Claim,
    Call::Claim,
    Call::Claim,
    Call::Claim,
    Call::Append,
    Call::Append,
    Call::Append,
    Call::Append,
    Call::Heartbeat,
    Call::Heartbeat,
    Call::Owners,
    Call::Owners,
    Call::Condemn,
    Call::Condemn,
    Call::Journal,
    Call::Runs,
    Call::NextRunTime,
    Call::Due,
    Call::FindOut,
    Call::Start,
    Call::End,
    Call::Change,
    Call::Submit,
    Call::Begin,
    Call::Finish,
];

/// The calls that concern runs with a row of their own.
const OPEN_TARGETS: [Call; 9] = [
    Call::ClaimOpen,
    Call::ClaimOpen,
    Call::OpenRuns,
    Call::OpenRuns,
    Call::NextOpen,
    Call::Append,
    Call::Append,
    Call::Begin,
    Call::Finish,
];

impl Fault {
    /// Returns a fault of a call that concerns runs with a row of their own.
    pub(super) fn of_open_run(
        random: &mut Random,
        nodes: usize,
        end: Micros,
        lease: Micros,
    ) -> Self {
        let at = random.between(SECOND, end);
        let node = usize::try_from(random.between(0, nodes as u64 - 1)).unwrap_or_default();
        let call = random.pick(&OPEN_TARGETS);
        let skip = if random.once_in(2) { random.between(0, 3) } else { 0 };
        Self::Call { at, node, call, skip, trouble: Trouble::random(random, call, lease) }
    }

    /// Returns faults that let a node be found dead just when it continues: it is stopped for about its lease, and whoever
    /// has noticed that takes its time.
    pub(super) fn late_condemnation(
        random: &mut Random,
        nodes: usize,
        end: Micros,
        lease: Micros,
    ) -> [Self; 2] {
        let at = random.between(SECOND, end);
        let node = usize::try_from(random.between(0, nodes as u64 - 1)).unwrap_or_default();
        let other = (node + 1) % nodes;
        let delay = Trouble::DelayBefore { time: random.between(SECOND / 2, lease) };
        let late = Self::Call { at, node: other, call: Call::Condemn, skip: 0, trouble: delay };
        [Self::Stop { at, node, time: random.between(lease, lease * 3 / 2) }, late]
    }

    /// Returns a fault at a random time before `end`, often soon after the one before, on the same node: what a process
    /// does after a fault happens rarely otherwise. `lease` is that of the schedulers.
    pub(super) fn random(
        random: &mut Random,
        before: Option<&Self>,
        nodes: usize,
        end: Micros,
        lease: Micros,
    ) -> Self {
        let mut at = random.between(SECOND, end);
        let mut node = usize::try_from(random.between(0, nodes as u64 - 1)).unwrap_or_default();
        if let Some(before) = before.filter(|_| !random.once_in(3)) {
            at = end.min(before.at() + random.between(0, 2 * lease));
            node = before.node().filter(|_| !random.once_in(4)).unwrap_or(node);
        }
        let down = random.between(0, 2 * lease);
        match random.between(0, 19) {
            0..=9 => {
                let call = random.pick(&TARGETS);
                // Several calls in a row are one operation, such as the settling of runs.
                let skip = if random.once_in(2) { random.between(0, 3) } else { 0 };
                Self::Call { at, node, call, skip, trouble: Trouble::random(random, call, lease) }
            }
            10..=11 => Self::Kill { at, node, down },
            12..=13 => Self::Stop { at, node, time: pause(random, lease) },
            14 => Self::Sleep { at, node, time: pause(random, lease) },
            15 => Self::Shutdown { at, node, wait: random.once_in(2), down },
            16..=17 => Self::SetClock { at, node, by: step(random) },
            18 => Self::SetStoreClock { at, by: step(random) },
            _ => {
                let node = (!random.once_in(3)).then_some(node);
                Self::Outage { at, node, time: pause(random, lease) }
            }
        }
    }

    /// Returns whether it waits for a call.
    pub(super) fn is_of_call(&self) -> bool {
        matches!(self, Self::Call { .. })
    }

    /// Returns the time from which it may happen.
    pub(super) fn at(&self) -> Micros {
        match self {
            Self::Call { at, .. }
            | Self::Kill { at, .. }
            | Self::Stop { at, .. }
            | Self::Sleep { at, .. }
            | Self::Shutdown { at, .. }
            | Self::SetClock { at, .. }
            | Self::SetStoreClock { at, .. }
            | Self::Outage { at, .. } => *at,
        }
    }
}

impl Fault {
    /// Returns the node that it concerns, if it is one.
    pub(super) fn node(&self) -> Option<usize> {
        match self {
            Self::Call { node, .. }
            | Self::Kill { node, .. }
            | Self::Stop { node, .. }
            | Self::Sleep { node, .. }
            | Self::Shutdown { node, .. }
            | Self::SetClock { node, .. } => Some(*node),
            Self::Outage { node, .. } => *node,
            Self::SetStoreClock { .. } => None,
        }
    }
}

impl Trouble {
    fn random(random: &mut Random, call: Call, lease: Micros) -> Self {
        let (down, time) = (random.between(0, 2 * lease), pause(random, lease));
        let first = if call.is_of_store() { 0 } else { 4 };
        match random.between(first, 9) {
            0..=1 => Self::Fail,
            2..=3 => Self::LoseAnswer,
            4..=5 => Self::KillBefore { down },
            6..=7 => Self::KillAfter { down },
            8 => Self::DelayBefore { time },
            _ => Self::DelayAfter { time },
        }
    }
}

/// Returns how long something stands still: often much shorter or longer than a lease, sometimes about as long.
fn pause(random: &mut Random, lease: Micros) -> Micros {
    match random.between(0, 2) {
        0 => random.between(1000, lease / 2),
        1 => random.between(lease / 2, lease * 3 / 2),
        _ => random.between(lease, lease * 4),
    }
}

/// Returns by how much a clock is set.
fn step(random: &mut Random) -> i64 {
    let by = random.between(SECOND / 2, 60 * SECOND).cast_signed();
    if random.once_in(2) { by } else { -by }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: &Micros| Seconds(time.cast_signed());
        let at = |at: &Micros| format!("{:>9}", seconds(at).to_string());
        match self {
            Self::Call { at: time, node, call, skip, trouble } => {
                let which = match skip {
                    0 => "the next call".to_owned(),
                    skip => format!("after {skip} calls, the next"),
                };
                write!(f, "{}  n{node}: {which} of `{}` {trouble}", at(time), call.name())
            }
            Self::Kill { at: time, node, down } => {
                write!(
                    f,
                    "{}  n{node} is killed, and starts again {} s later",
                    at(time),
                    seconds(down)
                )
            }
            Self::Stop { at: time, node, time: length } => {
                write!(f, "{}  n{node} is stopped for {} s", at(time), seconds(length))
            }
            Self::Sleep { at: time, node, time: length } => {
                write!(f, "{}  the machine of n{node} sleeps for {} s", at(time), seconds(length))
            }
            Self::Shutdown { at: time, node, wait, down } => {
                let how = if *wait { "waits for its runs" } else { "does not wait" };
                let down = seconds(down);
                write!(
                    f,
                    "{}  n{node} is shut down, {how}, and starts again {down} s later",
                    at(time)
                )
            }
            Self::SetClock { at: time, node, by } => {
                write!(f, "{}  the clock of n{node} is set by {} s", at(time), Seconds(*by))
            }
            Self::SetStoreClock { at: time, by } => {
                write!(f, "{}  the clock of the store is set by {} s", at(time), Seconds(*by))
            }
            Self::Outage { at: time, node, time: length } => {
                let who =
                    node.map_or_else(|| "nobody".to_owned(), |node| format!("n{node} does not"));
                let verb = if node.is_some() { "reach" } else { "reaches" };
                write!(f, "{}  {who} {verb} the store for {} s", at(time), seconds(length))
            }
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: &Micros| Seconds(time.cast_signed());
        match self {
            Self::Fail => f.write_str("fails"),
            Self::LoseAnswer => f.write_str("has its effect, and its answer is lost"),
            Self::KillBefore { down } => {
                write!(
                    f,
                    "kills the process before its effect; it starts again {} s later",
                    seconds(down)
                )
            }
            Self::KillAfter { down } => {
                write!(
                    f,
                    "kills the process after its effect; it starts again {} s later",
                    seconds(down)
                )
            }
            Self::DelayBefore { time } => write!(f, "takes {} s before its effect", seconds(time)),
            Self::DelayAfter { time } => write!(f, "takes {} s after its effect", seconds(time)),
        }
    }
}
