//! The options of the trigger, as configs and stores have them.

use apscheduler_core::time::Zone;
use serde::{Deserialize, Serialize};

use crate::instant::InstantOption;

pub(super) const WHAT: &str = "trigger `date`";

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct DateOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_date: Option<InstantOption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timezone: Option<Zone>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) from_clock: bool,
}
