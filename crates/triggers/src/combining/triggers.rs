//! The triggers inside a combining one.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext};
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::Value;

/// The triggers of a combining one; at least one.
#[derive(Clone, Debug)]
pub(super) struct Triggers(Vec<Arc<dyn Trigger>>);

impl Triggers {
    pub(super) fn new(triggers: Vec<Arc<dyn Trigger>>) -> Result<Self> {
        if triggers.is_empty() {
            let message = "triggers: needs a list of at least one trigger";
            return Err(Error::new(ErrorKind::InvalidTrigger, message));
        }
        Ok(Self(triggers))
    }

    /// Builds the triggers of the option `triggers`: tables, each with `type` and options.
    pub(super) fn build(configs: &[Value], context: &TriggerContext<'_>) -> Result<Self> {
        let build = |(index, config)| {
            TriggerConfig::from_value(config)
                .and_then(|config| context.build(&config))
                .map_err(|error| error.with_context(format_args!("triggers[{index}]")))
        };
        Self::new(configs.iter().enumerate().map(build).collect::<Result<_>>()?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn Trigger> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Explains which of the triggers can never fire, and why.
    pub(super) fn diagnose(&self, now: Timestamp) -> Option<String> {
        let problems: Vec<String> = self
            .iter()
            .enumerate()
            .filter_map(|(index, trigger)| {
                let problem = trigger.diagnose(now)?;
                Some(format!("triggers[{index}] ({trigger}) never fires: {problem}"))
            })
            .collect();
        (!problems.is_empty()).then(|| problems.join("; "))
    }

    /// Returns the triggers with [corrected starts](Trigger::with_corrected_start); `None` if no start changes.
    pub(super) fn with_corrected_start(&self, now: Timestamp) -> Option<Self> {
        let corrected: Vec<_> =
            self.iter().map(|trigger| trigger.with_corrected_start(now)).collect();
        corrected.iter().any(Option::is_some).then(|| {
            let either = |(trigger, corrected): (&Arc<dyn Trigger>, Option<Arc<dyn Trigger>>)| {
                corrected.unwrap_or_else(|| Arc::clone(trigger))
            };
            Self(self.0.iter().zip(corrected).map(either).collect())
        })
    }
}

impl fmt::Display for Triggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, trigger) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{trigger}")?;
        }
        f.write_str("]")
    }
}
