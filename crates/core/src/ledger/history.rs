//! Which runs are recorded.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which runs are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum History {
    /// None.
    Off,
    /// Runs that did not succeed, and run times that did not run.
    Failures,
    /// All.
    All,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Failures => "failures",
            Self::All => "all",
        })
    }
}
