//! What users ask of a scheduler while it runs.

use std::fmt;

use super::random::Random;
use super::time::{Micros, SECOND, Seconds};

/// Something that a user asks of a scheduler about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) at: Micros,
    pub(super) what: Wanted,
}

/// What a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Another name of the job, while it may be due.
    Rename,
    /// A run now.
    Run,
    /// The end of one of the runs that have not ended: the number says which.
    Cancel { number: u64 },
    /// A pause. After this time the job is resumed, or the pause ends by itself.
    Pause { time: Micros, ends: bool },
}

impl Wish {
    /// Returns a random wish between these times.
    pub(super) fn random(random: &mut Random, start: Micros, end: Micros) -> Self {
        let at = random.between(start, end);
        let what = match random.between(0, 7) {
            0..=2 => Wanted::Run,
            3..=4 => Wanted::Cancel { number: random.between(0, 3) },
            5..=6 => {
                let time = random.between(SECOND, 20 * SECOND);
                Wanted::Pause { time, ends: random.once_in(3) }
            }
            _ => Wanted::Rename,
        };
        Self { at, what }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Micros| Seconds(time.cast_signed());
        match self.what {
            Wanted::Rename => write!(f, "renamed")?,
            Wanted::Run => write!(f, "asked to run")?,
            Wanted::Cancel { .. } => write!(f, "asked to cancel a run")?,
            Wanted::Pause { time, ends: true } => {
                write!(f, "paused until {} s later", seconds(time))?;
            }
            Wanted::Pause { time, ends: false } => {
                write!(f, "paused, and resumed {} s later,", seconds(time))?;
            }
        }
        write!(f, " at {}", seconds(self.at))
    }
}
