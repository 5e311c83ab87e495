//! The options of the trigger, as configs and stores have them.

use apscheduler_core::trigger::After;
use serde::{Deserialize, Serialize};

pub(super) const WHAT: &str = "trigger `after`";

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct AfterOptions {
    pub(super) jobs: Vec<After>,
}
