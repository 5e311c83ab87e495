//! The rights.

use std::fmt;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Right {
    /// See jobs, runs and the scheduler.
    View,
    /// Run jobs now, retry and cancel runs.
    Run,
    /// Pause and resume jobs.
    Pause,
    /// Add and change jobs.
    Edit,
    /// Remove jobs.
    Remove,
    /// Pause and resume the scheduler.
    Admin,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 6] =
        [Self::View, Self::Run, Self::Pause, Self::Edit, Self::Remove, Self::Admin];

    /// Returns the name of the right, such as `view`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Run => "run",
            Self::Pause => "pause",
            Self::Edit => "edit",
            Self::Remove => "remove",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

bitflags::bitflags! {
    /// What somebody may do. None of them includes another.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Rights: u8 {
        /// [`Right::View`].
        const VIEW = 1;
        /// [`Right::Run`].
        const RUN = 1 << 1;
        /// [`Right::Pause`].
        const PAUSE = 1 << 2;
        /// [`Right::Edit`].
        const EDIT = 1 << 3;
        /// [`Right::Remove`].
        const REMOVE = 1 << 4;
        /// [`Right::Admin`].
        const ADMIN = 1 << 5;
    }
}

impl Rights {
    /// Returns whether these include a right.
    pub fn include(self, right: Right) -> bool {
        self.contains(right.into())
    }
}

impl From<Right> for Rights {
    fn from(right: Right) -> Self {
        match right {
            Right::View => Self::VIEW,
            Right::Run => Self::RUN,
            Right::Pause => Self::PAUSE,
            Right::Edit => Self::EDIT,
            Right::Remove => Self::REMOVE,
            Right::Admin => Self::ADMIN,
        }
    }
}
