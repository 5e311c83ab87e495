//! Counts what happened, which shows that something did.

use std::fmt;
use std::ops::AddAssign;

/// What happened in simulations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// The simulations.
    pub seeds: u64,
    /// The run times that were planned.
    pub planned: u64,
    /// The calls of functions of jobs.
    pub runs: u64,
    /// Those of them that were not the first attempt of their run.
    pub further: u64,
    /// The runs that users asked for.
    pub asked: u64,
    /// The runs that were cancelled.
    pub cancelled: u64,
    /// The run times that were skipped, or for which another one stands.
    pub skipped: u64,
    /// The calls of stores.
    pub calls: u64,
    /// The faults that happened.
    pub faults: u64,
    /// The processes that were killed.
    pub killed: u64,
    /// The calls that had their effect, and whose answer was lost.
    pub unanswered: u64,
    /// The owners that others found dead.
    pub dead: u64,
    /// The runs that were lost with them.
    pub lost: u64,
    /// The outcomes that were refused because their owner was dead.
    pub refused: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.planned += other.planned;
        self.runs += other.runs;
        self.further += other.further;
        self.asked += other.asked;
        self.cancelled += other.cancelled;
        self.skipped += other.skipped;
        self.calls += other.calls;
        self.faults += other.faults;
        self.killed += other.killed;
        self.unanswered += other.unanswered;
        self.dead += other.dead;
        self.lost += other.lost;
        self.refused += other.refused;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, planned, runs, calls, faults, .. } = self;
        let Self { further, asked, cancelled, skipped, .. } = self;
        let Self { killed, unanswered, dead, lost, refused, .. } = self;
        write!(
            f,
            "{seeds} seeds: {planned} planned run times, {runs} runs, {further} of them further attempts, {asked} asked for, \
             {cancelled} cancelled; {skipped} run times skipped; {calls} calls of stores; {faults} faults: {killed} processes \
             killed, {unanswered} answers lost; {dead} owners found dead, {lost} runs lost, {refused} outcomes refused"
        )
    }
}
